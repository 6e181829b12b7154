"""One network, two ways to make it robust, one judge."""

import dataclasses

import keras
import numpy as np

import models
from agents import Adam, build_residual_discriminator, class_head
from evaluation import robustness
from games import GAMES, kind_of
from images import datasets
from models import fine_tuning
from models.game import copy_agent
from models.robust_classifier import RobustClassifier, learning_rate

QUERIES = 1000  # of the square attack, a fifth of what --mode evaluate spends


def fight(options, seed):
    """Trains and judges both; see `rob_gan.parse` for the options.

    Args:
        options: Namespace.
        seed: int, of both.
    Yields:
        dict: `who`, `seed`, `passes`, and the shares `clean` and `worst_case`.
    """
    dataset = datasets.load(options.dataset, data_dir=options.data_dir, seed=seed)
    split = getattr(dataset, options.split)
    config, tuning = (
        GAMES[game].from_preset(
            options.preset, kind_of(options.dataset), dataset=options.dataset, seed=seed
        )
        for game in ("robgan", "finetune")
    )
    agents = play(models.build_game(config, dataset), config, dataset).agents_to_save()
    most = 0

    def row(who, classifier, passes):
        cost = {"who": who, "seed": seed, "passes": passes}
        return cost | judged(target(classifier, split, options.images), config.epsilon)

    for weight in options.fake_weight or [tuning.fake_weight]:
        tuned = dataclasses.replace(tuning, epsilon=config.epsilon, fake_weight=weight)
        game = models.ready(fine_tuning.build(tuned, agents.get))
        play(game, tuned, dataset)
        passes = passes_of(config) + passes_of(tuned)
        most = max(most, passes)
        yield row(f"Rob-GAN, fake weight {weight:g}", game.average_classifier, passes)
    yield row("Madry's method alone", madry(config, dataset, most), most)


def passes_of(config):
    """Gradient passes of a training through the network, the attacker's and the learner's.

    A round of co-training: the attack, attacked real images, fakes, and the generator's own turn.
    One of fine-tuning: attack and update, on real images and, if they have any weight, on fakes.
    """
    if config.game == "robgan":
        return config.steps * (config.discriminator_steps * (config.attack_steps + 2) + 1)
    return config.steps * (config.attack_steps + 1) * (2 if config.fake_weight else 1)


def madry(config, dataset, passes):
    """The average classifier of adversarial training alone, on the class head of the network."""
    shared = {name: getattr(config, name) for name in ("dataset", "seed", "batch_size", "epsilon")}
    rules = GAMES["robust"].from_preset("quick", kind_of(config.dataset), **shared)
    steps = passes // (rules.attack_steps + 1)
    rules = dataclasses.replace(rules, steps=steps, ramp_steps=config.ramp_steps)
    keras.utils.set_random_seed(config.seed)
    network = build_residual_discriminator(
        dataset.image_size,
        dataset.channels,
        width=config.discriminator_width,
        num_classes=dataset.num_classes,
        contrast=config.contrast,
    )
    classifier = copy_agent(class_head(network))
    classifier.compile(Adam(learning_rate(rules)))
    game = models.ready(RobustClassifier(classifier, rules))
    return play(game, rules, dataset).average_classifier


def play(game, config, dataset):
    """Plays a game for its steps and returns it."""
    batches = datasets.batches(dataset.train, config.batch_size, seed=config.seed)
    game.fit(batches, steps_per_epoch=config.steps, shuffle=False, verbose=0)
    return game


def target(classifier, split, count):
    """A classifier and some images of a split, the same for all: a `robustness.Target`."""
    chosen = np.random.default_rng(0).permutation(len(split.labels))[:count]
    return robustness.Target(
        classifier, datasets.normalize(split.images[chosen]), split.labels[chosen]
    )


def judged(target, epsilon):
    """Accuracy on the images of a target, plain and in the worst case, as shares."""
    rules = robustness.RobustnessOptions(
        epsilon=epsilon, num_images=len(target.labels), queries=QUERIES
    )
    worst = robustness.worst_case(target, rules)[-1]["value"]
    return {"clean": float(target.right.mean()), "worst_case": worst}


def summary(rows):
    """Mean and spread of the worst case over the seeds, by who: name -> dict."""
    values: dict[str, list] = {row["who"]: [] for row in rows}
    for row in rows:
        values[row["who"]].append(row["worst_case"])
    return {
        who: {
            "mean": float(np.mean(worst)),
            "low": min(worst),
            "high": max(worst),
            "seeds": len(worst),
        }
        for who, worst in values.items()
    }
