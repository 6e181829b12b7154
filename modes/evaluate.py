"""--mode evaluate."""

import numpy as np

from cli.terminal import say
from evaluation import (
    attack_plots,
    generation,
    inception,
    names,
    plots,
    points,
    reference,
    robustness,
    stacked,
    table,
)
from games import GAMES, OptionError
from games.base import STACKED
from images import datasets, downloads, pictures
from images.points import MIXTURES
from images.views import view_of
from images.writing import save_report
from modes.generate import KINDS, open_sampler
from modes.selection import (
    check_places,
    chosen_ball,
    classifier_run,
    load_data,
    open_run,
    report_folder,
)
from training.loading import load_classifier

ATTACKED_IMAGES = 1000
FEW = 100
OF_PICTURES = ("gan_train", "inception")  # flags


def evaluate(flags):
    """--mode evaluate: tables of figures, as JSON too, and plots; returns the exit status."""
    run, supplied = open_run(flags, needs_data=True)
    folder = report_folder(flags, run, supplied)
    name = getattr(run.read_config(), "dataset", None)
    if name in MIXTURES:
        judge_points(flags, run, folder)
    elif name == STACKED:
        judge_stacked(flags, run, folder)
    elif "generate" not in GAMES[flags.game].modes or flags.robustness:
        judge_robustness(flags, run, folder)
    else:
        judge_generation(flags, run, folder)
    return 0


def judge_robustness(flags, run, folder):
    """Attacks the run's classifier; writes robustness.json and robustness.png into the folder."""
    refuse(
        flags,
        ("truncation", "sampling_steps", *OF_PICTURES),
        "is for images, not for a classifier",
    )
    holder = classifier_run(run)
    classifier = load_classifier(holder)
    ball = chosen_ball(flags, holder.read_config(), classifier.input.shape[1:])
    rules = robustness.RobustnessOptions(
        epsilon=ball.epsilon,
        norm=ball.norm,
        num_images=flags.samples or ATTACKED_IMAGES,
        seed=flags.seed or 0,
    )
    check_places(flags, folder / "robustness.json", folder / "robustness.png")
    dataset = load_data(run, flags, fewest=1)
    judged = min(rules.num_images, len(dataset.test.labels))
    if judged < FEW:
        say(f"only {judged} test images: each is {1 / judged:.1%} of every figure below")
    report = robustness.evaluate_robustness(classifier, dataset.test, rules, announce=say)
    report = {"dataset": dataset.name, "parameters": classifier.count_params(), **report}
    say(table.format_robustness(report))
    save_report(folder / "robustness.json", report)
    attack_plots.plot_robustness(report, folder / "robustness.png")
    say(f"wrote {folder / 'robustness.json'} and the curve beside it")


def judge_generation(flags, run, folder):
    """Measures the run's images; writes evaluation.json and plots into the folder."""
    refuse(flags, ("epsilon", "norm"), "is for a classifier; add --robustness")
    check_places(flags, folder / "evaluation.json", *plots.report_paths(folder))
    sampler, dataset = open_sampler(flags, run), load_data(run, flags)
    config, conditional = run.read_config(), sampler.num_classes is not None
    count, seed = flags.samples or 10_000, flags.seed or 0
    network = inception_of(flags, dataset)
    say("judging with a classifier of real images, which is trained first unless it is cached")
    judge = reference.reference_classifier(dataset, reference_cache())
    attacked = config.game == "attacked"
    kinds = ("plain", "noise") if attacked else KINDS.values()
    say(f"drawing {count} images of each kind: {', '.join(kinds)}")
    labels = np.resize(np.arange(sampler.num_classes or 1, dtype=np.int32), count)
    samples = {kind: draw_sample(sampler, kind, labels, seed) for kind in kinds}

    def teaching_images(size, seed):
        return draw_sample(sampler, "plain", np.resize(labels, size), seed + 1)[:2]

    # An image by attack takes hundreds of gradients; as many as GAN-train needs would take hours.
    teaches = flags.gan_train and conditional and not attacked
    say("measuring" + ("; the last figure trains a fresh classifier on fakes" if teaches else ""))
    report = generation.evaluate_generation(
        samples,
        dataset,
        judge,
        training_source=teaching_images if teaches else None,
        classifier=load_classifier(classifier_run(run)) if conditional else None,
        inception=network,
        options=generation.GenerationOptions(
            num_judged=count,
            seed=seed,
            matched=getattr(config, "conditioning", None) == "none" and conditional,
        ),
    )
    say(table.format_table(report))
    save_report(folder / "evaluation.json", report)
    if line := names.legend(report["class_names"]):
        say(line)
    plots.plot_report(report, folder)
    say(f"wrote {folder / 'evaluation.json'} and the plots beside it")


