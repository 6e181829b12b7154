"""A classifier that learns from images that are attacked while it learns."""

import keras
import tensorflow as tf

import agents
from attacks.objectives import away_from, cross_entropy
from models.adversarial_training import AdversarialTraining
from models.draw import Draw
from models.game import copy_agent, falling_rate
from models.losses import divergence


@keras.saving.register_keras_serializable(package="games")
class RobustClassifier(AdversarialTraining):
    """The classifier minimises a loss that the attacker, who knows its weights, maximises.

    With "madry" the classifier learns to name the attacked images; "fast" is the same against a
    single step from a random start (Wong et al. 2020, arXiv:2001.03994); with "trades" it learns
    to name the images as they are, and to give the same answer for the attacked ones.

    The attack's epsilon grows from 0: under the full epsilon from the start, a classifier may learn
    only to give every class the same probability. Images may be shifted, because robustness
    overfits long before accuracy does (Rice et al. 2020, arXiv:2002.11569).

    Args:
        classifier: compiled keras.Model, images -> class logits.
        options: games.robust.RobustOptions.
    Source: Madry et al. 2018, equation 2.1, arXiv:1706.06083; Zhang et al. 2019, algorithm 1,
        arXiv:1901.08573.
    """

    def __init__(self, classifier, options, **kwargs):
        super().__init__(options, **kwargs)
        self.classifier = classifier
        self.average_classifier = copy_agent(classifier)
        self.means = {
            "classifier_loss": keras.metrics.Mean("classifier_loss"),
            "attacked_accuracy": keras.metrics.Mean("attacked_accuracy"),
        }

    def train_step(self, data):
        """One round: the attacker's turn, the classifier's turn, the average's step."""
        images, labels, weights = self.lesson(*data)
        with tf.name_scope("attacker_turn"):
            adversarial_images = self.attacker_turn(images, labels)
        with tf.name_scope("classifier_turn"):
            self.classifier_turn(images, adversarial_images, labels, weights)
        with tf.name_scope("average_classifier_step"):
            self.follow(self.average_classifier, self.classifier, self.options.ema_decay)
        return self.results()

    def lesson(self, images, labels):
        """What a round teaches: images, their labels, and the weight of each image in the loss."""
        most = self.options.translation
        images = self.vary(images, self.classifier, most, Draw.LESSON_SHIFT, Draw.LESSON_FLIP)
        return images, labels, tf.ones_like(labels, tf.float32)

    def attacker_turn(self, images, labels):
        """Images in the balls around the originals that the attacker makes as wrong as it can."""
        if self.options.loss == "trades":
            logits = self.classifier(images, training=False)

            def objective(attacked):
                return divergence(logits, self.classifier(attacked, training=False))
        else:
            objective = away_from(self._classify, labels)
        seed = self.random_seed(self.classifier, Draw.ATTACK_START)
        return self.attack(objective, images, seed=seed, scale=self.ramp(self.classifier))

    def classifier_turn(self, images, adversarial_images, labels, weights):
        """Teaches the classifier to withstand this turn's attacks."""
        agent = self.classifier

        def loss_fn():
            attacked_logits = agent(adversarial_images, training=True)
            named = tf.argmax(attacked_logits, axis=-1, output_type=tf.int32)
            self.track(attacked_accuracy=tf.cast(named == labels, tf.float32))
            if self.options.loss != "trades":
                return tf.reduce_mean(weights * cross_entropy(labels, attacked_logits))
            logits = agent(images, training=True)
            steady = divergence(logits, attacked_logits)
            loss = cross_entropy(labels, logits) + self.options.trades_beta * steady
            return tf.reduce_mean(weights * loss)

        self.track(classifier_loss=self.update(agent, loss_fn))

    def test_step(self, data):
        """How the average classifier reads held-out images, plain and attacked."""
        return self.examine(lambda images: self.average_classifier(images, training=False), *data)

    def _classify(self, images):
        return self.classifier(images, training=False)

    @property
    def step(self):
        """int, rounds played so far."""
        return int(self.classifier.optimizer.iterations.numpy())

    def agents(self):
        """The agent that a checkpoint holds."""
        return {"classifier": self.classifier}

    def agents_to_save(self):
        """The agent for use after the training: the average classifier."""
        return {"classifier": self.average_classifier}


def learning_rate(options):
    """The classifier's learning rate, which falls over the run."""
    return falling_rate(options, options.classifier_learning_rate)


def build(options, dataset):
    """The game of `options`; arguments as `models.game.build_game`."""
    build_classifier = (
        agents.build_robust_residual_classifier
        if options.residual
        else agents.build_robust_classifier
    )
    classifier = build_classifier(
        dataset.image_size,
        dataset.channels,
        width=options.classifier_width,
        num_classes=dataset.num_classes,
        contrast=options.contrast,
    )
    classifier.compile(agents.Adam(learning_rate(options)))
    return RobustClassifier(classifier, options)
