"""What `python -m benchmarks.crypto` measures: ten ciphers, or rounds a second."""

import pathlib
import tempfile
import time

import keras
import numpy as np
import tensorflow as tf

from benchmarks import report
from crypto.audit.eves import fresh_eves, other_eves
from crypto.audit.exact import exact_audit
from crypto.ciphers import learned_cipher, words
from crypto.game import EVE_TURNS
from games import GAMES
from models import build_game
from training import attempts
from training.callbacks import is_signal
from training.crypto_plot import plot_seeds
from training.run_folder import Run

COLUMNS = {  # of a row: its key, and how it is printed
    "seed": "d",
    "attempts": "d",
    "rounds": "d",
    "wall_seconds": ".1f",
    "cpu_seconds": ".1f",
    "bob_bits_wrong": ".4g",
    "leak_at_least": ".6f",
    "leak_at_most": ".6f",
    "eve_bits_wrong": ".3f",
}
BOB_AT_MOST, EVE_AT_LEAST = 0.05, 7.3  # the paper's success, of 16 bits
REPEATS = 5


def measure(options):
    """Prints what the flags ask for; returns the exit status.

    Args:
        options: the namespace of `benchmarks.crypto.parse`.
    Raises:
        OSError: if a file cannot be written.
    """
    if options.speed:
        print_speed(GAMES["crypto"].from_preset(options.preset))
    else:
        measure_seeds(options)
    return 0


def measure_seeds(options):
    """A row per seed: how long it took, and what the audit and the Eves find at the end."""
    print(*(f"{name:>14s}" for name in COLUMNS), "  and more", flush=True)
    rows = []
    for seed in options.seeds:
        config = GAMES["crypto"].from_preset(
            options.preset, seed=seed, rounds=options.rounds, batch_size=options.batch_size
        )
        rows.append(row_of(config, options))
        print(line(rows[-1]), flush=True)
        report.write(options.output, {"settings": report.settings(options), "rows": rows})
        if options.picture is not None:
            plot_seeds([row["stats"] for row in rows], config, options.picture)


def row_of(config, options):
    """Trains one cipher and judges it: dict for `json.dumps`, as README.md says."""
    wall, cpu = time.monotonic(), time.process_time()
    with tempfile.TemporaryDirectory() as folder:
        run = Run(pathlib.Path(folder))
        game, stopped_by = attempts.train(run, config, resume=False, announce=lambda line: None)
        if is_signal(stopped_by):
            raise KeyboardInterrupt  # half a training is no row of the table
        wall, cpu = time.monotonic() - wall, time.process_time() - cpu
        stats = run.read_stats()
    cipher = learned_cipher(game.alice, game.bob, binary=config.preset == "secret")
    audit = exact_audit(cipher, messages=options.messages, seed=10**6, keys_tried=0)
    row = {
        "seed": config.seed,
        "attempts": game.attempt_number,
        "rounds": game.step,
        "wall_seconds": wall,
        "cpu_seconds": cpu,
        **{name: audit[name] for name in ("bob_bits_wrong", "leak_at_least", "leak_at_most")},
        "eve_bits_wrong": stats[-1]["eve_bits_wrong"],
        "successes": successes(stats) if config.preset != "secret" else None,
        "stats": stats,
    }
    if options.eves:
        row.update(fresh_eves(game.alice, count=options.eves), others=other_eves(cipher))
    return row


def successes(stats):
    """The rounds, among those looked at, that met the paper's criterion."""
    return [
        row["step"]
        for row in stats
        if row["bob_bits_wrong"] < BOB_AT_MOST and row["eve_bits_wrong"] > EVE_AT_LEAST
    ]


def line(row):
    """A row as text: the columns, when the paper's criterion was met, how the Eves fared."""
    more, met = [], row["successes"]
    if met is not None:
        first = f"from {met[0]} on, " if met else ""
        more.append(f"criterion met {first}{len(met)} of {len(row['stats'])} times")
    for kind in ("plain", "hinted"):
        if kind in row:
            more.append(f"fresh {kind} Eves {min(row[kind]):.3f} to {max(row[kind]):.3f}")
    for name, wrong in row.get("others", {}).items():
        more.append(f"{name} {wrong:.3f}")
    cells = (f"{row[name]:>14{kind}}" for name, kind in COLUMNS.items())
    return " ".join((*cells, "  " + "; ".join(more))).rstrip()


def print_speed(config):
    """Prints median rounds a second: in XLA, step by step, and with predict and train_on_batch."""
    game = build_game(config, None)
    ways = {
        "rounds in one XLA loop": (lambda: game.play(500), 500),
        "train_step in a graph": (_stepwise(build_game(config, None)), 50),
        "predict + train_on_batch": (_naive(build_game(config, None)), 5),
    }
    rates: dict[str, list[float]] = {name: [] for name in ways}
    for repeat in range(REPEATS + 1):
        for name, (play, rounds) in ways.items():
            began = time.monotonic()
            play()
            if repeat:  # the first call traces and compiles
                rates[name].append(rounds / (time.monotonic() - began))
    medians = {name: np.median(each) for name, each in rates.items()}
    for name, rate in medians.items():
        print(f"{name:26s} {rate:8.1f} rounds/s, {min(rates[name]):.1f} to {max(rates[name]):.1f}")
    ours, _, naive = medians.values()
    print(f"ratio {ours / naive:.0f}")


def _stepwise(game):
    step = tf.function(game.train_step, autograph=False)

    def play():
        for _ in range(50):
            step()

    return play


def _naive(game):
    """The same networks, trained in the usual way: NumPy arrays and Keras calls, no game."""
    bits, batch = game.message_bits, game.batch_size
    rng = np.random.default_rng(0)
    plaintext, key = keras.Input((bits,)), keras.Input((game.key_bits,))
    hints = [keras.Input((bits,)), keras.Input((bits,))]
    ciphertext, guess = game.pair([plaintext, key])
    overheard = game.eve([ciphertext, *hints])
    both = keras.Model([plaintext, key, *hints], [guess, overheard])
    game.eve.trainable = False

    def cross_entropy(truth, logits):
        return tf.reduce_mean(tf.nn.softplus(-truth * logits))

    def secrecy(truth, logits):
        return game.secrecy * tf.nn.relu(np.log(2.0) - cross_entropy(truth, logits))

    both.compile(keras.optimizers.Adam(5e-3), loss=[cross_entropy, secrecy], jit_compile=False)
    game.eve.trainable = True
    game.eve.compile(keras.optimizers.Adam(3e-3), loss=cross_entropy, jit_compile=False)

    def drawn():
        text, keys = (words(rng.integers(0, 2**n, batch), n) for n in (bits, game.key_bits))
        told = (rng.random((batch, bits)) < rng.random((batch, 1))).astype(np.float32)
        return text, keys, told

    def play():
        for _ in range(5):
            text, keys, told = drawn()
            both.train_on_batch([text, keys, text * told, told], [text, text])
            for _ in range(EVE_TURNS):
                text, keys, told = drawn()
                sent = game.alice.predict([text, keys], batch_size=batch, verbose=0)
                game.eve.train_on_batch([sent, text * told, told], text)

    return play