def judge_points(flags, run, folder):
    """Counts what a run's points have of their mixture; writes evaluation.json and points.png."""
    refuse(flags, (*OF_PICTURES, "robustness", "epsilon", "norm"), "is for images, not for points")
    check_places(flags, folder / "evaluation.json", folder / "points.png")
    sampler, dataset = open_sampler(flags, run), load_data(run, flags)
    count, seed = flags.samples or len(dataset.test.labels), flags.seed or 0
    asked = sampler.num_classes is not None
    labels = np.resize(np.arange(sampler.num_classes or 1, dtype=np.int32), count)
    say(f"drawing {count} points of each kind: {', '.join(KINDS.values())}")
    drawn = {
        kind: getattr(sampler, kind)(labels, np.random.default_rng(seed)) for kind in KINDS.values()
    }
    report = points.evaluate_points(
        {kind: (sample, labels if asked else None) for kind, sample in drawn.items()},
        MIXTURES[dataset.name],
        dataset.test,
        load_classifier(run) if asked else None,
    )
    report = {"dataset": dataset.name, **report}
    say(points.format_points(report))
    save_report(folder / "evaluation.json", report)
    pictures.save_png(folder / "points.png", view_of(dataset.name).sheet(drawn["plain"]))
    say(f"wrote {folder / 'evaluation.json'} and points.png beside it")


def judge_stacked(flags, run, folder):
    """Counts how many of the thousand modes a run has found; writes evaluation.json."""
    refuse(flags, (*OF_PICTURES, "robustness", "epsilon", "norm"), "is for images with classes")
    check_places(flags, folder / "evaluation.json")
    sampler, dataset = open_sampler(flags, run), load_data(run, flags)
    count, seed = flags.samples or len(dataset.test.labels), flags.seed or 0
    say("judging with a classifier of single digits, which is trained first unless it is cached")
    data_dir = run.read_config().data_dir
    digits = datasets.load("mnist", data_dir=data_dir, image_size=dataset.image_size)
    judge = reference.reference_classifier(digits, reference_cache())
    say(f"drawing {count} pictures")
    # No chosen ones: what the discriminator likes best lacks the modes that it likes least.
    images, _ = draw_sample(sampler, "plain", np.zeros(count, np.int32), seed)
    report = stacked.evaluate_stacked({"plain": images}, dataset, judge)
    report = {"dataset": dataset.name, **report}
    say(stacked.format_stacked(report))
    save_report(folder / "evaluation.json", report)
    say(f"wrote {folder / 'evaluation.json'}")


def inception_of(flags, dataset):
    """The network behind FID for colour pictures, or None; what is missing is said."""
    if dataset.channels != 3:
        refuse(flags, ("inception",), "is for colour pictures")
        return None
    network = inception.find(flags.inception)
    if isinstance(network, str):
        say(f"without FID, the distance that papers print; for it {network}")
        return None
    return network


def reference_cache():
    """The folder of judges that were trained once, beside Keras's."""
    return downloads.cache_folder().with_name("adversarial-games")


def draw_sample(sampler, kind, labels, seed):
    """Images of one kind: (uint8 images, labels, clarity); (uint8 images, None) without classes."""
    drawn = getattr(sampler, kind)(labels, np.random.default_rng(seed))
    if sampler.num_classes is None:
        return datasets.denormalize(drawn), None
    return datasets.denormalize(drawn), labels, sampler.clarity(drawn, labels)


def refuse(flags, names, why):
    """Raises OptionError if one of the flags was given."""
    for name in names:
        if name in flags.given:
            raise OptionError(f"--{name}: {why}")
