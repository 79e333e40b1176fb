"""The climb, measured: every rung in pairs with the rung below it, round after round.

A rung whose pairs disagree waits for a quieter moment. If there is none, it has no figure.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from random import Random
from statistics import median
from time import sleep
from typing import Literal

from eetui.core.engines.base import Engine
from eetui.core.engines.subject import Subject
from eetui.core.errors import UsageError
from eetui.core.measure.comparison import PRECISION, Arm, Comparison
from eetui.core.measure.ladder import Gain, Ladder, Rung, plan, top, without
from eetui.core.measure.timer import mid_run
from eetui.core.optimizations import Optimizations, Value, find_optimization
from eetui.core.verdict import LEAST_PAIRS, interval

DEFAULT_ROUNDS = 11
MAX_ROUNDS = 1000
PAIRS_PER_ROUND = LEAST_PAIRS
SHARE = 0.02
"""A rung is done with when its interval is narrow against its gain, if not by itself."""
DISAGREEING = 0.05
"""Half-width of the interval, as a log ratio, from which on the pairs disagree too much."""
WAITS = 8
WAIT_SECONDS = 0.5
"""How often and how long at most a climb waits for a quieter moment."""
PAIRS_AFTER_WAITING = 3 * LEAST_PAIRS

Tells = Literal["gain", "alone", "together"]
Rest = Callable[[float], None]


@dataclass(frozen=True, slots=True)
class _RungPairs:
    """A comparison and what it tells: the gain of the rung at `place`, that of the rung `alone`
    where everything else is on, or, at the bottom, that of all of them `together`.

    ran: the places of the rungs that its two arms ran, None for a way that is no rung.
    """

    tells: Tells
    place: int
    ran: tuple[int | None, int]
    comparison: Comparison

    @property
    def width(self) -> float:
        """Half of the interval of the log ratio."""
        low, high = interval(self.comparison.log_ratios())
        return (high - low) / 2

    @property
    def is_done(self) -> bool:
        """Whether more pairs would say little that is new."""
        if self.comparison.n_pairs < LEAST_PAIRS:
            return False
        ratios = self.comparison.log_ratios()
        return self.width <= max(PRECISION, SHARE * abs(median(ratios)))

    @property
    def disagrees(self) -> bool:
        return self.width > DISAGREEING

    def gain(self) -> Gain | None:
        """What the pairs say so far; None without any."""
        if not self.comparison.n_pairs:
            return None
        verdict = self.comparison.verdict()
        return Gain(
            -verdict.estimate, -verdict.high, -verdict.low, verdict.pairs, not self.disagrees
        )


def climb(
    subject: Subject,
    pinned: Mapping[str, Value] | None = None,
    rounds: int = DEFAULT_ROUNDS,
    *,
    ablate: bool = False,
    engine: Engine | None = None,
    rng: Random | None = None,
    rest: Rest = sleep,
) -> Iterator[Ladder]:
    """Measure the rungs; yields after every pair how far it has come, so it ends where it is left.

    ablate: also take each rung away from everything on. rest: waits so many seconds. Raises
    `UsageError` for a number of rounds outside 1 to 1000 and what the engine raises.
    """
    if not 1 <= rounds <= MAX_ROUNDS:
        raise UsageError(f"rounds must be between 1 and {MAX_ROUNDS}, not {rounds}.")
    engine = engine or subject.create_engine()
    rungs = plan(engine, pinned)
    everything = top(rungs)
    ladder = Ladder(
        engine=engine.name,
        isa=engine.instruction_set(everything),
        model=subject.model,
        batch=subject.train.batch,
        data=subject.dataset.name,
        seed=subject.train.seed,
        pinned={key: find_optimization(key).label(value) for key, value in (pinned or {}).items()},
        rounds=rounds,
        rungs=rungs,
        is_ablated=ablate,
    )
    yield replace(ladder, doing="warming up")
    # Denormals are what one of the rungs is about, so the state that all start from may hold some.
    can_keep = not engine.why_not("flush_denormals", False)
    kept = replace(everything, flush_denormals=False) if can_keep else everything
    state = mid_run(subject, engine, kept)
    all_pairs: list[_RungPairs] = []
    for tells, place, ran, ways in _pairings(rungs, ablate):
        yield replace(ladder, doing=f"trying {rungs[place].label}")
        a, b = (Arm("", subject, engine, way) for way in ways)
        all_pairs.append(_RungPairs(tells, place, ran, Comparison(a, b, state, rng=rng)))
    tried = [us for pairs in all_pairs for us in pairs.comparison.tried_us or ()]
    ladder = replace(ladder, quickest=min(tried) * subject.train.batch)
    yield from _measured(ladder, all_pairs, rest)


def _pairings(
    rungs: tuple[Rung, ...], ablate: bool
) -> Iterator[tuple[Tells, int, tuple[int | None, int], tuple[Optimizations, Optimizations]]]:
    """For each comparison what it tells, of which rung, which rungs it runs, and the two ways."""
    bottom = below = rungs[0].optimizations
    assert bottom is not None
    assert below is not None
    highest = 0
    for place, rung in enumerate(rungs):
        if rung.optimizations is None or not place:
            continue
        yield "gain", place, (highest, place), (below, rung.optimizations)
        if not rung.aside:
            highest, below = place, rung.optimizations
    yield "together", 0, (0, highest), (bottom, below)
    for place, rung in enumerate(rungs if ablate else ()):
        way = without(rung, rungs)
        if way is not None:
            yield "alone", place, (None, highest), (way, below)


def _measured(ladder: Ladder, all_pairs: list[_RungPairs], rest: Rest) -> Iterator[Ladder]:
    """Take pairs of all rungs in turn, then wait for those that disagree; yields after each."""
    total, taken = ladder.rounds * PAIRS_PER_ROUND * len(all_pairs), 0
    for number in range(1, ladder.rounds + 1):
        for pairs in all_pairs:
            taken += PAIRS_PER_ROUND
            if pairs.is_done:
                continue
            for _ in range(PAIRS_PER_ROUND):
                pairs.comparison.take_pair()
                yield replace(
                    ladder,
                    round=number,
                    progress=taken / total,
                    doing=f"round {number} of {ladder.rounds}",
                )
            ladder = _with(ladder, all_pairs, pairs)
    ladder = replace(ladder, round=ladder.rounds, progress=1.0)
    for i in range(WAITS):
        unsettled = [pairs for pairs in all_pairs if pairs.disagrees]
        if not unsettled:
            break
        yield replace(ladder, doing=f"waiting for a quieter moment ({i + 1} of {WAITS})")
        rest(WAIT_SECONDS)
        for pairs in unsettled:
            pairs.comparison.forget()
            for _ in range(PAIRS_AFTER_WAITING):
                pairs.comparison.take_pair()
                yield replace(ladder, doing=f"measuring {len(unsettled)} again")
            ladder = _with(ladder, all_pairs, pairs)
    yield ladder


def _with(ladder: Ladder, all_pairs: list[_RungPairs], pairs: _RungPairs) -> Ladder:
    """The ladder with what the pairs of a rung say now."""
    rungs, gain = list(ladder.rungs), pairs.gain()
    if pairs.tells == "together":
        ladder = replace(ladder, together=gain)
    elif pairs.tells == "alone":
        rungs[pairs.place] = replace(rungs[pairs.place], alone=gain)
    else:
        rungs[pairs.place] = replace(rungs[pairs.place], gain=gain)
    for place in pairs.ran:
        if place is None:
            continue
        rungs[place] = replace(rungs[place], us=_us_per_step(place, all_pairs, ladder.batch))
    return replace(ladder, rungs=tuple(rungs), clock=pairs.comparison.clock)


def _us_per_step(place: int, all_pairs: list[_RungPairs], batch: int) -> float:
    """The median microseconds a step of a rung over all blocks that ran it."""
    blocks = [
        us
        for pairs in all_pairs
        for arm, ran in enumerate(pairs.ran)
        if ran == place
        for us in pairs.comparison.us_per_sample(arm)
    ]
    return batch * median(blocks)
