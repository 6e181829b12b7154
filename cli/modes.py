"""The modes of the program and the flags of each; what they do is in `modes/`. No TensorFlow."""

import dataclasses
from collections.abc import Callable
from typing import Any

from cli.terminal import is_piped
from games.base import DISTRIBUTIONS, GAMES
from games.option import NORMS, OptionError, limits

EXPORT_FORMATS = ("savedmodel", "onnx", "litert")
ATTACKS = ("pgd", "fgsm", "apgd", "square")
MOST = 1_000_000
FEWEST_COMPARED = 100


@dataclasses.dataclass(frozen=True)
class Flag:
    """A flag of a mode; it has the attributes of a `dataclasses.Field`, the flag of an option.

    Attributes:
        name: str.
        type: "str", "int", "float", "bool" or "list".
        default: its value if not given.
        metadata: dict, as `games.option.limits` returns.
    """

    name: str
    type: str
    default: Any
    metadata: dict


def flag(name, kind, says, default=None, **allowed):
    """A flag; `allowed` as the arguments of `games.option.limits`."""
    return Flag(name, kind, default, limits(says, **allowed))


@dataclasses.dataclass(frozen=True)
class Mode:
    """What the program can do.

    Attributes:
        says: str, a line of --help.
        flags: dict, name -> Flag.
        check: callable, options -> None, which raises OptionError for contradictions.
        words: int, how many words it takes besides the flags.
        of_a_game: bool, whether it is a mode of games, which say that they know it.
    """

    says: str
    flags: dict[str, Flag]
    check: Callable = lambda options: None
    words: int = 0
    of_a_game: bool = True


def mode(says, *flags, **rest):
    """A mode with these flags."""
    return Mode(says, {each.name: each for each in flags}, **rest)


SEED = flag("seed", "int", "Seed of every random number; 0 if not given.", low=0, high=MOST)
DATA_DIR = flag("data_dir", "str", "Folder with the data, if they have moved since the training.")
OUTPUT = flag("output", "str", "Folder for what is written; evaluate's is the run folder.")
OUTPUT_FILE = flag("output", "str", "The file to write.")
OVERWRITE = flag("overwrite", "bool", "Replace a run or a file that already exists.", False)
RESUME = flag("resume", "bool", "Go on with the run in the folder.", False)
TRUNCATION = flag(
    "truncation",
    "float",
    "Cut the latents off at this many standard deviations.",
    low=0.01,
    high=10,
)
SAMPLING_STEPS = flag("sampling_steps", "int", "Steps from noise to a sample.", low=8, high=10_000)
EPSILON = flag(
    "epsilon", "float", "Radius of the attack's ball, on the [0, 1] pixel scale.", low=0, high=1000
)
NORM = flag("norm", "str", "Norm of the attack's ball.", choices=NORMS)
EPOCHS = flag("epochs", "int", "Length of the run in epochs.", low=1, high=MOST)
DISTRIBUTE = flag(
    "distribute",
    "str",
    "Share each batch among this machine's devices, or the workers of TF_CONFIG.",
    "none",
    choices=DISTRIBUTIONS,
)
KEY = flag("key", "str", "The key in hexadecimal; send draws a fresh one if not given.")
KEY_FILE = flag(
    "key_file", "str", "A file of the key, raw or hexadecimal; send writes one with --output."
)

GENERAL = {
    each.name: each
    for each in (
        flag("mode", "str", "What to do."),
        flag("game", "str", "Who plays against whom.", "trio"),
        flag("path", "str", "The run folder; under runs/ if not given."),
        flag("device", "str", "Where to compute; a GPU if there is one.", choices=("cpu", "gpu")),
    )
}
# For training a game on images; other games have only the flags of every run.
IMAGE_TRAINING = {each.name: each for each in (EPOCHS, DISTRIBUTE)}


def check_training(options):
    """Refuses two lengths for one run, and a run that both goes on and starts anew."""
    lengths = [f"--{n}" for n in ("epochs", "steps", "minutes") if n in options.given]
    if len(lengths) > 1:
        raise OptionError(f"{' with '.join(lengths)}: a run has one length; choose one")
    choose_one(options, "resume", "overwrite")


