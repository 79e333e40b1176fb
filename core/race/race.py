"""The live race: one thread iterates over it, others read its latest league and skip in it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from time import perf_counter_ns

from eetui.core.engines.subject import Subject
from eetui.core.errors import UsageError
from eetui.core.race.contestant import Contestant, Task
from eetui.core.race.energy import Meter
from eetui.core.race.lane import Clock, RacePlan
from eetui.core.race.league import League, compete
from eetui.core.race.roster import line_up
from eetui.core.race.standing import Standing
from eetui.core.race.tasks import DEFAULT_SECONDS, make_task


class Race:
    """A race that can be watched while it runs: iterating yields the league after every slice.

    It ends where the iteration is left. All clocks are stopped while the reader is busy, so the
    time that a frame takes counts for no contestant. `latest` is the newest league. It is replaced
    as a whole, so any thread may read it.
    """

    def __init__(
        self,
        task: Task,
        contestants: Sequence[Contestant],
        plan: RacePlan,
        *,
        meter: Meter | None = None,
        clock: Clock = perf_counter_ns,
    ) -> None:
        self._skipped: set[str] = set()
        self._steps = compete(
            task,
            contestants,
            plan,
            skipped=self._skipped,
            meter=meter,
            clock=clock,
        )
        self.latest: League = next(self._steps)

    def __iter__(self) -> Iterator[League]:
        yield self.latest
        for league in self._steps:
            self.latest = league
            yield league

    def skip(self, name: str | None = None) -> Standing:
        """End a contestant after its current slice: the one called `name`, or the one at work.

        Returns its standing now. Raises `UsageError` if there is none to skip.
        """
        league = self.latest
        standing = league.at_work if name is None else league.find(name)
        if standing is None or standing.is_over:
            who = f"{name} has ended" if name else "Nobody is at work"
            raise UsageError(f"{who}, so there is nothing to skip.")
        self._skipped.add(standing.name)
        return standing


def race_on(subject: Subject, names: Sequence[str] | None = None) -> Race:
    """A race by equal rules on the data, the model and the seed of `subject`, for a few seconds.

    names: the contestants, all but those on a GPU by default. Raises `UsageError` for a name that
    no contestant has.
    """
    return Race(make_task("equal", subject), line_up(names), RacePlan(DEFAULT_SECONDS))
