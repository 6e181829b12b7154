"""The file of figures that every benchmark writes."""

import json

import pytest

from benchmarks import report
from games import OptionError


def test_figures_may_be_written_again_but_over_no_file_of_somebody_else(tmp_path):
    file = tmp_path / "figures.json"
    for rows in ([1], [1, 2]):
        report.check_output(file)
        report.write(file, {"rows": rows})
        assert json.loads(file.read_text())["rows"] == rows
    report.write(None, {})
    mine = tmp_path / "mine.json"
    mine.write_text("{}")
    for place, why in ((mine, "name another"), (tmp_path, "is a folder")):
        with pytest.raises(OptionError, match=why):
            report.check_output(place)
    assert mine.read_text() == "{}"
