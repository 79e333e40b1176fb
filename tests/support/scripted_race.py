"""A race that trains nobody: a league that is always the same, and what a session offers of it."""

from __future__ import annotations

import queue
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from eetui.core.config import ModelConfig, TrainConfig
from eetui.core.curves.history import Curve
from eetui.core.data.dataset import Dataset
from eetui.core.engines.subject import Subject
from eetui.core.labs.lesson import Lesson
from eetui.core.race.contestant import Work
from eetui.core.race.lane import RacePlan
from eetui.core.race.league import League
from eetui.core.race.standing import ContestantStatus, Names, Standing
from eetui.core.race.studies.launch_model import D_MODELS, LaunchResult
from eetui.core.race.studies.measures import MEASURED, Measures
from eetui.core.race.studies.one_second import OneSecondResult
from eetui.core.race.studies.published import ONE_SECOND

NO_TORCH = "torch is not installed: pip install 'eetui[torch]'."
NO_MATRIX_UNIT = "SME2: this is an x86-64 CPU, and SME2 is a unit of Arm CPUs."
RNN = "a recurrent net with a state of 32"

US = {
    "scalar": 52_000.0,
    "tape": 262.0,
    "vector": 498.0,
    "rnn": 707.0,
    "explicit": 228.0,
    "numba": 2.61,
    "native": 2.04,
}
"""Microseconds a sample of those who race, in the order of the line-up."""
BATCHED = ("numba", "native")
CANNOT = {"native+matrix": NO_MATRIX_UNIT, "torch": NO_TORCH}


def curve(us_per_sample: float, batch: int, seconds: float, seed: int) -> Curve:
    """A loss that falls with the documents seen."""
    steps = max(int(seconds * 1e6 / us_per_sample / batch), 1)
    at = np.unique(np.geomspace(1, steps, min(400, steps)).astype(np.int64))
    noise = np.random.default_rng(seed).normal(0, 0.2 / batch**0.5, len(at))
    spent = (at * us_per_sample * batch / 1e6).astype(np.float64)
    loss = 1.93 + 1.4 * (1 + at * batch / 150) ** -0.35 + noise
    return Curve(at, spent, loss, np.full(len(at), us_per_sample * batch))


def standing(name: str, seconds: float) -> Standing:
    """A contestant that has trained for so long; 0: it is still waiting."""
    other = RNN if name == "rnn" else ""
    row = Standing(name, f"What {name} is, in a sentence.", other, "")
    if name in CANNOT:
        return replace(row, status=ContestantStatus.CANNOT, reason=CANNOT[name])
    if not seconds:
        return row
    us, batch = US[name], 16 if name in BATCHED else 1
    line = curve(us, batch, seconds, len(name))
    work = Work(21, "matrix operations", 16) if batch > 1 else Work(57_012, "autograd nodes")
    names = [Names(1, us / 1e6, ("xq", "vbnaw", "rr", "o")), Names(9, 0.2, ("kamia", "jorin"))]
    return replace(
        row,
        status=ContestantStatus.RUNNING,
        batch=batch,
        n_params=3600 if other else 4192,
        compile_seconds=0.0021,
        detail="AVX-512 x16" if name == "native" else "",
        steps=int(line.steps[-1]),
        seconds=float(line.seconds[-1]),
        speedup=US["scalar"] / us,
        loss=float(line.loss[-20:].mean()),
        reached=seconds / 2 if name in BATCHED else None,
        curve=line,
        work=work,
        names=tuple(names),
    )


def league(seconds: float = 2.5, doing: str = "tape trains") -> League:
    """A race in which all who can have trained for so long."""
    return League(
        rules="equal",
        data="names",
        model=ModelConfig(d_model=16, n_heads=4),
        train=TrainConfig(),
        plan=RacePlan(5.0),
        standings=tuple(standing(name, seconds) for name in (*US, *CANNOT)),
        base="scalar on CPython 3.11.7, in this race" if seconds else "",
        working="tape" if doing else "",
        doing=doing,
    )


