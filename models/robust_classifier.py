"""A classifier that learns from images that are attacked while it learns."""

import dataclasses

import keras
import tensorflow as tf

from attacks.objectives import away_from, cross_entropy
from models.augment import random_translation
from models.game import copy_agent
from models.under_attack import UnderAttack


def divergence(logits, attacked_logits):
    """Kullback-Leibler divergence of what is said of attacked images from what is said of images.

    Args:
        logits, attacked_logits: float32 (batch, num_classes).
    Returns:
        float32 (batch,), nats, >= 0; 0 where the attack changes nothing.
    Source: Zhang et al. 2019, equation 5, arXiv:1901.08573.
    """
    logs, attacked_logs = tf.nn.log_softmax(logits), tf.nn.log_softmax(attacked_logits)
    return tf.reduce_sum(tf.exp(logs) * (logs - attacked_logs), axis=-1)


@keras.saving.register_keras_serializable(package="games")
class RobustClassifier(UnderAttack):
    """The classifier against the attacker, who knows its weights: min over one, max over the other.

    With "madry" the classifier learns to name the attacked images; "fast" is the same against a
    single step from a random start (Wong et al. 2020, arXiv:2001.03994); with "trades" it learns
    to name the images as they are, and to say the same of the attacked ones.

    Args:
        classifier: compiled keras.Model, images -> class logits.
        attack: attacks.ProjectedGradientDescent, the attacker.
        loss: "madry", "fast" or "trades".
        trades_beta: float >= 0, weight of saying the same.
        ramp_steps: int >= 0, over which the attack's epsilon grows from 0: from the full one at
            once, a classifier may learn nothing but to give every class the same probability.
        translation: int >= 0, shifts in pixels of the images that are learned from: robustness
            overfits long before accuracy does (Rice et al. 2020, arXiv:2002.11569).
        ema_decay: float in [0, 1), of `average_classifier`, the one to use afterwards.
        seed: int.
    Source: Madry et al. 2018, equation 2.1, arXiv:1706.06083; Zhang et al. 2019, algorithm 1,
        arXiv:1901.08573.
    """

    def __init__(
        self,
        classifier,
        attack,
        *,
        loss="madry",
        trades_beta=6.0,
        ramp_steps=0,
        translation=0,
        ema_decay=0.999,
        seed=0,
        **kwargs,
    ):
        super().__init__(attack, ramp_steps=ramp_steps, seed=seed, **kwargs)
        self.classifier = classifier
        self.average_classifier = copy_agent(classifier)
        self.loss_name = loss
        self.trades_beta = trades_beta
        self.translation = translation
        self.ema_decay = ema_decay
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
            self.follow(self.average_classifier, self.classifier, self.ema_decay)
        return self.results()

    def lesson(self, images, labels):
        """What a round teaches: images, their labels, and the weight of each in the loss."""
        seed = self.random_seed(self.classifier, salt=20)
        images = random_translation(images, self.translation, seed)
        return images, labels, tf.ones_like(labels, tf.float32)

    def attacker_turn(self, images, labels):
        """Images of each one's ball that the classifier gets as wrong as the attacker can."""
        if self.loss_name == "trades":
            logits = self.classifier(images, training=False)

            def objective(attacked):
                return divergence(logits, self.classifier(attacked, training=False))
        else:
            objective = away_from(self._classify, labels)
        seed = self.random_seed(self.classifier, salt=15)
        return self.attack(objective, images, seed=seed, scale=self.ramp(self.classifier))

    def classifier_turn(self, images, adversarial_images, labels, weights):
        """Teaches the classifier to withstand this turn's attacks."""
        agent = self.classifier

        def loss_fn():
            attacked_logits = agent(adversarial_images, training=True)
            named = tf.argmax(attacked_logits, axis=-1, output_type=tf.int32)
            self.track(attacked_accuracy=tf.cast(named == labels, tf.float32))
            if self.loss_name != "trades":
                return tf.reduce_mean(weights * cross_entropy(labels, attacked_logits))
            logits = agent(images, training=True)
            steady = divergence(logits, attacked_logits)
            loss = cross_entropy(labels, logits) + self.trades_beta * steady
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

    def agents_to_save(self):
        """The agent that a user wants afterwards: the average classifier."""
        return {"classifier": self.average_classifier}

    def get_config(self):
        return {
            "classifier": keras.saving.serialize_keras_object(self.classifier),
            "attack": dataclasses.asdict(self.attack),
            "loss": self.loss_name,
            "trades_beta": self.trades_beta,
            "ramp_steps": self.ramp_steps,
            "translation": self.translation,
            "ema_decay": self.ema_decay,
            "seed": self.seed,
        }
