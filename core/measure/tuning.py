"""Which toggles are the fastest here: other values of each beside the one in force, in pairs."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass, replace
from datetime import date
from time import monotonic

from eetui.core.engines.availability import judge, own_choice
from eetui.core.engines.base import Engine
from eetui.core.engines.subject import Subject
from eetui.core.engines.tuned import TunedToggles
from eetui.core.measure.comparison import Arm, Comparison, pairs_of
from eetui.core.measure.timer import mid_run
from eetui.core.model.state import TrainState
from eetui.core.optimizations import CATALOGUE, Optimization, Optimizations, Value
from eetui.core.verdict import Verdict

SECONDS = 3.0
"""What a tuning takes at the most, but for the least pairs of an engine that is slow."""
CHECKING_SHARE = 0.3
"""Of that, what is kept for all that was found beside the engine's own choice."""
BATCHES = (1, 16)
"""What was found holds for every batch, so it must not be slower at either of these: microgpt's,
at which there is hardly a product to speed up, and EEmicroGPT's."""
NOT_TRIED = ("threads",)
"""More threads are more hardware, and what they are worth changes with what else runs."""

Now = Callable[[], float]


@dataclass(frozen=True, slots=True)
class Trial:
    """A value that was measured beside the one that was the best so far."""

    entry: Optimization
    value: Value
    beside: Value
    verdict: Verdict

    @property
    def is_taken(self) -> bool:
        """Whether it is surely faster."""
        return self.verdict.high < 0


@dataclass(frozen=True, slots=True)
class TuneProgress:
    """How far it has come.

    doing: what is measured, '' at the end. best: the toggles so far. found: at the end, what is to
    be kept; None before.
    """

    best: Optimizations
    trials: tuple[Trial, ...] = ()
    doing: str = ""
    found: TunedToggles | None = None


def tune(
    subject: Subject,
    engine: Engine,
    seconds: float = SECONDS,
    *,
    state: TrainState | None = None,
    now: Now = monotonic,
) -> Iterator[TuneProgress]:
    """Measure the other values of every toggle beside the best so far; yields after every pair.

    state: what is trained in the measurements, from copies of it; that of a short run by default.
    now: the clock of `seconds`, which may stand still while others work.

    A value is taken only if all of its interval is faster, so where no difference is found the
    engine's own choice stays. What was found earlier counts for nothing. Values that change what
    is learned are not tried. What is surely slower at one of `BATCHES` is not kept. Raises what
    the engine raises.
    """
    start, model = now(), subject.model
    own = own_choice(engine, model, engine.default_optimizations(), frozenset())
    best, trials = own, list[Trial]()
    if state is None:
        yield TuneProgress(best, doing="a run to measure in")
        state = mid_run(subject, engine, own)
    candidates = [(e, v) for e in CATALOGUE for v in _others(engine, e, own)]
    for n_done, (entry, value) in enumerate(candidates):
        wanted = entry.applied(best, value)
        if value == getattr(best, entry.key) or engine.conflict(wanted):
            continue
        progress = TuneProgress(best, tuple(trials), f"{entry.name}: {entry.label(value)}")
        yield progress
        left = (1 - CHECKING_SHARE) * seconds - (now() - start)
        share = max(left, 0.0) / (len(candidates) - n_done)
        pairs = _pairs(subject, engine, state, (best, wanted), share, now)
        verdict = yield from _compared(pairs, progress)
        trials.append(Trial(entry, value, getattr(best, entry.key), verdict))
        best = wanted if trials[-1].is_taken else best
    found = TunedToggles(engine.name, model.d_model, date.today().isoformat())
    if best != own:
        progress = TuneProgress(best, tuple(trials), "all of it beside the engine's own choice")
        yield progress
        batches = (subject.train.batch, *(b for b in BATCHES if b != subject.train.batch))
        share = max(seconds - (now() - start), 0.0) / len(batches)
        verdicts = []
        for batch in batches:
            pairs = _pairs(_with_batch(subject, batch), engine, state, (own, best), share, now)
            verdicts.append((yield from _compared(pairs, progress)))
        gain, *others = verdicts
        if gain.high < 0 and all(other.low <= 0 for other in others):
            found = replace(
                found,
                toggles=_differing(own, best),
                change_percent=gain.estimate,
                low=gain.low,
                high=gain.high,
            )
    yield TuneProgress(best if found.toggles else own, tuple(trials), "", found)


def tune_beside(
    subject: Subject, engine: Engine, state: TrainState, now: Now
) -> Iterator[TunedToggles | None]:
    """`tune` beside a run that is in `state`: None after every pair, what was found at last."""
    return (progress.found for progress in tune(subject, engine, state=state, now=now))


def _with_batch(subject: Subject, batch: int) -> Subject:
    return replace(subject, train=replace(subject.train, batch=batch))


def _differing(own: Optimizations, best: Optimizations) -> dict[str, Value]:
    values = {e.key: (getattr(own, e.key), getattr(best, e.key)) for e in CATALOGUE}
    return {key: taken for key, (before, taken) in values.items() if before != taken}


def _others(engine: Engine, entry: Optimization, own: Optimizations) -> list[Value]:
    """The values that are worth a trial."""
    if entry.key in NOT_TRIED:
        return []
    values = judge(engine, entry).values
    return [v for v in values if entry.kind_of(v) != "learning" and v != getattr(own, entry.key)]


def _pairs(
    subject: Subject,
    engine: Engine,
    state: TrainState,
    pair: tuple[Optimizations, Optimizations],
    seconds: float,
    now: Now,
) -> Iterator[Verdict | None]:
    """The second of the pair beside the first."""
    a, b = (Arm("", subject, engine, each) for each in pair)
    return pairs_of(Comparison(a, b, state), seconds, now=now)


def _compared(
    pairs: Iterator[Verdict | None], progress: TuneProgress
) -> Generator[TuneProgress, None, Verdict]:
    """Yields `progress` after every pair; gives the verdict, early if it is surely slower."""
    latest = None
    for verdict in pairs:
        latest = verdict or latest
        if verdict is not None and verdict.low > 0:
            break
        yield progress
    assert latest is not None
    return latest
