"""What games with an attacker share: the attack, how it grows, and accuracy under it."""

import keras
import tensorflow as tf

from attacks import ProjectedGradientDescent
from attacks.objectives import away_from
from models.game import Game


def training_attack(options):
    """The attack that a game trains under.

    Args:
        options: with `epsilon`, `norm`, `attack_steps` and `step_size`; if they have a `loss` that
            is "fast", the attack is a single step.
    Returns:
        attacks.ProjectedGradientDescent.
    """
    fast = getattr(options, "loss", None) == "fast"
    steps = 1 if fast else options.attack_steps
    overshoot = 1.25 if fast else 2.5  # Wong et al. 2020; Madry et al. 2018
    step_size = options.step_size or max(overshoot * options.epsilon / steps, 1e-6)
    return ProjectedGradientDescent(
        options.epsilon, step_size, steps, norm=options.norm, keep_best=False
    )


class AdversarialTraining(Game):
    """A game in which an attacker perturbs real images inside an epsilon ball.

    Args:
        options: frozen options, with those of `training_attack` and with `ramp_steps`.
    """

    validation_images = 1000

    def __init__(self, options, **kwargs):
        super().__init__(options, **kwargs)
        self.attack = training_attack(options)
        self.accuracy = keras.metrics.SparseCategoricalAccuracy("accuracy")
        self.robust_accuracy = keras.metrics.SparseCategoricalAccuracy("robust_accuracy")

    def ramp(self, agent):
        """Share of epsilon, in [0, 1], that the attacker may use in this turn of an agent."""
        played = tf.cast(agent.optimizer.iterations, tf.float32)
        return tf.minimum(1.0, (played + 1.0) / (self.options.ramp_steps + 1.0))

    def examine(self, classify, images, labels):
        """Accuracy on held-out images so far, plain and under the full attack; no agent learns.

        Args:
            classify: callable, images -> class logits.
            images: float32 (batch, h, w, c) in [-1, 1].
            labels: int32 (batch,).
        Returns:
            dict, as `report`: `accuracy` and `robust_accuracy`.
        """
        seed = (self.options.seed, -1)
        adversarial_images = self.attack(away_from(classify, labels), images, seed=seed)
        self.accuracy.update_state(labels, classify(images))
        self.robust_accuracy.update_state(labels, classify(adversarial_images))
        return self.report(self.accuracy, self.robust_accuracy)
