"""The race itself: contestants take slices in turn, each on its own clock."""

from __future__ import annotations

import platform
from collections.abc import Container, Iterator, Sequence
from dataclasses import dataclass, replace
from time import perf_counter_ns

from eetui.core.config import ModelConfig, TrainConfig
from eetui.core.errors import UsageError
from eetui.core.race.contestant import Contestant, Rules, Task
from eetui.core.race.energy import Meter
from eetui.core.race.lane import Clock, Lane, Observe, RacePlan
from eetui.core.race.standing import ContestantStatus, Standing

BASE = "scalar"
"""Speed-ups are relative to this contestant if it takes part."""


@dataclass(frozen=True, slots=True)
class League:
    """How far a race has come.

    n_held_out: documents that no contestant is trained on and on which losses are compared.
    standings: in the order in which the contestants were named. base: what speed-ups are over, in
    words, '' until something was measured; always measured in this race. energy: where joules come
    from, '' if there are none. working: the contestant that compiles or trains, or ''. doing:
    what is being done, in words, '' at the end.
    """

    rules: Rules
    data: str
    model: ModelConfig
    train: TrainConfig
    plan: RacePlan
    standings: tuple[Standing, ...]
    base: str = ""
    energy: str = ""
    working: str = ""
    doing: str = ""
    n_held_out: int = 0

    def compared_loss(self, standing: Standing) -> float | None:
        """The loss by which contestants are compared: on held-out documents where there are any."""
        return standing.held_out if self.n_held_out else standing.loss

    @property
    def ranking(self) -> tuple[Standing, ...]:
        """The fastest a sample first; those not measured last, in their order."""
        return tuple(sorted(self.standings, key=lambda s: s.us_per_sample or float("inf")))

    @property
    def progress(self) -> float:
        """How much of the race is done, from 0 to 1: the mean over all contestants."""
        return sum(map(self._share, self.standings)) / len(self.standings)

    def _share(self, standing: Standing) -> float:
        """How much of its plan a contestant has done, by the limit that is closer."""
        if standing.is_over:
            return 1.0
        shares = [standing.seconds / self.plan.seconds] if self.plan.seconds else []
        shares += [standing.steps / self.plan.steps] if self.plan.steps else []
        return min(max(shares), 1.0)

    @property
    def at_work(self) -> Standing | None:
        """The contestant that compiles or trains now, None at the start and the end."""
        return next((s for s in self.standings if s.name == self.working), None)

    def find(self, name: str) -> Standing:
        """The contestant called `name`; raises `UsageError` if it does not take part."""
        for standing in self.standings:
            if standing.name == name:
                return standing
        raise UsageError(
            f"{name} takes no part in this race: {', '.join(s.name for s in self.standings)} do."
        )


def compete(
    task: Task,
    contestants: Sequence[Contestant],
    plan: RacePlan,
    *,
    skipped: Container[str] = frozenset(),
    observe: Observe | None = None,
    clock: Clock = perf_counter_ns,
    meter: Meter | None = None,
) -> Iterator[League]:
    """Let the contestants race; yields the league after every slice.

    The next slice goes to the contestant with the fewest seconds on its clock, so that a machine
    that slows down slows all of them; with `plan.turns` to the first that is not done. Clocks stop
    while a contestant compiles or generates names, and while the reader of this iterator is busy.
    `skipped` is checked before every slice: a contestant named in it ends there. Raises
    `UsageError` if there are no contestants or one is named twice.
    """
    names = [contestant.name for contestant in contestants]
    if not names:
        raise UsageError("A race needs at least one contestant.")
    if twice := next((name for name in names if names.count(name) > 1), None):
        raise UsageError(f"{twice} is named twice: name each contestant once.")
    if meter and meter.coarse and not plan.turns:
        meter = None
    lanes = [Lane(contestant, task, plan, clock, meter) for contestant in contestants]
    league = League(
        rules=task.rules,
        data=task.dataset.name,
        model=task.model,
        train=task.train,
        plan=plan,
        standings=tuple(lane.standing() for lane in lanes),
        energy=meter.source if meter else "",
        doing="starting",
        n_held_out=0 if task.dataset.held_out is None else task.dataset.held_out.n_docs,
    )
    yield league
    while True:
        for each in lanes:
            if each.contestant.name in skipped:
                each.skip()
        lane = _next(lanes, plan.turns)
        if lane is None:
            yield replace(_settled(league, lanes), working="", doing="")
            return
        name = lane.contestant.name
        if lane.status is ContestantStatus.WAITING:
            lane.status = ContestantStatus.COMPILING
            league = replace(_settled(league, lanes), working=name, doing=f"{name} gets ready")
            yield league
            lane.prepare()
        if lane.status is ContestantStatus.RUNNING:
            lane.advance(observe)
        league = replace(_settled(league, lanes, lane), working=name, doing=f"{name} trains")
        yield league


def _next(lanes: Sequence[Lane], turns: bool) -> Lane | None:
    """Whose slice is next: one that waits, else the one with the fewest seconds."""
    going = [
        lane
        for lane in lanes
        if lane.status in (ContestantStatus.WAITING, ContestantStatus.RUNNING)
    ]
    if not going or turns:
        return going[0] if going else None
    return min(going, key=lambda lane: (lane.status is not ContestantStatus.WAITING, lane.seconds))


def _settled(league: League, lanes: Sequence[Lane], changed: Lane | None = None) -> League:
    """The league with the standings of the lanes that changed, and the speed-ups."""
    standings = tuple(
        lane.standing() if lane is changed or lane.status is not old.status else old
        for lane, old in zip(lanes, league.standings, strict=True)
    )
    measured = [s for s in standings if s.us_per_sample is not None]
    if not measured:
        return replace(league, standings=standings)
    base = next(
        (s for s in measured if s.name == BASE), max(measured, key=lambda s: s.us_per_sample or 0)
    )
    us = base.us_per_sample
    python = f"{platform.python_implementation()} {platform.python_version()}"
    words = f"{BASE} on {python}" if base.name == BASE else f"{base.name}, the slowest measured"
    return replace(
        league,
        base=f"{words}, in this race",
        standings=tuple(
            replace(s, speedup=us / s.us_per_sample if us and s.us_per_sample else None)
            for s in standings
        ),
    )
