"""Tiny games, and the means to see who moved and who was shown what."""

import collections
import dataclasses
import types

import keras
import numpy as np
import tensorflow as tf
from scipy.special import log_softmax

import agents
from games import GAMES
from games.gan import RELATIVISTIC
from games.robgan import ORIGINAL
from models import gan_trio, rob_gan
from models.attacked_discriminator import AttackedDiscriminator
from models.fine_tuning import FineTuning
from models.game import copy_agent
from models.gan import GAN
from models.relativistic import RelativisticGAN
from models.robust_classifier import RobustClassifier

IMAGE_SIZE, LATENT_DIM, NUM_CLASSES, BATCH, WIDTH = 8, 6, 3, 8, 4
READERS = 2  # of a trio without labels
ROLES = (
    "generator",
    "discriminator",
    "classifier",
    "average_generator",
    "average_classifier",
    "average_discriminator",
)
OWN = ("pool", "attack_steps", "area", "grown_at", "reader_losses")  # variables of a game itself


# Rules that a tiny game plays by unless a test says otherwise: none of the refinements.
PLAIN = {
    "gan": {"r1_gamma": 0.0},
    "trio": {"r1_gamma": 0.0, "classifier_translation": 0},
    "robust": {"ramp_steps": 0},
    "attacked": {"pool_size": 30, "sampling_steps": 10, "batch_size": BATCH},
    "robgan": {"r1_gamma": 0.0, "ramp_steps": 0},
    "finetune": {"fake_weight": 1.0},
}


def options_of(game, **rules):
    """The options of a tiny game, by the rules of `PLAIN` and those given."""
    return GAMES[game].options(game=game, **{**PLAIN[game], **rules})


def adam():
    return agents.Adam(1e-2, beta_1=0.5)


def sgd():
    return keras.optimizers.SGD(0.1)


def tiny_gan(*, optimizer=sgd, spectral_norm=False, initial=0, **rules):
    """A GAN on 8x8 grey images; `initial` seeds the first weights, `rules` are the game's."""
    keras.utils.set_random_seed(initial)
    generator = agents.build_generator(IMAGE_SIZE, 1, latent_dim=LATENT_DIM, width=WIDTH)
    discriminator = agents.build_discriminator(
        IMAGE_SIZE,
        1,
        width=WIDTH,
        num_classes=NUM_CLASSES,
        conditioning="none",
        spectral_norm=spectral_norm,
    )
    for agent in (generator, discriminator):
        agent.compile(optimizer())
    kind = RelativisticGAN if rules.get("loss") in RELATIVISTIC else GAN
    game = kind(generator, discriminator, options_of("gan", spectral_norm=spectral_norm, **rules))
    game.compile()
    return game


def tiny_trio(
    *,
    conditioning="projection",
    optimizer=sgd,
    spectral_norm=False,
    refine=True,
    initial=0,
    **rules,
):
    """A trio on 8x8 grey images of 3 classes; arguments as `tiny_gan`."""
    keras.utils.set_random_seed(initial)
    generator = agents.build_generator(
        IMAGE_SIZE, 1, latent_dim=LATENT_DIM, width=WIDTH, num_classes=NUM_CLASSES, refine=refine
    )
    discriminator = agents.build_discriminator(
        IMAGE_SIZE,
        1,
        width=WIDTH,
        num_classes=NUM_CLASSES,
        conditioning="auxiliary" if conditioning == "auxiliary" else "projection",
        spectral_norm=spectral_norm,
    )
    classifier = agents.build_classifier(
        IMAGE_SIZE,
        1,
        width=WIDTH,
        num_classes=NUM_CLASSES,
        readers=READERS if conditioning == "none" else None,
    )
    for agent in (generator, discriminator, classifier):
        agent.compile(optimizer())
    rules = {"classifier_warp": 0.3 if conditioning == "none" else 0.0, **rules}
    options = options_of("trio", conditioning=conditioning, spectral_norm=spectral_norm, **rules)
    game = gan_trio.variant(options)(generator, discriminator, classifier, options)
    game.compile()
    return game


