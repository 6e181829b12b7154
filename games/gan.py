"""Generator against discriminator, and the trio, in which a classifier learns from fakes alone."""

import dataclasses
from typing import Any, ClassVar

from games import option as o
from games.base import DATASETS, POINTS, STACKED, Game, ImageOptions

# Losses by which a generator is compared with real images: with the one beside it, or with all.
RELATIVISTIC = ("relativistic", "relativistic_all")
LOSSES = ("non_saturating", "minimax", "hinge", "least_squares", "wasserstein", *RELATIVISTIC)
CONDITIONINGS = ("projection", "auxiliary", "none")


@dataclasses.dataclass(frozen=True)
class GANOptions(ImageOptions):
    """Options of the two-agent game. Shifts are in pixels of the image.

    Its agents play with images or, on the data sets of `POINTS`, with points in the plane.
    """

    # What an option of images must be where there are none.
    ON_POINTS: ClassVar = {
        "image_size": None,
        "data_dir": None,
        "translation": 0,
        "classifier_translation": 0,
        "refine": True,
        "style": False,
        "mirror": False,
    }

    dataset: str = o.option(
        "mnist",
        "auto is MNIST where it can be had, else digits; stacked_mnist has a thousand modes;"
        " ring and grid are points in the plane.",
        choices=(*DATASETS, STACKED, *POINTS),
    )
    batch_size: int = o.batch_size(64)
    loss: str = o.option("non_saturating", "The adversarial loss.", choices=LOSSES)
    r1_gamma: float = o.r1_gamma(0.1)
    spectral_norm: bool = o.option(False, "Bound the discriminator's slope by its weights.")
    translation: int = o.translation()
    mirror: bool = o.mirror()
    ema_decay: float = o.ema_decay()
    style: bool = o.option(
        False, "Let latents and class set the strength of every feature, as colour needs."
    )
    beta_1: float = o.beta_1()
    beta_2: float = o.beta_2()
    latent_dim: int = o.latent_dim()
    generator_width: int = o.width("generator", 32)
    discriminator_width: int = o.width("discriminator", 48)
    refine: bool = o.option(
        True, "Let the generator work at the image's full size: better in long runs, slower."
    )
    generator_learning_rate: float = o.learning_rate("generator", 5e-4)
    discriminator_learning_rate: float = o.learning_rate("discriminator", 5e-4)
    falling: bool = o.falling()
    nice_truncation: float | None = o.option(
        None, "Where the latents of --nice are cut off, in standard deviations.", low=0.01, high=10
    )

    def __post_init__(self):
        super().__post_init__()
        if self.dataset in POINTS:
            for name, allowed in self.ON_POINTS.items():
                if getattr(self, name, allowed) != allowed:
                    raise o.OptionError(
                        f"--{name}: is for images, not for the points of --dataset {self.dataset}"
                    )
        if self.loss == "wasserstein" and self.spectral_norm:
            raise o.OptionError(
                "--loss wasserstein with --spectral_norm: both bound the critic's slope; choose one"
            )


@dataclasses.dataclass(frozen=True)
class TrioOptions(GANOptions):
    """Options of the trio: the GAN's, and those of the classes and of the classifier."""

    conditioning: str = o.option(
        "projection", "How the discriminator learns the class.", choices=CONDITIONINGS
    )
    label_matching: float = o.option(
        0.0,
        "Weight of matching real images with their labels, by the discriminator's logits.",
        low=0,
        high=100,
    )
    classifier_translation: int = o.option(
        2, "Pixels by which the classifier's images are shifted.", low=0, high=32
    )
    classifier_warp: float = o.option(
        0.0,
        "With --conditioning none, how far images turn, stretch and slant under the same name.",
        low=0,
        high=1,
    )
    classifier_width: int = o.width("classifier", 32)
    classifier_learning_rate: float = o.learning_rate("classifier", 1e-3)

    def __post_init__(self):
        super().__post_init__()
        if self.dataset == STACKED:
            raise o.OptionError(f"--dataset {STACKED}: its modes have no names; use --game gan")
        if self.label_matching and self.conditioning != "projection":
            raise o.OptionError(
                f"--label_matching {self.label_matching}: needs --conditioning projection"
            )
        if self.conditioning == "none" and self.dataset in POINTS:
            raise o.OptionError("--conditioning none: finds classes of images, not of points")
        if (self.conditioning == "none") != (self.classifier_warp > 0):
            raise o.OptionError(
                "--conditioning none and a --classifier_warp above 0 need each other; a run without"
                " labels of version 0.9 or older has none and cannot go on"
            )


