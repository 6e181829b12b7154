"""What `python -m crypto --mode ...` does, once the flags are known to be good: a function each."""

import dataclasses
import json
import pathlib

import numpy as np

from cli.terminal import INTERRUPTED, say
from crypto import folder, messages, plots, training
from crypto.ciphers import words
from crypto.config import FIELDS, from_preset
from crypto.draws import chosen
from crypto.report import audit_cipher, format_audit
from games.fields import ConfigError
from images.pictures import save_atomically, save_text
from training import exporting, run_folder

EXPECTED_ERRORS = (exporting.ExportError, run_folder.RunError, messages.MessageError, OSError)
WARNING = "an experiment in learned secrecy, not cryptography to rely on"
EXPORTED = {  # what goes into an agent, and what comes out
    "alice": (("plaintext", "key"), ("ciphertext",)),
    "bob": (("ciphertext", "key"), ("guess",)),
}
SHOWN = 400  # characters of a line that shows a message


def train(options):
    """--mode train: plays the game into the run folder; returns the exit status."""
    given = {name: getattr(options, name) for name in FIELDS if name != "preset"}
    config = from_preset(options.preset, **given)
    run = folder.CryptoRun(options.path or folder.default_path(options.preset))
    if run.exists and options.resume:
        config = resumed_config(run, options)
    elif options.resume:
        raise run_folder.RunError(f"{run.path}: holds no run to go on with; leave --resume out")
    elif run.exists and not options.overwrite:
        raise run_folder.RunError(
            f"{run.path}: already holds a run; --resume goes on with it, --overwrite replaces it,"
            " another --path leaves it alone"
        )
    with run.locked():
        if options.overwrite:
            if run.exists:
                run.read_config()  # a run of another program is not ours to remove
            run.clear()
        say(f"training Alice, Bob and Eve into {run.path}: {WARNING}")
        secret_bits = len(config.protected)
        if config.protect is not None:
            say(f"what counts is what leaks of bits {config.protect} to one who knows the others")
        if config.key_bits < secret_bits:
            say(
                f"{secret_bits} bits under {config.key_bits} bits of key cannot be secret:"
                f" at least {secret_bits - config.key_bits} of them leak from any cipher"
            )
        game, audit, stopped_by = training.train(run, config, resume=options.resume, announce=say)
        plots.plot_training(run.read_stats(), config, run.curve_file)
    return report_end(run, config, game, audit, stopped_by)


def resumed_config(run, options):
    """The config of the run to go on with; its rounds and attempts may change.

    Raises:
        ConfigError: if another flag says something else than the run's own config.
    """
    config = run.read_config()
    for name in options.given & FIELDS.keys() - {"rounds", "attempts"}:
        if getattr(options, name) != getattr(config, name):
            raise ConfigError(
                f"--{name} {getattr(options, name)}: the run in {run.path} has"
                f" {getattr(config, name)}; only --rounds and --attempts may change"
            )
    lengths = {name: getattr(options, name) for name in ("rounds", "attempts")}
    given = {name: value for name, value in lengths.items() if value is not None}
    return dataclasses.replace(config, **given)


def report_end(run, config, game, audit, stopped_by):
    """Says how the training ended and what to type next; returns the exit status."""
    where = f"--preset {config.preset} --path {run.path}"
    if stopped_by == "not finite":
        raise run_folder.RunError(
            f"a loss became infinite or not a number at round {game.step}; start anew with a lower"
            " --learning_rate"
        )
    if stopped_by == "signal":
        say(f"interrupted at round {game.step}, and saved; to go on:")
        say(f"  python -m crypto --mode train {where} --resume")
        return INTERRUPTED
    rows = run.read_stats()
    seconds = f", {rows[-1]['seconds']:.0f} s" if rows else ""
    attempts = f", attempt {game.attempt_number}" if game.attempt_number > 1 else ""
    say(f"done, {game.step} rounds{attempts}{seconds}; the curves are {run.curve_file}")
    if config.preset == "secret" and audit and not training.good(audit):
        say(f"warning: this cipher leaks {training.leak_text(audit)}; try another --seed")
    say(f'next:  python -m crypto --mode send "hello" {where}')
    return 0


