"""What games with an attacker share: how strong he may be, and how one withstands him."""

import keras
import tensorflow as tf

from attacks.objectives import away_from
from models.game import Game


class UnderAttack(Game):
    """A game in which an attacker perturbs real images inside an epsilon ball.

    Args:
        attack: attacks.ProjectedGradientDescent, the attacker.
        ramp_steps: int >= 0, turns over which the attack's epsilon grows from 0.
        seed: int.
    """

    def __init__(self, attack, *, ramp_steps=0, seed=0, **kwargs):
        super().__init__(seed=seed, **kwargs)
        self.attack = attack
        self.ramp_steps = ramp_steps
        self.accuracy = keras.metrics.SparseCategoricalAccuracy("accuracy")
        self.robust_accuracy = keras.metrics.SparseCategoricalAccuracy("robust_accuracy")

    def ramp(self, agent):
        """Share of epsilon that the attacker may use against this turn of an agent, in [0, 1]."""
        played = tf.cast(agent.optimizer.iterations, tf.float32)
        return tf.minimum(1.0, (played + 1.0) / (self.ramp_steps + 1.0))

    def examine(self, classify, images, labels):
        """Accuracy on held-out images so far, plain and under the full attack; nobody learns.

        Args:
            classify: callable, images -> class logits.
            images: float32 (batch, h, w, c) in [-1, 1].
            labels: int32 (batch,).
        Returns:
            dict, as `report`: `accuracy` and `robust_accuracy`.
        """
        adversarial_images = self.attack(away_from(classify, labels), images, seed=(self.seed, -1))
        self.accuracy.update_state(labels, classify(images))
        self.robust_accuracy.update_state(labels, classify(adversarial_images))
        return self.report(self.accuracy, self.robust_accuracy)