# The best use of half an hour with grey images: narrow agents, a generator that does not refine
# its images, small batches. With two hours the usual ones get further.
SWIFT = {"generator_width": 16, "discriminator_width": 24, "refine": False, "batch_size": 32}
USUAL = {name: getattr(GANOptions, name) for name in SWIFT}
# Data sets of small images are small: a stronger penalty keeps them from being learned by heart.
SMALL = {**USUAL, "r1_gamma": 1.0}
# Colour pictures need a generator in which latents and class reach every feature, and a
# discriminator that compares real with fake and is penalised at both (R3GAN; Huang et al. 2024,
# arXiv:2501.05441). Then each agent can learn as fast as the classifier, without momentum.
COLOUR = {
    "style": True,
    "loss": "relativistic",
    "r1_gamma": 0.3,
    "mirror": True,
    "beta_1": 0.0,
    "beta_2": 0.99,
    "generator_learning_rate": 1e-3,
    "discriminator_learning_rate": 1e-3,
    "generator_width": 24,
    "discriminator_width": 48,
    "batch_size": 32,
    "nice_truncation": 1.5,
}
# Three digits a picture: agents wide enough for three. Narrow ones (16 and 24) draw all modes, too,
# but with some seeds unevenly, however long they train.
STACKED_DIGITS: dict[str, Any] = {
    "loss": "relativistic",
    "generator_width": 32,
    "discriminator_width": 48,
    "refine": False,
    "batch_size": 32,
}
# Points: small agents, and steps so short that there may be many. Momentum carries the generator
# past modes as narrow as these: after 4,000 steps on the grid 61 % of samples are good with it, and
# 89 % without.
ON_THE_PLANE: dict[str, Any] = {
    "loss": "relativistic",
    "r1_gamma": 0.003,
    "beta_1": 0.0,
    "beta_2": 0.99,
    "generator_width": 64,
    "discriminator_width": 64,
    "latent_dim": 2,
    "batch_size": 256,
    "refine": True,
    "generator_learning_rate": 4e-3,
    "discriminator_learning_rate": 4e-3,
    "falling": True,
}
SHARED: dict[str, Any] = {
    "labelled": True,
    "next_mode": "generate --nice",
    "collapse_help": "--r1_gamma 1, --translation 2, --loss relativistic, a lower"
    " --generator_learning_rate",
    "points_help": f"--loss relativistic, --r1_gamma {ON_THE_PLANE['r1_gamma']}, --beta_1 0,"
    " --falling, a lower --generator_learning_rate",
    "side_by_side": 2,
}

GAN = Game(
    **{**SHARED, "labelled": False},
    name="gan",
    title="the GAN",
    says="generator and discriminator",
    options=GANOptions,
    model="models.gan",
    players=("generator", "discriminator"),
    classifier=None,
    modes=("train", "generate", "interpolate", "evaluate", "export"),
    presets={
        "quick": {**SWIFT, "steps": 8_000},
        "standard": {**SWIFT, "steps": 28_000},
        "best": {"steps": 30_000},
    },
    small={
        "quick": {**SMALL, "steps": 3_000},
        "standard": {**SMALL, "steps": 6_000},
        "best": {**SMALL, "steps": 20_000},
    },
    colour={
        "quick": {**COLOUR, "generator_width": 16, "discriminator_width": 32, "steps": 3_000},
        "standard": {**COLOUR, "steps": 16_000},
        "best": {**COLOUR, "steps": 48_000, "falling": True},
    },
    stacked={
        "quick": {**STACKED_DIGITS, "steps": 8_000},
        "standard": {**STACKED_DIGITS, "steps": 14_000},
        "best": {**STACKED_DIGITS, "steps": 28_000},
    },
    points={
        "quick": {**ON_THE_PLANE, "steps": 14_000},
        "standard": {**ON_THE_PLANE, "steps": 32_000},
        "best": {**ON_THE_PLANE, "steps": 64_000},
    },
)

# The trio's presets are the GAN's, with the classifier's options added.
SWIFT_TRIO = {"classifier_width": 16}
SMALL_TRIO = {"classifier_width": TrioOptions.classifier_width, "classifier_translation": 1}
# Of photographs realness says little about the class: what is told apart is what is drawn.
COLOUR_TRIO = {"classifier_width": 24, "label_matching": 0.1}
POINTS_TRIO = {"classifier_width": 64, "classifier_translation": 0}


def otherwise_conditioned(given, preset):
    """What follows from another `--conditioning` than the usual one.

    Only "projection" matches labels. With "none" images change, and a batch has many of them: how
    evenly the classifier names images is judged within a batch. A run has as many images as the
    preset's others, in fewer steps.
    """
    conditioning = given.get("conditioning")
    changed = {"label_matching": 0.0} if conditioning in ("auxiliary", "none") else {}
    if conditioning != "none":
        return changed
    images = preset["steps"] * preset.get("batch_size", TrioOptions.batch_size)
    changed |= {"classifier_warp": 0.25, "classifier_learning_rate": 2e-3}
    return {**changed, "batch_size": 128, "steps": images // 128}


TRIO = Game(
    **SHARED,
    name="trio",
    says="generator, discriminator, and a classifier that never sees a real image",
    options=TrioOptions,
    model="models.gan_trio",
    players=("generator", "discriminator", "classifier"),
    presets={
        "quick": {**GAN.presets["quick"], **SWIFT_TRIO},
        "standard": {**GAN.presets["standard"], **SWIFT_TRIO},
        "best": GAN.presets["best"],
    },
    small={name: {**chosen, **SMALL_TRIO} for name, chosen in GAN.small.items()},
    colour={name: {**chosen, **COLOUR_TRIO} for name, chosen in GAN.colour.items()},
    points={name: {**chosen, **POINTS_TRIO} for name, chosen in GAN.points.items()},
    adapt=otherwise_conditioned,
)
