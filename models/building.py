"""From a config to a game: the agents, each with its optimizer, round the table."""

import keras

import agents
from attacks import ProjectedGradientDescent
from models import GAN, AttackedDiscriminator, FineTuning, GANTrio, RobGAN, RobustClassifier
from models.game import copy_agent

# The games of one learner.
LEARNERS = {"robust": "classifier", "attacked": "discriminator", "finetune": "classifier"}
BETA_2 = 0.99  # of a discriminator whose fakes change faster than a generator's would
BETA_1 = 0.5  # Radford et al. 2016: less momentum for agents whose opponent moves


def build_game(config, dataset):
    """Builds the game that a config describes.

    Args:
        config: config.Config of any game.
        dataset: data.Dataset; only its shape and number of classes are looked at.
    Returns:
        A compiled `models.game.Game`.
    Raises:
        ValueError: if the image size cannot be halved far enough.
    """
    keras.utils.set_random_seed(config.seed)
    build = {
        "gan": build_gan,
        "trio": build_gan,
        "robust": build_robust,
        "attacked": build_attacked,
        "robgan": build_robgan,
    }[config.game]
    return ready(build(config, dataset), config)


def ready(game, config):
    """The game with its learners in the precision of the config, compiled as the config says."""
    for agent in game.layers:
        if agent.compiled:  # the averages are not: they are sampled, judged and saved in float32
            agents.compute_in(agent, config.precision)
    game.compile(jit_compile=config.jit)
    return game


def build_gan(config, dataset):
    """The GAN, or with a classifier the trio; arguments as `build_game`."""
    with_classes = config.game == "trio"
    shape = (dataset.image_size, dataset.channels)
    generator = agents.build_generator(
        *shape,
        latent_dim=config.latent_dim,
        width=config.generator_width,
        num_classes=dataset.num_classes if with_classes else None,
        refine=config.refine,
    )
    discriminator = agents.build_discriminator(
        *shape,
        width=config.discriminator_width,
        num_classes=dataset.num_classes,
        conditioning=config.conditioning if with_classes else "none",
        spectral_norm=config.spectral_norm,
    )
    generator.compile(agents.Adam(config.generator_learning_rate, beta_1=BETA_1))
    discriminator.compile(agents.Adam(config.discriminator_learning_rate, beta_1=BETA_1))
    rules = {
        "loss": config.loss,
        "r1_gamma": config.r1_gamma,
        "translation": config.translation,
        "ema_decay": config.ema_decay,
        "seed": config.seed,
    }
    if not with_classes:
        return GAN(generator, discriminator, **rules)
    classifier = agents.build_classifier(
        *shape, width=config.classifier_width, num_classes=dataset.num_classes
    )
    classifier.compile(agents.Adam(config.classifier_learning_rate))
    return GANTrio(
        generator,
        discriminator,
        classifier,
        conditioning=config.conditioning,
        classifier_translation=config.classifier_translation,
        **rules,
    )


def build_robust(config, dataset):
    """The classifier and its attacker; arguments as `build_game`."""
    classifier = agents.build_robust_classifier(
        dataset.image_size,
        dataset.channels,
        width=config.classifier_width,
        num_classes=dataset.num_classes,
        contrast=config.contrast,
    )
    classifier.compile(agents.Adam(falling_rate(config)))
    return RobustClassifier(
        classifier,
        training_attack(config),
        loss=config.loss,
        trades_beta=config.trades_beta,
        ramp_steps=config.ramp_steps,
        translation=config.translation,
        ema_decay=config.ema_decay,
        seed=config.seed,
    )


def build_attacked(config, dataset):
    """The discriminator and the attacker of its images; arguments as `build_game`."""
    discriminator = agents.build_class_discriminator(
        dataset.image_size,
        dataset.channels,
        width=config.discriminator_width,
        num_classes=dataset.num_classes,
    )
    discriminator.compile(agents.Adam(falling_rate(config), beta_1=BETA_1, beta_2=BETA_2))
    return AttackedDiscriminator(
        discriminator,
        image_attack(config),
        pool_size=config.pool_size,
        first_steps=config.first_steps,
        r1_gamma=config.r1_gamma,
        sampling_steps=config.sampling_steps,
        ema_decay=config.ema_decay,
        seed=config.seed,
    )


def build_robgan(config, dataset):
    """Generator, discriminator and attacker; arguments as `build_game`."""
    shape = (dataset.image_size, dataset.channels)
    generator = agents.build_residual_generator(
        *shape,
        latent_dim=config.latent_dim,
        width=config.generator_width,
        num_classes=dataset.num_classes,
    )
    discriminator = agents.build_residual_discriminator(
        *shape,
        width=config.discriminator_width,
        num_classes=dataset.num_classes,
        contrast=config.contrast,
        pooling=config.pooling,
        batch_norm=config.batch_norm,
    )
    generator.compile(agents.Adam(config.generator_learning_rate, beta_1=BETA_1))
    discriminator.compile(agents.Adam(config.discriminator_learning_rate, beta_1=BETA_1))
    return RobGAN(
        generator,
        discriminator,
        training_attack(config),
        loss=config.loss,
        discriminator_steps=config.discriminator_steps,
        r1_gamma=config.r1_gamma,
        ramp_steps=config.ramp_steps,
        ema_decay=config.ema_decay,
        seed=config.seed,
    )


def build_finetuning(config, dataset, generator, classifier):
    """Builds the game in which a Rob-GAN's classifier learns on; its generator only draws.

    Args:
        config: config.FineTuneConfig.
        dataset: not looked at.
        generator: keras.Model, [latents, labels] -> images.
        classifier: keras.Model, images -> class logits; a copy of it learns.
    Returns:
        A compiled `models.FineTuning`.
    """
    classifier = copy_agent(classifier)
    classifier.compile(agents.Adam(falling_rate(config)))
    game = FineTuning(
        classifier,
        training_attack(config),
        generator=copy_agent(generator),
        fake_weight=config.fake_weight,
        ema_decay=config.ema_decay,
        seed=config.seed,
    )
    return ready(game, config)


def falling_rate(config):
    """The learning rate of an agent that plays alone: it falls to nothing over the run's steps.

    A run whose end is set by the clock has no such steps; there it stays what it is.
    """
    lowest = 0.01 if config.minutes is None else 1.0  # as a share of the first
    return keras.optimizers.schedules.CosineDecay(
        getattr(config, f"{LEARNERS[config.game]}_learning_rate"), config.steps, alpha=lowest
    )


def adapt_to_length(game, config):
    """Fits a game that was loaded to the length that it shall have now."""
    if config.game in LEARNERS:
        learner = getattr(game, LEARNERS[config.game])
        learner.optimizer.learning_rate = falling_rate(config)


def training_attack(config):
    """The attack that a game trains under; with the loss "fast" it is a single step."""
    fast = getattr(config, "loss", None) == "fast"
    steps = 1 if fast else config.attack_steps
    overshoot = 1.25 if fast else 2.5  # Wong et al. 2020; Madry et al. 2018
    return ProjectedGradientDescent(
        config.epsilon,
        config.step_size or max(overshoot * config.epsilon / steps, 1e-6),
        steps,
        norm=config.norm,
        keep_best=False,
    )


def image_attack(config):
    """The attack of an `AttackedConfig`, which makes images."""
    return ProjectedGradientDescent(
        config.epsilon,
        config.step_size,
        config.attack_steps,
        norm=config.norm,
        random_start=False,
        keep_best=False,
    )
