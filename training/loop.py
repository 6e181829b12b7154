"""Plays a game on images to its end, from the start or from a checkpoint."""

import functools
import itertools
import time

import keras
import tensorflow as tf

import games
import models
from devices import hardware
from devices.distribution import Devices
from images import datasets
from images.views import view_of
from training import cost
from training.accessories import Accessories, Bar, Teller
from training.callbacks import Forecast, GraphWriter, Keeper, Progress, is_signal
from training.collapse import CollapseWatch
from training.film import SampleGrid
from training.overfitting import OverfittingWatch

OPENING_STEPS = 400  # by then the losses of a wrong division stand apart; see docs/trio.md
CRITIC_STEPS = 1000  # at most; a game of fewer has taught nobody so much
COLUMNS = 10  # of a grid of images that have no class
VALIDATION_BATCH = 250
FOREVER = 10**9  # steps, of a run that the clock ends


def spans(step, total_steps, per_epoch):
    """Cuts the rest of a run into calls of `fit`, each with epochs of one length.

    A run that stopped inside an epoch first completes it; the last epoch may be cut short.

    Args:
        step: int, steps done so far.
        total_steps: int, steps of the whole run.
        per_epoch: int, steps of a whole epoch.
    Yields:
        dict of `fit`'s arguments `initial_epoch`, `epochs` and `steps_per_epoch`.
    """
    first_boundary = -(-step // per_epoch) * per_epoch
    last_boundary = total_steps // per_epoch * per_epoch
    ends = {first_boundary, last_boundary, total_steps}
    cuts = [step, *sorted(end for end in ends if step < end <= total_steps)]
    for begin, end in itertools.pairwise(cuts):
        epoch = begin // per_epoch
        if begin % per_epoch == 0 and end % per_epoch == 0:
            yield {
                "initial_epoch": epoch,
                "epochs": end // per_epoch,
                "steps_per_epoch": per_epoch,
            }
        else:
            yield {"initial_epoch": epoch, "epochs": epoch + 1, "steps_per_epoch": end - begin}


def train(
    run,
    config,
    dataset,
    *,
    resume,
    show_bar,
    announce,
    build=models.build_game,
    devices=None,
    clock=time.monotonic,
):
    """Plays the game, writing everything into the run folder.

    The checkpoint comes first. Statistics, pictures, TensorBoard and output are accessories: if
    one fails, a line says so and the training goes on.

    Args:
        run: run_folder.Run; if `resume` it holds a checkpoint; if not, what an earlier run left
            there is removed.
        config: frozen options of the run.
        dataset: datasets.Dataset; the game learns from its training split and is watched on its
            validation split; its test split is not used.
        resume: bool, whether to go on from the checkpoint. If nothing is left to play, whatever the
            run has not written yet is written.
        show_bar: bool, whether Keras's progress bar is shown instead of a line per epoch.
        announce: callable for one line of text.
        build: callable, (config, dataset) -> the game to start with.
        devices: distribution.Devices that share the batches, or None for the usual device.
        clock: callable without arguments -> float, seconds, for the times of the checkpoints.
    Returns:
        (game, str or None): the game, and what ended it early; see `Keeper.stopped_by`.
    Raises:
        RunError: if no checkpoint can be loaded, or none can be written.
        OSError: if the run folder cannot be written.
    """
    devices = devices or Devices()
    tell = announce if isinstance(announce, Teller) else Teller(announce)
    accessories = Accessories(tell)
    if resume:
        game = _loaded(run, config, devices, tell)
    else:
        game = devices.build(functools.partial(build, config, dataset))
        run.clear()
    run.start(config, dataset.class_names, str(devices), dataset.shape)
    total_steps = FOREVER if config.minutes else config.steps
    per_epoch = config.steps_per_epoch(len(dataset.train.images))
    cuts = list(spans(game.step, total_steps, per_epoch))
    if cuts and devices.is_chief:
        tell(cost.described(game, config, dataset.train.images))
    with Keeper(
        run, config.minutes, devices.agree, clock=clock, is_deserted=lambda: tell.closed
    ) as keeper:
        say = (lambda line: None) if show_bar else tell
        forecast = Forecast(config.batch_size, total_steps, keeper.deadline, say)
        progress = Progress(run, config.batch_size, forecast.left, say, accessories)
        grid = _grid(run, game, config, dataset, devices)
        observers = _observers(run, game, config, dataset, tell, devices, grid)
        if show_bar:
            observers["the progress bar"] = Bar()
        wrapped = [accessories.wrap(observer, name) for name, observer in observers.items()]
        if game.has_opening and game.step == 0:
            _play_opening(run, game, config, dataset, keeper, devices, tell)
        for span in cuts:
            if keeper.stopped_by:
                break
            _play(game, span, config, dataset, devices, [keeper, forecast, progress, *wrapped])
        if not cuts and devices.is_chief:
            _complete(run, game, grid, max(0, -(-game.step // per_epoch) - 1), accessories)
        is_due = game.has_critic and (cuts or not _is_taught(run, game))
        if is_due and keeper.stopped_by in (None, "clock"):
            _play_critic(run, game, config, dataset, keeper, devices, tell)
    if devices.is_chief:
        with accessories.spare(run.losses_file.name):
            from evaluation import plots  # with matplotlib, which a training can start without

            plots.plot_losses(run.read_stats(), run.losses_file)
    return game, keeper.stopped_by


def _loaded(run, config, devices, tell):
    """The game of a run's checkpoint, which goes on as `config` says."""
    game = devices.build(functools.partial(run.load_game, tell))
    game.go_on(config)
    run.forget_stats_after(game.step)
    return game


def _play(game, span, config, dataset, devices, callbacks):
    """Plays the steps of a span, one of `spans`."""
    short = (hardware.has_gpu() or dataset.is_points) and not devices.strategy
    at_once = hardware.steps_at_once(span["steps_per_epoch"], short=short)
    if game.steps_per_execution != at_once:
        game.compile(jit_compile=config.jit, steps_per_execution=at_once)
    game.fit(
        _training_batches(config, dataset, devices, config.seed, first_step=game.step),
        validation_data=_validation(game, dataset, devices),
        callbacks=callbacks,
        shuffle=False,
        verbose=0,
        **span,
    )


def _complete(run, game, grid, epoch, accessories):
    """Writes what a training that was killed at its very end did not get to write.

    Args:
        run: run_folder.Run.
        game: the finished game.
        grid: film.SampleGrid, or None.
        epoch: int, the last one, counted from 0.
        accessories: Accessories.
    """
    run.complete(game)
    if grid:
        with accessories.spare("the film"):
            grid.complete(game, epoch)


def _is_taught(run, game):
    """Whether the saved discriminator is the one that learned on after the game."""
    stamp = run.agent_stamp("discriminator")
    return stamp.get("step") == game.step and bool(stamp.get("critic"))


def _training_batches(config, dataset, devices, seed, first_step=0):
    """The stream of real images for a game."""
    return devices.feed(
        lambda share: datasets.batches(
            dataset.train, config.batch_size, seed=seed, first_step=first_step, share=share
        )
    )


def _grid(run, game, config, dataset, devices):
    """The callback that draws samples; None if the game makes no images or this is no chief."""
    if not devices.is_chief or not hasattr(game, "sample"):
        return None
    by_class = game.conditional or dataset.is_points
    columns = dataset.num_classes if by_class else COLUMNS
    return SampleGrid(run, columns, config.seed, view_of(dataset.name))


def _observers(run, game, config, dataset, announce, devices, grid):
    """The callbacks that only look on, name -> callback; only the chief has any."""
    if not devices.is_chief:
        return {}
    observers = {"TensorBoard's graph": GraphWriter(run)}
    observers["TensorBoard"] = keras.callbacks.TensorBoard(run.tensorboard, write_graph=False)
    if game.single_step:
        steps = game.examining_attack.steps
        observers["the overfitting watch"] = OverfittingWatch(steps, announce)
    if grid:
        played = games.GAMES[config.game]
        observers["the sample pictures"] = grid
        observers["the collapse watch"] = CollapseWatch(
            dataset.validation.images,
            dataset.validation.labels,
            helps=played.points_help if dataset.is_points else played.collapse_help,
            conditional=game.conditional,
            named=game.named,
            announce=announce,
            samples=game.watched_samples,
            seed=config.seed,
        )
    return observers


def _validation(game, dataset, devices):
    """Held-out real images in batches, for games with a `test_step`; as many as the game wants.

    Each device must get equally many, so up to `devices.count` - 1 are left out.
    """
    if game.validation_images == 0:
        return None
    split = dataset.validation
    count = min(game.validation_images or len(split.labels), len(split.labels))
    count = count // devices.count * devices.count
    batch = max(1, VALIDATION_BATCH // devices.count) * devices.count
    pixels = tf.data.Dataset.from_tensor_slices((split.images[:count], split.labels[:count]))
    # As floats batch by batch: all at once, they take four times the memory.
    watched = pixels.batch(batch).map(lambda images, labels: (datasets.normalize(images), labels))
    return devices.feed(lambda share: share(watched)) if count else None


def _play_critic(run, game, config, dataset, keeper, devices, tell):
    """Lets a copy of the discriminator learn against the finished generator, and saves the copy.

    The checkpoint keeps the discriminator of the game, so a resumed game does not change.
    """
    steps = min(CRITIC_STEPS, game.step)
    tell(f"the discriminator learns on alone, {steps} steps, to judge single images")
    critic = devices.build(game.build_critic)
    _play_aside(critic, steps, config.seed + 1, config, dataset, keeper, devices, tell)
    if not is_signal(keeper.stopped_by):
        run.save_agent("discriminator", critic.average_discriminator, game.step, critic=True)


def _play_opening(run, game, config, dataset, keeper, devices, tell):
    """Lets several classifiers begin, and the game go on with the best; if stopped, with none.

    A run that is resumed before the first round of the game plays the same opening again.
    """
    opening = devices.build(game.build_opening)
    count = len(opening.classifiers)
    tell(f"{count} classifiers look for names first, {OPENING_STEPS} steps; the best one plays on")
    _play_aside(opening, OPENING_STEPS, config.seed + 2, config, dataset, keeper, devices, tell)
    if is_signal(keeper.stopped_by):
        run.save(game)
    else:
        game.take_over(opening)


def _play_aside(game, steps, seed, config, dataset, keeper, devices, tell):
    """Plays a game that has no checkpoint of its own, until it is done or a signal comes."""

    def stop_when_asked(batch, logs):
        keeper.check_reader()
        game.stop_training = is_signal(keeper.stopped_by)

    game.fit(
        _training_batches(config, dataset, devices, seed),
        steps_per_epoch=steps,
        callbacks=[
            keras.callbacks.LambdaCallback(on_train_batch_end=stop_when_asked),
            Forecast(config.batch_size, steps, None, tell),
        ],
        shuffle=False,
        verbose=0,
    )
