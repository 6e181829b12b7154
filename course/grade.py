"""Scores a student's notebook, or the notebooks of a class.

python -m course.grade 1_gradient_ascent.ipynb            a table
python -m course.grade 1_gradient_ascent.ipynb --json     the same as JSON
python -m course.grade class > grades.csv                 a row for each notebook in a folder

Each notebook is run from the start in a process of its own, without the network and in an empty
folder, and its checks are those of the course, whatever the student has done to them. Trainings are
shortened, for only functions are scored; --whole runs them at their full length.
"""

import csv
import dataclasses
import json
import pathlib
import re
import sys

from cli import terminal
from cli.terminal import tell
from course import make
from course.points import MIME, POINTS, WORTH, CourseError

CALL = re.compile(r"^checks\.(\w+)\(", re.MULTILINE)
IMPORT = "from course import checks"  # a student may have changed the name's meaning
MOST_BYTES = 50_000_000


@dataclasses.dataclass
class Grade:
    """What a notebook is worth.

    Attributes:
        file: str.
        notebook: str, the name of the course's notebook that it is.
        checks: list of dicts of `checks.report.Result`, in the notebook's order.
        seconds: float.
        says: str, one line about what went wrong with the whole; empty if nothing.
        stopped: list of str, a line for each cell that raised an error or took too long.
    """

    file: str
    notebook: str
    checks: list[dict]
    seconds: float
    says: str
    stopped: list[str] = dataclasses.field(default_factory=list)

    @property
    def points(self):
        """int, reached."""
        return sum(each["points"] for each in self.checks)

    @property
    def of(self):
        """int, that there are."""
        return sum(each["of"] for each in self.checks)


def grade(path, options):
    """Runs and scores one notebook.

    Args:
        path: pathlib.Path.
        options: as `parse` returns.
    Returns:
        Grade.
    Raises:
        CourseError: if it is no notebook of this course.
    """
    from course import running

    notebook = read(path)
    name = name_of(path, notebook)
    restore(notebook, make.unsolved(name))
    quick = {} if options.whole else {"COURSE_QUICK": "1", "COURSE_DATASET": "digits"}
    found = running.run(
        notebook, limit=options.limit, cell_limit=options.limit / 2, variables=quick
    )
    results = {result["check"]: result for result in shown(notebook)}
    rows = [scored(check, results.get(check), found.ended) for check in POINTS[name]]
    return Grade(str(path), name, rows, round(found.seconds, 1), found.ended, found.stopped)


def scored(check, result, ended):
    """The row of a check, with its result among the notebook's outputs, or None."""
    row = {"check": check, "points": 0, "of": WORTH[check], "says": ended or "was never reached"}
    if result is None:
        return row
    right = result["points"] == WORTH[check]
    return {**row, "points": row["of"] if right else 0, "says": str(result["says"])[:500]}


def read(path):
    """The notebook in a file.

    Raises:
        CourseError: one line that names the file.
    """
    import nbformat

    if not path.is_file():
        raise CourseError(f"{path}: is not a file; name a notebook or a folder of notebooks")
    if path.stat().st_size > MOST_BYTES:
        raise CourseError(f"{path}: is larger than {MOST_BYTES // 10**6} MB; clear its outputs")
    try:
        notebook = nbformat.reads(path.read_text(), as_version=4)
        nbformat.validate(notebook)
    except Exception as error:  # damaged JSON, or another shape, in many kinds of errors
        why = terminal.one_line(error)[:120]
        raise CourseError(f"{path}: is not a notebook ({why}); save it again as .ipynb") from None
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    return notebook


def calls(cell):
    """The checks that a cell calls."""
    return CALL.findall(cell.source) if cell.cell_type == "code" else []


def name_of(path, notebook):
    """Which of the course's notebooks it is: the one with most of its checks.

    Raises:
        CourseError: if it has the checks of none.
    """
    there = {check for cell in notebook.cells for check in calls(cell)}
    name = max(POINTS, key=lambda name: len(there & POINTS[name].keys()))
    if not there & POINTS[name].keys():
        raise CourseError(f"{path}: has no check of the course; hand in one of its six notebooks")
    return name


def restore(notebook, original):
    """Puts the original's checks in place of a student's, and those that are gone at the end."""
    ours = {check: cell for cell in original.cells for check in calls(cell)}
    places = {
        check: cell for cell in notebook.cells for check in calls(cell) if check in ours
    }  # the last of several
    for cell in notebook.cells:
        own = [check for check in calls(cell) if places.get(check) is cell]
        if own:
            cell.source = "\n".join([IMPORT, *(ours[check].source for check in own)])
    for check in ours.keys() - places.keys():
        ours[check].source = "\n".join([IMPORT, ours[check].source])
    notebook.cells += [cell for check, cell in ours.items() if check not in places]


def shown(notebook):
    """The results among the outputs of a notebook's checks, as dicts."""
    for cell in notebook.cells:
        for output in cell.get("outputs", []) if calls(cell) else []:
            result = output.get("data", {}).get(MIME)
            if isinstance(result, dict) and result.keys() == {"check", "points", "of", "says"}:
                yield result


def table(graded):
    """A grade as text."""
    lines = [f"{graded.file}: {graded.points} of {graded.of} points, {graded.seconds:.0f} s"]
    lines += [f"  {line}" for line in (graded.says, *graded.stopped) if line]
    for each in graded.checks:
        score = f"{each['points']}/{each['of']}"
        lines.append(f"  {each['check']:<28}{score:>6}  {each['says']}")
    return "\n".join(lines)


def grade_all(folder, options):
    """Grades every notebook in a folder, a row of CSV or a line of JSON each."""
    paths = sorted(
        path for path in folder.rglob("*.ipynb") if ".ipynb_checkpoints" not in path.parts
    )
    if not paths:
        raise CourseError(f"{folder}: holds no notebook (.ipynb)")
    writer = csv.writer(sys.stdout, lineterminator="\n")
    if not options.json:
        writer.writerow(["file", "notebook", "points", "of", "seconds", "says"])
    for path in paths:
        try:
            found = grade(path, options)
        except CourseError as error:
            found = Grade(str(path), "", [], 0.0, str(error))
        if options.json:
            tell(as_json(found))
        else:
            wrong = [each["check"] for each in found.checks if each["points"] < each["of"]]
            says = found.says or ("not right: " + " ".join(wrong) if wrong else "")
            writer.writerow([path, found.notebook, found.points, found.of, found.seconds, says])
            sys.stdout.flush()


def as_json(grade):
    """A grade as a line of JSON."""
    return json.dumps({**dataclasses.asdict(grade), "points": grade.points, "of": grade.of})


def parse(argv):
    """Reads the flags; argv without the program.

    Raises:
        OptionError: one line that names the flag.
    """
    parser = terminal.LineParser("python -m course.grade", __doc__)
    add = parser.add_argument
    add("path", type=pathlib.Path, help="a notebook, or a folder of them")
    add("--json", action="store_true", help="a line of JSON for each notebook")
    add("--limit", type=terminal.count, default=600, help="seconds for a notebook; default 600")
    add("--whole", action="store_true", help="do not shorten the trainings")
    return parser.parse_args(argv)


def start(options):
    """Grades what the options name; returns the exit status."""
    if options.path.is_dir():
        grade_all(options.path, options)
    else:
        found = grade(options.path, options)
        tell(as_json(found) if options.json else table(found))
    return 0


def main(argv):
    """Grades; returns the exit status, as `terminal.answer`."""
    return terminal.answer(
        "course.grade", argv, parse=parse, load=lambda options: (start, (CourseError, OSError))
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
