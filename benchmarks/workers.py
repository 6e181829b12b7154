"""What several workers cost and gain: a step of the trio, one batch shared by more processes.

python -m benchmarks.workers                        MNIST, 1 and 2 workers on this machine's cores
python -m benchmarks.workers --workers 1 2 4 --batch_size 256

The numbers of workers take turns, so that all meet the same conditions; each worker computes on its
share of the cores. `step` is the time of a step, `cpu` the chief's processor time in it; `vote` and
`gradients` are sums over all workers, of three numbers and of as many as the agents have weights.
"""

import json
import os
import statistics
import subprocess
import sys
import time

from cli import terminal
from cli.terminal import say
from devices import startup
from games import GAMES, kind_of

WARM_UP = 10  # steps
RESULT = "result: "
FIGURES = ("step", "cpu", "vote", "gradients")


def parse(argv):
    """Reads the flags.

    Args:
        argv: list of str, the program first.
    Raises:
        OptionError: one line that names the flag.
    """
    parser = terminal.LineParser("python -m benchmarks.workers", __doc__)
    add = parser.add_argument
    add("--workers", type=terminal.count, nargs="+", default=[1, 2], help="default 1 2")
    add("--dataset", choices=("mnist", "digits"), default="mnist", help="default mnist")
    add("--batch_size", "--batch-size", type=terminal.count, default=64, help="default 64")
    add("--steps", type=terminal.count, default=100, help="that are timed; default 100")
    add("--rounds", type=terminal.count, default=3, help="default 3")
    add("--play", action="store_true", help="be one of the workers that are measured")
    return parser.parse_args(argv[1:])


def compare(options):
    """Lets each number of workers play in turn; prints the time of each turn, and the medians."""
    rows: dict[int, list[dict]] = {count: [] for count in options.workers}
    for _ in range(options.rounds):
        for count, measured in rows.items():
            measured.append(measure(count, options))
            say(in_words(count, measured[-1]))
    say(f"medians, batch {options.batch_size}, {measured[-1]['parameters']} weights that learn:")
    for count, measured in rows.items():
        middle = {name: statistics.median(row[name] for row in measured) for name in FIGURES}
        say(in_words(count, middle))
    return 0


def in_words(count, row):
    """The times of this many workers, as a line."""
    figures = ", ".join(f"{name} {row[name]:.1f} ms" for name in FIGURES)
    return f"{count} worker{'s' * (count > 1)}: {figures}"


def measure(count, options):
    """What the chief of this many workers measures.

    Raises:
        OSError: if they fail.
    """
    words = [f"--{name}={getattr(options, name)}" for name in ("dataset", "batch_size", "steps")]
    command = ["-m", "devices", "--workers", str(count), "--", "-m", "benchmarks.workers", "--play"]
    done = subprocess.run(
        [sys.executable, *command, *words], stdout=subprocess.PIPE, text=True, env=os.environ
    )
    results = [line for line in done.stdout.splitlines() if line.startswith(RESULT)]
    if done.returncode or not results:
        raise OSError(f"{count} workers ended with status {done.returncode} and no result")
    return json.loads(results[0].removeprefix(RESULT))


def play(options, devices):
    """Plays the trio, one of the workers; the chief prints what it measured."""
    import keras
    import tensorflow as tf

    from images import datasets
    from models import build_game

    dataset = datasets.load(options.dataset)
    config = GAMES["trio"].from_preset(
        "standard", kind_of(options.dataset), dataset=options.dataset, batch_size=options.batch_size
    )
    devices.check(config.batch_size)
    game = devices.build(lambda: build_game(config, dataset))
    ends: list[tuple[float, float]] = []
    clock = keras.callbacks.LambdaCallback(
        on_train_batch_end=lambda batch, logs: ends.append(
            (time.perf_counter(), time.process_time())
        )
    )
    game.fit(
        devices.feed(
            lambda share: datasets.batches(dataset.train, config.batch_size, seed=0, share=share)
        ),
        steps_per_epoch=WARM_UP + options.steps,
        callbacks=[clock],
        shuffle=False,
        verbose=0,
    )
    parameters = sum(
        sum(int(tf.size(variable)) for variable in agent.trainable_variables)
        for agent in (game.generator, game.discriminator, game.classifier)
    )
    step, cpu = (
        1000 * (last - first) / options.steps
        for first, last in zip(ends[WARM_UP - 1], ends[-1], strict=True)
    )
    result = {
        "step": step,
        "cpu": cpu,
        "vote": milliseconds(lambda: devices.agree(None)),
        "gradients": milliseconds(lambda: devices.total(tf.zeros(parameters))),
        "parameters": parameters,
    }
    say(RESULT + json.dumps(result))
    return 0


def milliseconds(exchange, times=20):
    """Median time of something that all workers do together."""
    taken = []
    for _ in range(times):
        began = time.perf_counter()
        exchange()
        taken.append(1000 * (time.perf_counter() - began))
    return statistics.median(taken)


def load(options):
    """The work asked for, and the errors that it may raise; a worker imports TensorFlow."""
    if not options.play:
        return compare, (OSError,)
    found = []

    def look_for_devices():
        from devices import distribution

        found.append(distribution.join("multiworker"))

    startup.load_tensorflow(side_by_side=GAMES["trio"].side_by_side, first=look_for_devices)
    from images import datasets

    return lambda options: play(options, *found), (datasets.DataError, OSError)


def main(argv):
    """Returns the exit status, as `terminal.answer`."""
    return terminal.answer("benchmarks.workers", argv, parse=parse, load=load)


if __name__ == "__main__":
    sys.exit(main(sys.argv))
