"""Makes the notebooks: the student's from the solution, by cutting what is to be filled in.

python -m course.make                    writes course/*.ipynb anew
python -m course.make --solutions DIR    writes the solved notebooks into a folder

A solution is a Markdown text of Jupytext in course/solutions/. Between the lines BEGIN SOLUTION and
END SOLUTION lies what a student is to write.
"""

import pathlib
import re
import sys

from cli import terminal
from cli.terminal import say
from images.writing import save_text

HERE = pathlib.Path(__file__).parent
SOLUTION = re.compile(
    r"^( *)### BEGIN SOLUTION\n(.*?)^ *### END SOLUTION\n?", re.MULTILINE | re.DOTALL
)
YOURS = "raise NotImplementedError  # your lines in place of this one"
FIRST_CELL = """\
# Run this cell first. In a checkout of the project there is nothing to fill in. On Colab, write
# the address of your class's copy of the project between the quotes below, such as
# "https://github.com/your-school/adversarial-games"; your teacher knows it.
import pathlib
import subprocess
import sys

REPOSITORY = ""
if REPOSITORY and not pathlib.Path("project").exists():
    subprocess.run(["git", "clone", "--depth=1", REPOSITORY, "project"], check=True)
    subprocess.run([sys.executable, "-m", "pip", "install", "-q", "./project"], check=True)
here = pathlib.Path.cwd()
places = [here / "project", here, *here.parents, *map(pathlib.Path, sys.path)]
found = [folder for folder in places if (folder / "course" / "lesson.py").exists()]
if not found:
    raise SystemExit("The project is not here: start Jupyter in it, or fill in REPOSITORY above.")
sys.path.insert(0, str(found[0]))"""


def names():
    """The notebooks' names, in order."""
    return sorted(path.stem for path in (HERE / "solutions").glob("*.md"))


def solved(name):
    """The solved notebook of this name, an nbformat node without outputs."""
    return _notebook(name, lambda text: SOLUTION.sub(lambda found: found[2], text))


def unsolved(name):
    """The student's notebook of this name, as `solved`."""
    return _notebook(name, lambda text: SOLUTION.sub(lambda found: f"{found[1]}{YOURS}\n", text))


def _notebook(name, rewrite):
    import jupytext
    import nbformat

    text = (HERE / "solutions" / f"{name}.md").read_text()
    notebook = jupytext.reads(text, fmt="md")
    notebook.cells.insert(1, nbformat.v4.new_code_cell(FIRST_CELL))
    for number, cell in enumerate(notebook.cells):
        cell.id = f"cell-{number}"  # else it is drawn at random
        cell.metadata = {}
        if cell.cell_type == "code":
            cell.source = rewrite(cell.source + "\n").rstrip("\n")
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    notebook.metadata = {"kernelspec": kernel, "language_info": {"name": "python"}}
    return nbformat.from_dict(notebook)


def written(notebook):
    """The text of a notebook's file."""
    import nbformat

    return nbformat.writes(notebook, version=4) + "\n"


def parse(argv):
    """Reads the flags; argv without the program.

    Raises:
        OptionError: one line that names the flag.
    """
    parser = terminal.LineParser("python -m course.make", __doc__)
    says = "folder for the solved notebooks"
    parser.add_argument("--solutions", metavar="DIR", type=pathlib.Path, help=says)
    return parser.parse_args(argv)


def make(options):
    """Writes the notebooks; returns the exit status."""
    for name in names():
        solutions = options.solutions
        path = (solutions or HERE) / f"{name}.ipynb"
        save_text(path, written(solved(name) if solutions else unsolved(name)))
        say(f"{path}")
    return 0


def main(argv):
    """Makes the notebooks; returns the exit status, as `terminal.answer`."""
    return terminal.answer(
        "course.make", argv, parse=parse, load=lambda options: (make, (OSError, ImportError))
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
