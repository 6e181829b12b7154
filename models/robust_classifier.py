"""A classifier that learns from images that are attacked while it learns."""

import dataclasses

import keras
import tensorflow as tf

from attacks.objectives import away_from, cross_entropy
from attacks.pgd import from_dict
from augment import random_translation
from models.game import Game, copy_agent


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
class RobustClassifier(Game):
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
        super().__init__(seed=seed, **kwargs)
        self.classifier = classifier
        self.average_classifier = copy_agent(classifier)
        self.attack = attack
        self.loss_name = loss
        self.trades_beta = trades_beta
        self.ramp_steps = ramp_steps
        self.translation = translation
        self.ema_decay = ema_decay
        self.means = {
            "classifier_loss": keras.metrics.Mean("classifier_loss"),
            "attacked_accuracy": keras.metrics.Mean("attacked_accuracy"),
        }
        self.accuracy = keras.metrics.SparseCategoricalAccuracy("accuracy")
        self.robust_accuracy = keras.metrics.SparseCategoricalAccuracy("robust_accuracy")

    def train_step(self, data):
        """One round: the attacker's turn, the classifier's turn, the average's step."""
        images, labels = data
        images = random_translation(
            images, self.translation, self.random_seed(self.classifier, salt=20)
        )
        with tf.name_scope("attacker_turn"):
            adversarial_images = self.attacker_turn(images, labels)
        with tf.name_scope("classifier_turn"):
            self.classifier_turn(images, adversarial_images, labels)
        with tf.name_scope("average_classifier_step"):
            self.follow(self.average_classifier, self.classifier, self.ema_decay)
        return self.results()

    def attacker_turn(self, images, labels):
        """Images of each one's ball that the classifier gets as wrong as the attacker can."""
        if self.loss_name == "trades":
            logits = self.classifier(images, training=False)

            def objective(attacked):
                return divergence(logits, self.classifier(attacked, training=False))
        else:
            objective = away_from(self._classify, labels)
        seed = self.random_seed(self.classifier, salt=15)
        return self.attack(objective, images, seed=seed, scale=self.ramp())

    def classifier_turn(self, images, adversarial_images, labels):
        """Teaches the classifier to withstand this turn's attacks."""
        agent = self.classifier

        def loss_fn():
            attacked_logits = agent(adversarial_images, training=True)
            named = tf.argmax(attacked_logits, axis=-1, output_type=tf.int32)
            self.track(attacked_accuracy=tf.cast(named == labels, tf.float32))
            if self.loss_name != "trades":
                return tf.reduce_mean(cross_entropy(labels, attacked_logits))
            logits = agent(images, training=True)
            return tf.reduce_mean(
                cross_entropy(labels, logits)
                + self.trades_beta * divergence(logits, attacked_logits)
            )

        self.track(classifier_loss=self.update(agent, loss_fn))

    def ramp(self):
        """Share of epsilon that the attacker may use in this round, float32 in [0, 1]."""
        played = tf.cast(self.classifier.optimizer.iterations, tf.float32)
        return tf.minimum(1.0, (played + 1.0) / (self.ramp_steps + 1.0))

    def test_step(self, data):
        """How the average classifier reads held-out images, plain and attacked."""
        images, labels = data
        average = self.average_classifier
        self.accuracy.update_state(labels, average(images, training=False))
        objective = away_from(lambda attacked: average(attacked, training=False), labels)
        adversarial_images = self.attack(objective, images, seed=(self.seed, -1))
        self.robust_accuracy.update_state(labels, average(adversarial_images, training=False))
        return {
            "accuracy": self.accuracy.result(),
            "robust_accuracy": self.robust_accuracy.result(),
        }

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

    @classmethod
    def from_config(cls, config, custom_objects=None):
        options = dict(config)
        classifier = keras.saving.deserialize_keras_object(options.pop("classifier"))
        return cls(classifier, from_dict(options.pop("attack")), **options)