def open_run(options):
    """The run that the user means, its config and its cipher.

    Raises:
        RunError: as `folder.find`.
    """
    run, supplied = folder.find(options.preset, options.path)
    config = run.read_config()
    say(f"using the {'supplied' if supplied else 'trained'} cipher of {run.path}: {WARNING}")
    return run, config, run.load_cipher()


def need_bits(config, what):
    """Refuses a cipher whose wire carries real numbers where bits are needed.

    Raises:
        RunError: one line.
    """
    if config.preset != "secret":
        raise run_folder.RunError(
            f"--preset {config.preset}: its ciphertexts are real numbers, which {what} cannot hold;"
            " use --preset secret"
        )


def send(options):
    """--mode send: encrypts a text, or a file, with fresh key bits for every block."""
    if options.output is not None:
        return send_file(options)
    run, config, cipher = open_run(options)
    content = messages.read_bytes(options.input) if options.input else options.text.encode()
    key = given_key(options)
    blocks = messages.to_blocks(content, cipher.message_bits)
    key = messages.fresh_key(len(blocks), cipher.key_bits) if key is None else key
    keys = messages.key_blocks(key, len(blocks), cipher.key_bits)
    ciphertext = cipher.encrypt(blocks, keys)
    heard = cipher.decrypt(ciphertext, keys)
    guesses = {"Bob reads": heard, "Eve guesses": overhear(run, config, ciphertext, blocks)}
    asked = {"Bob reads": blocks.size, "Eve guesses": len(blocks) * len(config.protected)}
    say(f"key         {shorten(key.hex())}")
    if cipher.binary:
        packed = messages.pack_ciphertext(ciphertext, cipher.key_bits, len(content))
        say(f"ciphertext  {shorten(packed.hex())}")
    else:
        say(f"ciphertext  {shorten(' '.join(f'{value:+.2f}' for value in ciphertext.ravel()))}")
    for name, guess in guesses.items():
        wrong = int((np.where(guess > 0, 1, -1) != blocks).sum())
        read = readable(messages.from_blocks(guess, len(content)))
        say(f"{name:11s} {read}  ({wrong} of {asked[name]} bits wrong)")
    return 0


def send_file(options):
    """Encrypts into a ciphertext file, and its key into another beside it unless it was given."""
    _, config, cipher = open_run(options)
    need_bits(config, "a file")
    content = messages.read_bytes(options.input) if options.input else options.text.encode()
    blocks = messages.to_blocks(content, cipher.message_bits)
    key = given_key(options)
    fresh = key is None
    key = messages.fresh_key(len(blocks), cipher.key_bits) if fresh else key
    keys = messages.key_blocks(key, len(blocks), cipher.key_bits)
    packed = messages.pack_ciphertext(cipher.encrypt(blocks, keys), cipher.key_bits, len(content))
    key_file = f"{options.output}.key"
    messages.write_sent(options.output, packed, *([key_file, key] if fresh else []))
    say(f"wrote {options.output}, {len(packed)} bytes" + (f", and {key_file}" if fresh else ""))
    return 0


def overhear(run, config, ciphertext, plaintext):
    """What the Eve of the training makes of a ciphertext, told what is not protected.

    Returns:
        float32 (blocks, bits), of which the signs count.
    """
    eve = run.load_agent("eve")
    told = np.ones_like(plaintext) * (1.0 - chosen(config.protected, config.message_bits))
    inputs = [ciphertext, plaintext * told, told] if config.preset == "secret" else ciphertext
    if not len(ciphertext):
        return told
    return np.where(told > 0, plaintext, eve.predict(inputs, batch_size=4096, verbose=0))


def given_key(options):
    """The key's bytes, of --key or --key_file; None if neither was given."""
    if options.key is not None:
        return messages.parse_key(options.key)
    if options.key_file is not None:
        return messages.read_bytes(options.key_file)
    return None


