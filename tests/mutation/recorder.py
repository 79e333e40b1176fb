"""A pytest plugin that writes down which test runs which line of `core`, for coverage_map.py."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterator
from math import inf
from pathlib import Path

import coverage
import pytest

from tests.mutation.coverage_map import CoverageMap

ROOT = Path(__file__).parents[2]
_measured: dict[str, float] = {}
_failed: set[str] = set()
_coverage = coverage.Coverage(
    data_file=None, include=[str(ROOT / "core" / "*"), str(ROOT / "packages/eetui/core/*")]
)
_coverage.start()


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[None]:
    before = _cpu_seconds()
    _coverage.switch_context(item.nodeid)
    yield
    _coverage.switch_context("")
    _measured[item.nodeid] = _cpu_seconds() - before


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    if not report.passed:
        _failed.add(report.nodeid)


def _cpu_seconds() -> float:
    """What this process and those that it waited for have used."""
    return sum(os.times()[:4])


def pytest_sessionfinish() -> None:
    """A test that fails is known from now on, but runs no line: it would find every fault."""
    _coverage.stop()
    data = _coverage.get_data()
    lines: dict[str, dict[int, set[str]]] = {}
    for name in data.measured_files():
        path = Path(name).resolve().relative_to(ROOT.resolve()).as_posix()
        found = lines.setdefault(path, defaultdict(set))
        for line, tests in data.contexts_by_lineno(name).items():
            found[line].update(test for test in tests if test in _measured and test not in _failed)
    kept = Path(os.environ["EETUI_COVERAGE_MAP"])
    known = CoverageMap.load(kept, ROOT)
    known.add(ROOT, {t: inf if t in _failed else s for t, s in _measured.items()}, lines)
    known.save(kept)