def tiny_robust(
    *, loss="madry", optimizer=sgd, epsilon=0.1, steps=3, initial=0, contrast=0.0, **rules
):
    """A classifier and its attacker on 8x8 grey images of 3 classes; arguments as `tiny_gan`."""
    keras.utils.set_random_seed(initial)
    classifier = agents.build_robust_classifier(
        IMAGE_SIZE, 1, width=WIDTH, num_classes=NUM_CLASSES, contrast=contrast
    )
    classifier.compile(optimizer())
    rules = {**attack_of(epsilon, 1 if loss == "fast" else steps), "loss": loss, **rules}
    game = RobustClassifier(classifier, options_of("robust", **rules))
    game.compile()
    return game


def tiny_attacked(
    *, optimizer=sgd, epsilon=None, norm="l2", step_size=0.2, steps=5, initial=0, **rules
):
    """A discriminator and its attacker on 8x8 grey images of 3 classes; arguments as `tiny_gan`."""
    keras.utils.set_random_seed(initial)
    discriminator = agents.build_class_discriminator(
        IMAGE_SIZE, 1, width=WIDTH, num_classes=NUM_CLASSES
    )
    discriminator.compile(optimizer())
    rules = {"epsilon": epsilon, "norm": norm, "step_size": step_size, **rules}
    game = AttackedDiscriminator(discriminator, options_of("attacked", attack_steps=steps, **rules))
    game.compile()
    return game


def attack_of(epsilon, steps):
    """The options of an attack whose steps together are twice as long as epsilon."""
    return {"epsilon": epsilon, "attack_steps": steps, "step_size": max(2 * epsilon / steps, 1e-6)}


def residual_agents(**options):
    """A residual generator and discriminator for 8x8 grey images of 3 classes."""
    return (
        agents.build_residual_generator(
            IMAGE_SIZE, 1, latent_dim=LATENT_DIM, width=WIDTH, num_classes=NUM_CLASSES
        ),
        agents.build_residual_discriminator(
            IMAGE_SIZE, 1, width=WIDTH, num_classes=NUM_CLASSES, **options
        ),
    )


TINY = types.SimpleNamespace(image_size=IMAGE_SIZE, channels=1, num_classes=NUM_CLASSES)
TINY_WIDTHS = {"latent_dim": LATENT_DIM, "generator_width": WIDTH, "discriminator_width": WIDTH}


def tiny_robgan(
    *, recipe="stable", optimizer=sgd, epsilon=0.1, steps=3, batch_norm=False, initial=0, **rules
):
    """Generator, discriminator and attacker on 8x8 grey images of 3 classes; as `tiny_gan`.

    The original recipe here has one turn of the discriminator, and BatchNorm only if asked.
    """
    keras.utils.set_random_seed(initial)
    of_recipe = {"realness_width": WIDTH} if recipe == "stable" else ORIGINAL
    rules = {"discriminator_steps": 1, "batch_norm": batch_norm, "r1_gamma": 0.0, **rules}
    rules = {**of_recipe, **TINY_WIDTHS, **attack_of(epsilon, steps), **rules}
    game = rob_gan.build(options_of("robgan", recipe=recipe, **rules), TINY)
    for agent in (game.generator, game.discriminator):
        agent.compile(optimizer())
    game.compile()
    return game


def tiny_finetuning(*, optimizer=sgd, epsilon=0.1, steps=3, initial=0, **rules):
    """The class head of an untrained Rob-GAN's discriminator, and its generator; as `tiny_gan`."""
    keras.utils.set_random_seed(initial)
    parent = tiny_robgan(recipe="original", initial=initial)  # its generator has statistics
    generator = copy_agent(parent.generator)
    classifier = copy_agent(agents.class_head(parent.discriminator))
    classifier.compile(optimizer())
    rules = {**attack_of(epsilon, steps), **rules}
    game = FineTuning(classifier, generator, options_of("finetune", **rules))
    game.compile()
    return game


