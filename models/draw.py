"""Names for all that is drawn at random in a step."""

import enum


class Draw(enum.IntEnum):
    """What the turns draw; each draw has its own random numbers in every iteration.

    A draw of fakes takes two numbers: its own for the latents, and the next for the labels.
    """

    DISCRIMINATOR_FAKES = 0
    DISCRIMINATOR_FAKE_SHIFT = 2
    DISCRIMINATOR_REAL_SHIFT = 3
    GENERATOR_FAKES = 4
    GENERATOR_REAL_SHIFT = 6
    GENERATOR_FAKE_SHIFT = 7
    WASSERSTEIN_MIXING = 8
    CLASSIFIER_FAKES = 9
    CLASSIFIER_SHIFT = 11
    CRITIC_FAKES = 12
    CRITIC_WRONG_LABELS = 14
    ATTACK_START = 15
    FIRST_POOL = 16
    POOL_PLACES = 17
    RENEWED = 18
    RENEWED_NOISE = 19
    LESSON_SHIFT = 20
    ROBGAN_ATTACK_START = 21
    ROBGAN_DISCRIMINATOR_FAKES = 22
    ROBGAN_GENERATOR_FAKES = 24
    LESSON_FAKES = 26
    DISCRIMINATOR_FAKE_FLIP = 28
    DISCRIMINATOR_REAL_FLIP = 29
    GENERATOR_REAL_FLIP = 30
    GENERATOR_FAKE_FLIP = 31
    CLASSIFIER_FLIP = 32
    LESSON_FLIP = 33
    CLASSIFIER_WARP = 34