def check_drawing(options):
    """Refuses to write arrays to a file that is not called .npz."""
    if options.arrays is not None and not options.arrays.lower().endswith(".npz"):
        raise OptionError(f"--arrays {options.arrays}: must end in .npz")


def check_judging(options):
    """Images are compared by the hundred; a classifier is attacked on as few as one likes."""
    generates = "generate" in GAMES[options.game].modes and not options.robustness
    if generates and options.samples is not None and options.samples < FEWEST_COMPARED:
        raise OptionError(
            f"--samples {options.samples}: {FEWEST_COMPARED} or more are needed to compare images;"
            " --robustness does with fewer"
        )


def check_export(options):
    """Refuses an export without an agent of the game and a format."""
    options.agent = options.agent and options.agent.lower()
    for name, known in (("agent", GAMES[options.game].players), ("format", EXPORT_FORMATS)):
        value = getattr(options, name)
        if value not in known:
            said = "" if value is None else f" {value}"
            raise OptionError(f"--{name}{said}: must be one of {', '.join(known)}")


def check_message(options):
    """Refuses a message that is missing or given twice, and to receive one without a key."""
    what = "a text to send" if options.mode == "send" else "the ciphertext in hexadecimal"
    choose_one(options, "key", "key_file")
    for name in ("input", "output", "key_file", "path"):
        if getattr(options, name) == "":
            raise OptionError(f"--{name}: is empty; name a file")
    if options.mode == "send" and options.text is None and options.input is None and is_piped():
        options.input = "-"
    if (options.text is None) == (options.input is None):
        raise OptionError(f"--mode {options.mode}: give either {what} or --input FILE")
    if options.key_file == "-":
        raise OptionError("--key_file -: only --input reads standard input")
    if options.mode == "send" and options.output == "-":
        raise OptionError("--output -: --mode send writes a key beside the file; name a file")
    if options.mode == "receive" and options.key is None and options.key_file is None:
        raise OptionError("--mode receive: give --key HEX or --key_file FILE")


def check_transcript(options):
    """Refuses to write a transcript to a file that is not called .npz."""
    if not (options.output or "").lower().endswith(".npz"):
        raise OptionError(f"--output {options.output or ''}: --mode transcript writes a .npz file")


def check_audit(options):
    """Refuses two numbers of plaintexts, and standard output, where lines are printed."""
    choose_one(options, "messages", "exhaustive")
    if options.output == "-":
        raise OptionError("--output -: --mode audit prints its table anyway; name a file for JSON")


def check_serving(options):
    """Refuses a host that is no name."""
    if not options.host.strip():
        raise OptionError("--host: is empty; leave it out for this machine alone")


def choose_one(options, first, second):
    """Refuses two flags that contradict each other.

    Raises:
        OptionError: one line that names both.
    """
    if {first, second} <= options.given:
        raise OptionError(f"--{first} with --{second}: choose one")