def changed(league: League, name: str, **changes: Any) -> League:
    """The league with one standing that differs."""
    rows = [replace(s, **changes) if s.name == name else s for s in league.standings]
    return replace(league, standings=tuple(rows))


def measures(n_cards: int = len(D_MODELS), doing: str = "") -> Measures:
    """What is measured beside a race, with the first `n_cards` widths of the second table."""
    paces = dict(zip(D_MODELS, (31.2, 83.4, 290.0, 1204.0), strict=True))
    results = [
        OneSecondResult(
            name, d_model, 16, 0.005, published=ONE_SECOND.get((name, d_model)),
            **({"reason": NO_MATRIX_UNIT} if name in CANNOT
               else {"steps": int(1e6 / us), "seconds": 1.0, "loss": 2.05 + us / 1e4}),
        )
        for d_model, us in paces.items()
        for name in MEASURED
    ]  # fmt: skip
    launches = [
        LaunchResult(d_model, 16, (replace(standing("native", 1.0), steps=1000, seconds=us / 1e3),))
        for d_model, us in paces.items()
    ]
    return Measures(tuple(results), tuple(launches[:n_cards]), 1.0 if not doing else 0.75, doing)


def measures_with_gpu() -> Measures:
    """The same with a framework on a GPU, and at one more width."""
    plain = measures()
    gpu = replace(standing("native", 1.0), name="torch+gpu", steps=1000, seconds=0.2)
    launches = [replace(launch, standings=(*launch.standings, gpu)) for launch in plain.launches]
    return replace(plain, launches=(*launches, replace(launches[-1], d_model=256)))


def played(items: queue.SimpleQueue[Any]) -> Iterator[Any]:
    """What a test puts into a queue; None ends it and an exception is raised."""
    while (item := items.get()) is not None:
        if isinstance(item, Exception):
            raise item
        yield item


class ScriptedRace:
    """Yields the leagues that a test puts into `leagues`; None ends it."""

    def __init__(self, subject: Subject, names: Sequence[str] | None) -> None:
        self.leagues: queue.SimpleQueue[League | Exception | None] = queue.SimpleQueue()
        self.d_model = subject.model.d_model
        self.names = names
        self.skipped: list[str | None] = []
        self.failure: Exception | None = None
        self.closed = False

    def __iter__(self) -> Iterator[League]:
        try:
            yield from played(self.leagues)
        finally:
            self.closed = True

    def skip(self, name: str | None = None) -> Standing:
        if self.failure is not None:
            raise self.failure
        self.skipped.append(name)
        return standing(name or "tape", 1.0)


class Measuring:
    """What the screens of ladder, labs and race measure: everything that a test puts in here."""

    def __init__(self) -> None:
        self.climbs: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self.n_climbs = 0
        self.races: list[ScriptedRace] = []
        self.measured: queue.SimpleQueue[Measures | Exception | None] = queue.SimpleQueue()
        self.n_measurements = 0
        self.lessons: queue.SimpleQueue[Any] = queue.SimpleQueue()

    def lab(self, lesson: Lesson, subject: Subject) -> Iterator[Any]:
        return played(self.lessons)

    def climb(self, subject: Subject, *, ablate: bool = False) -> Iterator[Any]:
        self.ablated = ablate
        self.n_climbs += 1
        return played(self.climbs)

    def race(self, subject: Subject, names: Sequence[str] | None) -> ScriptedRace:
        self.races.append(ScriptedRace(subject, names))
        return self.races[-1]

    def measure(self, dataset: Dataset, seed: int) -> Iterator[Measures]:
        self.n_measurements += 1
        return played(self.measured)

    def end(self) -> None:
        """Let go of the threads that wait for more."""
        queues = (self.climbs, self.measured, self.lessons)
        for items in (*queues, *(race.leagues for race in self.races)):
            items.put(None)
