"""Five folders of pictures of different kinds, to train the trio on as on a user's own.

python -m benchmarks.folders --pictures cifar10/train --output folders
python dcgan.py --mode train --dataset folder --data_dir folders/colour48 --preset quick

Colour pictures come from a folder with a folder of them for each class, letters are drawn in
Matplotlib's fonts. The same pictures and fonts make the same folders.
"""

import itertools
import pathlib
import string
import sys

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from cli import terminal
from cli.terminal import say
from games import OptionError

# A hundred signs for a hundred classes.
SIGNS = (
    string.digits + string.ascii_letters + "ÄÖÜßéñçåøæ" + "ΔΘΛΞΠΣΦΨΩαβγδεζ" + "+=?!&@#%$*<>" + "Ж"
)
UNUSUAL = ("LastResort", "Display", "NonUni", "Siz", "cm")  # fonts without some of the signs
INK = 60  # darkness from which a pixel counts as part of a sign


def parse(argv):
    """Reads the flags; argv without the program.

    Raises:
        OptionError: one line that names the flag.
    """
    parser = terminal.LineParser("python -m benchmarks.folders", __doc__)
    add = parser.add_argument
    says = "colour pictures, a folder a class, such as CIFAR-10's training pictures"
    add("--pictures", type=pathlib.Path, required=True, metavar="FOLDER", help=says)
    says = "a folder for the five, which must not exist"
    add("--output", type=pathlib.Path, required=True, metavar="FOLDER", help=says)
    options = parser.parse_args(argv)
    if options.output.exists():
        raise OptionError(f"--output {options.output}: exists; name another")
    if not options.pictures.is_dir() or len(classes(options.pictures)) < 2:
        raise OptionError(f"--pictures {options.pictures}: holds no two folders of pictures")
    return options


def classes(folder):
    """The folders in a folder, by name."""
    return sorted(each for each in folder.iterdir() if each.is_dir())


def colour(chosen, target, each, side=None):
    """Copies `each` pictures of some classes, enlarged to `side` pixels if given."""
    for source in chosen:
        made = target / source.name
        made.mkdir(parents=True)
        for file in sorted(source.iterdir())[:each]:
            with Image.open(file) as picture:
                copy = picture.convert("RGB")
            if side:
                copy = copy.resize((side, side), Image.Resampling.BICUBIC)
            copy.save(made / f"{file.stem}.png")


def letters(signs, target, each, side):
    """Draws each sign `each` times in grey, in turn in every font: turned and shifted a little."""
    random, fonts = np.random.default_rng(0), usual_fonts()
    for place, sign in enumerate(signs):
        made = target / f"{place:03d}-{ord(sign):04x}"
        made.mkdir(parents=True)
        for number, font in zip(range(each), itertools.cycle(fonts)):
            size = int(side * random.uniform(0.6, 0.8))
            sheet = Image.new("L", (2 * side, 2 * side), 0)
            face = ImageFont.truetype(str(font), size)
            ImageDraw.Draw(sheet).text((side, side), sign, fill=255, font=face, anchor="mm")
            sheet = sheet.rotate(random.uniform(-12, 12), resample=Image.Resampling.BICUBIC)
            rows, columns = np.nonzero(np.asarray(sheet) > INK)
            down, right = random.integers(-side // 16, side // 16 + 1, 2)
            top = int(rows.min() + rows.max() - side) // 2 + int(down)
            left = int(columns.min() + columns.max() - side) // 2 + int(right)
            sheet.crop((left, top, left + side, top + side)).save(made / f"{number:04d}.png")


def usual_fonts():
    """The files of Matplotlib's fonts that have all signs."""
    import matplotlib

    fonts = pathlib.Path(matplotlib.get_data_path(), "fonts", "ttf").glob("*.ttf")
    return sorted(font for font in fonts if not any(word in font.name for word in UNUSUAL))


def load_makers(options):
    """What makes the folders, and the errors that it may end in."""

    def start(options):
        given, target = classes(options.pictures), options.output
        makers = {
            "colour48": lambda folder: colour(given, folder, 1_000, side=48),
            "letters64": lambda folder: letters(string.ascii_uppercase[:10], folder, 600, side=64),
            "two": lambda folder: colour(given[-2:], folder, 2_500),
            "hundred": lambda folder: letters(SIGNS, folder, 100, side=32),
            "thirty": lambda folder: colour(given, folder, 30),
        }
        for name, make in makers.items():
            make(target / name)
            count = sum(1 for _ in (target / name).rglob("*.png"))
            say(f"{target / name}: {count:,} pictures, {len(classes(target / name))} classes")
        return 0

    return start, (OSError,)


def main(argv):
    """Makes the folders; returns the exit status, as `terminal.answer`."""
    return terminal.answer("benchmarks.folders", argv, parse=parse, load=load_makers)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
