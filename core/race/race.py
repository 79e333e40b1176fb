"""The live race: one thread races, others read its latest league, skip and close it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from time import monotonic, perf_counter_ns

from eetui.core.errors import UsageError
from eetui.core.race.contestant import Contestant, Task
from eetui.core.race.energy import Meter
from eetui.core.race.lane import Clock, Observe, RacePlan
from eetui.core.race.league import League, compete
from eetui.core.race.standing import Standing

SECONDS_BETWEEN_SNAPSHOTS = 0.05

Publish = Callable[[League], None]


class Race:
    """A race that can be watched while it runs; all methods but `run` return at once.

    `latest` is the newest league. It is replaced as a whole, so any thread may read it.
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
        self._observe: Observe | None = None
        self._steps = compete(
            task,
            contestants,
            plan,
            skipped=self._skipped,
            observe=lambda *told: self._observe(*told) if self._observe else None,
            meter=meter,
            clock=clock,
        )
        self.latest: League = next(self._steps)

    def run(self, publish: Publish | None = None, observe: Observe | None = None) -> None:
        """Race until all are done or it is closed; blocks, so call it in a thread of its own.

        publish gets a league at most about 20 times a second, and the last one; observe gets the
        losses of every slice. Both are called in this thread while all clocks are stopped, so the
        time that they take counts for no contestant.
        """
        self._observe = observe
        publish_at = 0.0
        for league in self._steps:
            self.latest = league
            if publish and (not league.doing or monotonic() >= publish_at):
                publish(league)
                publish_at = monotonic() + SECONDS_BETWEEN_SNAPSHOTS

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

    def close(self) -> None:
        """Skip all that are not done; `run` publishes a last league and returns soon after."""
        self._skipped.update(standing.name for standing in self.latest.standings)