def receive(options):
    """--mode receive: decrypts a ciphertext file, or hexadecimal ciphertext on the line."""
    _, config, cipher = open_run(options)
    need_bits(config, "a file")
    name = options.input or "the ciphertext"
    if options.input:
        packed = messages.read_bytes(options.input)
    else:
        try:
            packed = bytes.fromhex(options.text)
        except ValueError:
            raise messages.MessageError("the ciphertext: must be hexadecimal digits") from None
    ciphertext, key_bits, length = messages.unpack_ciphertext(packed, name)
    if (ciphertext.shape[1], key_bits) != (cipher.message_bits, cipher.key_bits):
        raise messages.MessageError(
            f"{name}: has blocks of {ciphertext.shape[1]} bits and keys of {key_bits};"
            f" this cipher's have {cipher.message_bits} and {cipher.key_bits}"
        )
    keys = messages.key_blocks(given_key(options), len(ciphertext), cipher.key_bits)
    content = messages.from_blocks(cipher.decrypt(ciphertext, keys), length)
    if options.output is None:
        say(f"Bob reads   {readable(content)}")
    else:
        messages.write_bytes(options.output, content)
        say(f"wrote {options.output}, {len(content)} bytes")
    return 0


def readable(content):
    """Bytes as text for a terminal: what is not printable is escaped."""
    text = content.decode("utf-8", errors="backslashreplace")
    return shorten("".join(c if c.isprintable() else repr(c)[1:-1] for c in text))


def shorten(text):
    """The beginning of a text that is too long to show."""
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}... ({len(text)} characters)"


def audit(options):
    """--mode audit: says how secret the cipher is, as a table and as JSON."""
    run, config, cipher = open_run(options)
    few = config.preset != "secret" or config.protect is not None  # each of them takes long
    report = audit_cipher(
        run,
        cipher,
        protected=config.protected,
        messages=options.messages or (8 if few else 64),
        exhaustive=options.exhaustive,
        eves=5 if options.eves is None else options.eves,
        announce=say,
    )
    usual = folder.default_path(config.preset) if folder.is_supplied(run) else run.path
    path = pathlib.Path(options.output or usual / "audit.json").expanduser()
    save_text(path, json.dumps(report, indent=2) + "\n")
    say(format_audit(report))
    say(f"wrote {path}")
    return 0


def transcript(options):
    """--mode transcript: plaintexts, random keys and ciphertexts, for your own cryptanalysis."""
    _, config, cipher = open_run(options)
    need_bits(config, "a transcript of bits")
    count = options.num_messages or 10_000
    rng = np.random.default_rng(options.seed or 0)
    plaintext, key = (
        words(rng.integers(0, 2**bits, count), bits)
        for bits in (cipher.message_bits, cipher.key_bits)
    )
    arrays = {"plaintext": plaintext, "key": key, "ciphertext": cipher.encrypt(plaintext, key)}
    binary = {name: (array > 0).astype(np.uint8) for name, array in arrays.items()}
    path = pathlib.Path(options.output).expanduser()
    save_atomically(path, lambda temporary: np.savez_compressed(temporary, **binary))
    say(f"wrote {path}: {count} messages")
    return 0


def export(options):
    """--mode export: Alice or Bob as a file for other programs."""
    run, _, _ = open_run(options)
    agent = run.load_agent(options.agent)
    inputs, outputs = EXPORTED[options.agent]
    rng = np.random.default_rng(0)
    examples = {
        name: rng.choice(np.array([-1, 1], np.float32), (exporting.EXAMPLES, *tensor.shape[1:]))
        for name, tensor in zip(inputs, agent.inputs, strict=True)
    }
    line = exporting.export(
        agent,
        pathlib.Path(options.output or ".").expanduser() / options.agent,
        format=options.format,
        examples=examples,
        outputs=outputs,
    )
    say(line)
    return 0