MODES = {
    "train": mode("plays the game into a run folder", RESUME, OVERWRITE, check=check_training),
    "finetune": mode(
        "makes a Rob-GAN's discriminator a robust classifier",
        *(RESUME, OVERWRITE, EPOCHS, DISTRIBUTE),
        check=check_training,
    ),
    "generate": mode(
        "draws a grid of images, plain or nice",
        flag("samples", "int", "Images of the grid; 64 if not given.", low=1, high=65_536),
        flag(
            "nice",
            "str",
            "Keep the best 5 %, or =drs, discriminator rejection sampling.",
            choices=("top", "drs"),
        ),
        flag("classes", "list", "The classes to draw, by name or number, such as 3,1,4 or 3-5."),
        *(TRUNCATION, SAMPLING_STEPS),
        flag("arrays", "str", "Also write images, labels and scores to this .npz file."),
        *(SEED, OUTPUT, OVERWRITE),
        check=check_drawing,
    ),
    "interpolate": mode(
        "draws the ways between latents and between classes, as a sheet and a looping film",
        *(TRUNCATION, SEED, OUTPUT, OVERWRITE),
    ),
    "attack": mode(
        "finds small changes that the classifier falls for",
        flag("attack", "str", "The attack; pgd if not given.", choices=ATTACKS),
        flag("image", "str", "A picture to attack; test images if not given."),
        flag("invert", "bool", "Swap the picture's ink and paper.", False),
        flag("label", "str", "What the picture shows, by name or number."),
        flag("target", "str", "The class to be taken for; any wrong one if not given."),
        flag("samples", "int", "Test images to attack; 1000 if not given.", low=1, high=MOST),
        *(EPSILON, NORM),
        flag("attack_steps", "int", "Steps of the attack, or queries.", low=1, high=100_000),
        flag("step_size", "float", "Length of a step, on the same scale.", low=1e-6, high=1000),
        *(SEED, DATA_DIR, OUTPUT, OVERWRITE),
    ),
    "evaluate": mode(
        "measures the images or, with --robustness, the classifier under attack",
        flag("samples", "int", "Images that are judged.", low=1, high=MOST),
        flag("robustness", "bool", "Judge the classifier, under attack.", False),
        flag("gan_train", "bool", "Train a fresh judge on fakes: an hour in colour.", True),
        flag("inception", "str", "Inception's weights, for the FID of colour pictures."),
        *(TRUNCATION, SAMPLING_STEPS, EPSILON, NORM, SEED, DATA_DIR, OUTPUT, OVERWRITE),
        check=check_judging,
    ),
    "export": mode(
        "writes an agent as a file for other programs",
        flag("agent", "str", "The agent to export."),
        flag("format", "str", "The kind of file.", choices=EXPORT_FORMATS),
        *(OUTPUT, OVERWRITE),
        check=check_export,
    ),
    "send": mode(
        "encrypts a text, or a file",
        flag("input", "str", "A file to send; - for standard input."),
        *(OUTPUT_FILE, OVERWRITE, KEY, KEY_FILE),
        flag("lossy", "bool", "Send a message even if Bob will misread some of it.", False),
        flag("reuse_key", "bool", "Use a key again: others can then read both messages.", False),
        check=check_message,
        words=1,
    ),
    "receive": mode(
        "decrypts what send wrote",
        flag("input", "str", "The ciphertext file; - for standard input."),
        flag("output", "str", "The file to write; - for standard output."),
        *(OVERWRITE, KEY, KEY_FILE),
        check=check_message,
        words=1,
    ),
    "audit": mode(
        "counts how many bits the ciphertext gives away to anyone",
        flag(
            "messages",
            "int",
            "Plaintexts to count; 64 if not given, 8 for the published presets. After --protect:"
            " settings of the open bits to count; 8 if not given.",
            low=1,
            high=65_536,
        ),
        flag("exhaustive", "bool", "Count all plaintexts: a proof, which takes minutes.", False),
        flag("eves", "int", "Fresh Eves of each kind; 5 if not given.", low=0, high=100),
        *(OUTPUT_FILE, OVERWRITE),
        check=check_audit,
    ),
    "transcript": mode(
        "writes plaintexts, keys and ciphertexts for attacks of your own",
        flag("num_messages", "int", "Messages; 10000 if not given.", low=1, high=10_000_000),
        *(SEED, OUTPUT_FILE, OVERWRITE),
        check=check_transcript,
    ),
    "lab": mode(
        "opens a page to play with the agents in a browser",
        flag(
            "host",
            "str",
            "Address to serve on; 127.0.0.1, this machine alone, if not given. 0.0.0.0 lets the"
            " network in.",
            "127.0.0.1",
        ),
        flag("port", "int", "Port; the first free one from 7860 if not given.", low=1, high=65_535),
        check=check_serving,
        of_a_game=False,
    ),
}
GAMELESS = tuple(name for name, each in MODES.items() if not each.of_a_game)
