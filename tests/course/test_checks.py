"""Planted mistakes are caught by the name of the idea; right work, however written, passes."""

import collections
import importlib
import pkgutil

import pytest

from course import checks
from course.points import POINTS, WORTH
from tests.course import work

for module in pkgutil.iter_modules(work.__path__):
    importlib.import_module(f"tests.course.work.{module.name}")


def name(value):
    return getattr(value, "__name__", "")


@pytest.mark.parametrize(("check", "says", "function"), work.WRONG, ids=name)
def test_a_mistake_is_named(check, says, function):
    result = getattr(checks, check)(function)
    assert result.points == 0
    assert says in result.says, repr(result)


@pytest.mark.parametrize(("check", "function"), work.RIGHT, ids=name)
def test_right_work_passes(check, function):
    result = getattr(checks, check)(function)
    assert result.points == result.of == WORTH[check], repr(result)


def test_every_check_is_tried():
    assert set(checks.__all__) == set(WORTH)
    refused = collections.Counter(check for check, _, _ in work.WRONG)
    passed = collections.Counter(check for check, _ in work.RIGHT)
    assert set(refused) == set(passed) == set(WORTH)
    for named in POINTS.values():
        assert sum(refused[check] for check in named) >= 4
    assert min(passed.values()) >= 2


@pytest.mark.parametrize("check", WORTH)
def test_unfinished_and_broken_work_is_no_traceback(check):
    def unfinished(*_, **__):
        raise NotImplementedError

    assert getattr(checks, check)(unfinished).says == "is not filled in yet"
    assert getattr(checks, check)(lambda *_, **__: None).points == 0
    assert "ZeroDivisionError" in getattr(checks, check)(lambda *_, **__: 1 / 0).says
