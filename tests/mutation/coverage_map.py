"""Which tests run which lines of `core`, and what each costs: recorded once, in the copy."""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path


@dataclass(slots=True)
class CoverageMap:
    """lines: for each file and line the places of its tests in `tests`; seconds: what they cost, by
    the CPU clock."""

    tests: list[str]
    seconds: list[float]
    lines: dict[str, dict[str, list[int]]]

    @classmethod
    def load(cls, path: Path, there: Collection[str]) -> CoverageMap:
        """What was recorded, of the tests that are still there."""
        found = cls(**json.loads(path.read_text()))
        gone = {i for i, test in enumerate(found.tests) if test not in there}
        for of_file in found.lines.values():
            for line, tests in of_file.items():
                of_file[line] = [i for i in tests if i not in gone]
        return found

    def of(self, path: str, line: int, budget: float) -> list[str]:
        """The tests of a line that take no more than `budget` seconds together, quickest first.

        A line that ran while its module was imported has those of the whole file. The file's own
        tests come first: tests/ has the same tree as core/.
        """
        lines = self.lines.get(path, {})
        found = set(lines.get(str(line), ())) or {i for tests in lines.values() for i in tests}
        folder = f"tests/{Path(path).parent}/"
        own = f"{folder}test_{Path(path).stem}.py"

        def nearness(i: int) -> tuple[int, float]:
            test = self.tests[i]
            return (0 if test.startswith(own) else 1 if test.startswith(folder) else 2), (
                self.seconds[i]
            )

        chosen: list[str] = []
        left = budget
        for i in sorted(found, key=nearness):
            if self.seconds[i] <= left or not chosen:
                chosen.append(self.tests[i])
                left -= self.seconds[i]
        return chosen


def write(path: Path, measured: dict[str, float], lines: dict[str, dict[int, set[str]]]) -> None:
    """What the recorder has found."""
    tests = sorted(measured)
    places = {test: i for i, test in enumerate(tests)}
    known = {
        file: {
            str(line): sorted(places[t] for t in found if t in places)
            for line, found in of_file.items()
        }
        for file, of_file in lines.items()
    }
    content = {"tests": tests, "seconds": [round(measured[t], 3) for t in tests], "lines": known}
    path.write_text(json.dumps(content))