def real_batch(seed=0, batch=BATCH):
    """Images (batch, 8, 8, 1) in [-1, 1], lighter for a higher class, and their labels."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, NUM_CLASSES, batch).astype(np.int32)
    shape = (batch, IMAGE_SIZE, IMAGE_SIZE, 1)
    images = rng.uniform(-0.9, 0.1, shape) + 0.4 * labels.reshape(-1, 1, 1, 1)
    return tf.constant(images, tf.float32), tf.constant(labels)


def play(game, rounds, data=None):
    """Plays rounds eagerly on one batch and returns the game."""
    for _ in range(rounds):
        game.train_step(data or real_batch())
    return game


def variables(game):
    """Every variable of a game, by owner: agents, averages, optimizers and its own."""
    owned = {name: [getattr(game, name)] for name in OWN if hasattr(game, name)}
    for role in ROLES:
        agent = getattr(game, role, None)
        if agent is None:
            continue
        owned[role] = agent.variables
        if getattr(agent, "optimizer", None) is not None:
            owned[f"{role}'s optimizer"] = agent.optimizer.variables
    return owned


def state(game):
    """Every number that a game holds, by owner, as `variables`."""
    return {
        name: [np.asarray(variable.numpy()) for variable in owned]
        for name, owned in variables(game).items()
    }


def put_back(game, numbers, **rules):
    """Gives a game the numbers that `state` once found, and other rules that its turns read.

    It is then as if it had been built anew, which takes ten times as long.

    Returns:
        the game.
    """
    game.reset_metrics()
    game.options = dataclasses.replace(game.options, **rules)
    for name, owned in variables(game).items():
        for variable, number in zip(owned, numbers[name], strict=True):
            variable.assign(number)
    return game


def discriminator_turns(game, take):
    """Turns of a game's discriminator, each from where the game stands now.

    Args:
        game: a tiny game.
        take: callable without arguments, which plays the turn.
    Returns:
        function, (iteration, **rules) -> the discriminator's weights after that turn.
    """
    begun = state(game)

    def weights_after(iteration, **rules):
        put_back(game, begun, **rules)
        game.discriminator.optimizer.iterations.assign(iteration)
        take()
        return [variable.numpy() for variable in game.discriminator.trainable_variables]

    return weights_after


def moved(before, after):
    """Names of the owners of whom any number differs by any bit."""
    assert before.keys() == after.keys()
    return {
        name
        for name in before
        if [x.tobytes() for x in before[name]] != [x.tobytes() for x in after[name]]
    }


def assert_lags_behind(game, average, agent):
    """Half of the old average stays where the game's decay is a half, once it is warm."""
    assert game.options.ema_decay == 0.5
    agent.optimizer.iterations.assign(99)
    before = average.get_weights()
    play(game, 1)
    after, fast = average.get_weights(), agent.get_weights()
    for old, slow, new in zip(before, after, fast, strict=True):
        np.testing.assert_allclose(slow, (old + new) / 2, rtol=1e-5, atol=1e-7)


def cross_entropy(labels, class_logits):
    """Per example, in nats, in float64."""
    logs = log_softmax(np.asarray(class_logits, np.float64), axis=1)
    return -logs[np.arange(len(labels)), labels]


def reported(game):
    return {name: float(value) for name, value in game.results().items()}


def kernels_of(agent):
    """The weights that a turn surely moves: a bias may cancel out of a loss."""
    return [weight.numpy() for weight in agent.trainable_variables if len(weight.shape) > 1]


Call = collections.namedtuple("Call", "role inputs outputs training")


def arrays(tensors):
    return [np.array(tensor.numpy()) for tensor in tf.nest.flatten(tensors)]


def spy(game):
    """Records each call of each agent from now on, as long as the game is played eagerly.

    Returns:
        list of Call, growing; inputs and outputs are lists of arrays.
    """
    calls = []

    def watch(role, agent):
        answer = agent.call

        def call(inputs, training=None, mask=None):
            outputs = answer(inputs, training=training)
            calls.append(Call(role, arrays(inputs), arrays(outputs), bool(training)))
            return outputs

        agent.call = call

    for role in ROLES:
        if hasattr(game, role):
            watch(role, getattr(game, role))
    return calls


def calls_of(calls, role):
    return [call for call in calls if call.role == role]


def seeds_drawn(game, steps):
    """Every seed that the game draws while it is played, in order."""
    seeds, original = [], game.random_seed

    def recording(agent, draw):
        seeds.append(tuple(original(agent, draw).numpy()))
        return original(agent, draw)

    game.random_seed = recording
    play(game, steps)
    return seeds
