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
    if not is_fast(options):
        return examining_attack(options)
    step_size = options.step_size or 1.25 * options.epsilon  # Wong et al. 2020
    return _attack(options, step_size, steps=1)


def examining_attack(options):
    """The attack of `attack_steps` steps that a game's classifier is examined under.

    A single step is too weak to examine one that learned from single steps (Wong et al. 2020).
    """
    given = None if is_fast(options) else options.step_size
    step_size = given or 2.5 * options.epsilon / options.attack_steps  # Madry et al. 2018
    return _attack(options, step_size, options.attack_steps)


def is_fast(options):
    """Whether a game trains under attacks of a single step."""
    return getattr(options, "loss", None) == "fast"


def _attack(options, step_size, steps):
    return ProjectedGradientDescent(
        options.epsilon, max(step_size, 1e-6), steps, norm=options.norm, keep_best=False
    )


class AdversarialTraining(Game):
    """A game in which an attacker perturbs real images inside an epsilon ball.

    Args:
        options: frozen options, with those of `training_attack` and with `ramp_steps`.
    Attributes:
        attack, examining_attack: attacks.ProjectedGradientDescent, of the rounds and of `examine`.
    """

    validation_images = 1000

    def __init__(self, options, **kwargs):
        super().__init__(options, **kwargs)
        self.attack, self.examining_attack = training_attack(options), examining_attack(options)
        self.single_step = is_fast(options)
        self.accuracy = keras.metrics.SparseCategoricalAccuracy("accuracy")
        self.robust_accuracy = keras.metrics.SparseCategoricalAccuracy("robust_accuracy")

    def ramp(self, agent):
        """Share of epsilon, in [0, 1], that the attacker may use in this turn of an agent."""
        played = tf.cast(agent.optimizer.iterations, tf.float32)
        return tf.minimum(1.0, (played + 1.0) / (self.options.ramp_steps + 1.0))

    def examine(self, classify, images, labels):
        """Accuracy on held-out images so far, plain and under attack; no agent learns.

        Args:
            classify: callable, images -> class logits.
            images: float32 (batch, h, w, c) in [-1, 1].
            labels: int32 (batch,).
        Returns:
            dict, as `report`: `accuracy` and `robust_accuracy`.
        """
        seed = (self.options.seed, -1)
        adversarial_images = self.examining_attack(away_from(classify, labels), images, seed=seed)
        self.accuracy.update_state(labels, classify(images))
        self.robust_accuracy.update_state(labels, classify(adversarial_images))
        return self.report(self.accuracy, self.robust_accuracy)
