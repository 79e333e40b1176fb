"""Which tests run which lines of `core`, and what each costs: recorded once, in the copy."""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import asdict, dataclass, field
from hashlib import sha256
from math import inf
from pathlib import Path


@dataclass(slots=True)
class CoverageMap:
    """lines: for each file and line the places of its tests in `tests`; seconds: what they cost, by
    the CPU clock, infinity for one that failed; sources: what each file was when it was recorded,
    as a hash.

    A map can be kept. A file that has changed since has, for each line, the tests of all its lines.
    """

    tests: list[str] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    lines: dict[str, dict[str, list[int]]] = field(default_factory=dict)
    sources: dict[str, str] = field(default_factory=dict)

    @classmethod
    def load(cls, path: Path, root: Path) -> CoverageMap:
        """What was recorded there, for the files below `root`; nothing if there is no such map."""
        if not path.exists():
            return cls()
        found = cls(**json.loads(path.read_text()))
        for name, source in found.sources.items():
            if source != _hash(root / name):
                every = {i for tests in found.lines[name].values() for i in tests}
                found.lines[name] = {"0": sorted(every)}
                found.sources[name] = _hash(root / name)
        return found

    def save(self, path: Path) -> None:
        path.write_text(json.dumps(asdict(self)))

    def add(
        self, root: Path, seconds: dict[str, float], lines: dict[str, dict[int, set[str]]]
    ) -> None:
        """Further tests: what each cost, and which of them run which lines of which file."""
        places = {test: len(self.tests) + i for i, test in enumerate(seconds)}
        self.tests += seconds
        self.seconds += [round(cost, 3) for cost in seconds.values()]
        for name, found in lines.items():
            of_file = self.lines.setdefault(name, {})
            self.sources[name] = _hash(root / name)
            for line, tests in found.items():
                of_file.setdefault(str(line), []).extend(places[t] for t in tests)

    def keep(self, there: Collection[str]) -> None:
        """Forget the tests that are not in `there`."""
        gone = {i for i, test in enumerate(self.tests) if test not in there}
        for of_file in self.lines.values():
            for line, tests in of_file.items():
                of_file[line] = [i for i in tests if i not in gone]

    def of(self, path: str, line: int, budget: float) -> list[str]:
        """The tests of a line that take no more than `budget` seconds together, quickest first.

        A line that ran while its module was imported has those of the whole file, and the file's
        own, which may do no more than read its tables. The file's own tests come first: tests/ has
        the same tree as core/.
        """
        lines = self.lines.get(path, {})
        folder = f"tests/{Path(path).parent}/"
        own = f"{folder}test_{Path(path).stem}.py"
        found = set(lines.get(str(line), ()))
        if not found:
            found = {i for tests in lines.values() for i in tests}
            found.update(i for i, test in enumerate(self.tests) if test.startswith(own))
        found = {i for i in found if self.seconds[i] < inf}

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


def _hash(path: Path) -> str:
    return sha256(path.read_bytes()).hexdigest() if path.exists() else ""
