"""Two runs side by side: what differs between them, and whether their losses do."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from math import sqrt
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from eetui.core.curves.history import Curve
from eetui.core.store.run_record import Curves, Summary
from eetui.core.verdict import student_t

POINTS = 8
TRAIL = 1.25
"""The loss at a point is the mean over the steps since the point at its own over this."""
SEED = "seed"

Axis = Literal["steps", "seconds"]


@dataclass(frozen=True, slots=True)
class Point:
    """The losses of both runs at the same step or second, nats; held-out None if not measured."""

    at: float
    loss_a: float
    loss_b: float
    held_out_a: float | None
    held_out_b: float | None


@dataclass(frozen=True, slots=True)
class SeedVerdict:
    """B's loss less A's over the seeds of each, at the step that all reached: a 95 % interval.

    what: which loss it is. n_a, n_b: seeds.
    """

    what: Literal["held-out loss", "loss"]
    step: int
    n_a: int
    n_b: int
    difference: float
    low: float
    high: float

    @property
    def more_than_seeds(self) -> bool:
        """Whether the difference is more than seeds explain: the interval leaves out zero."""
        return self.low > 0 or self.high < 0


@dataclass(frozen=True, slots=True)
class RunComparison:
    """differences: settings by key, of A and of B. verdict: None where a side has one seed only."""

    differences: dict[str, tuple[Any, Any]]
    by_steps: tuple[Point, ...]
    by_seconds: tuple[Point, ...]
    verdict: SeedVerdict | None


def differences(runs: Sequence[Summary]) -> dict[str, tuple[Any, ...]]:
    """The settings in which the runs are not all alike, by key; None where one has no such key."""
    settings = [run.settings for run in runs]
    keys = dict.fromkeys(key for each in settings for key in each)
    values = {key: tuple(each.get(key) for each in settings) for key in keys}
    return {key: each for key, each in values.items() if any(v != each[0] for v in each)}


def loss_at(curve: Curve, at: Iterable[float], axis: Axis) -> NDArray[np.float64]:
    """The loss around each place of the axis [n]: a mean that grows with the run, as its noise."""
    x = curve.steps.astype(np.float64) if axis == "steps" else curve.seconds
    ends = np.concatenate([[0.0], x])
    counts = np.diff(curve.steps, prepend=0)
    n = np.concatenate([[0.0], np.cumsum(counts)])
    total = np.concatenate([[0.0], np.cumsum(counts * curve.loss)])
    until = np.array(list(at), np.float64)
    since = until / TRAIL
    steps = np.interp(until, ends, n) - np.interp(since, ends, n)
    sums = np.interp(until, ends, total) - np.interp(since, ends, total)
    losses: NDArray[np.float64] = np.full(len(until), np.nan)
    np.divide(sums, steps, out=losses, where=steps > 0)
    return losses


def compare(
    a: Summary, b: Summary, runs: Sequence[Summary], curves: Callable[[str], Curves]
) -> RunComparison:
    """Compare two runs; `runs` are all there are, some perhaps the same with other seeds."""
    curves_a, curves_b = curves(a.id), curves(b.id)
    return RunComparison(
        differences={key: (v[0], v[1]) for key, v in differences([a, b]).items()},
        by_steps=_points(curves_a, curves_b, "steps"),
        by_seconds=_points(curves_a, curves_b, "seconds"),
        verdict=_judge(_of_other_seeds(a, runs), _of_other_seeds(b, runs), curves),
    )


def _points(a: Curves, b: Curves, axis: Axis) -> tuple[Point, ...]:
    """At most 8 places that both reached, evenly spread on a logarithmic axis."""
    ends = [getattr(each.loss, axis) for each in (a, b)]
    if not all(len(each) for each in ends):
        return ()
    last = min(float(each[-1]) for each in ends)
    first = min(max(max(float(each[0]) for each in ends), last / 1000), last)
    at = np.unique(np.geomspace(first, last, POINTS))
    if axis == "steps":
        at = np.unique(np.round(at))
    losses = [loss_at(each.loss, at, axis) for each in (a, b)]
    held = [[_held_out(each, float(place), axis) for place in at] for each in (a, b)]
    return tuple(
        Point(float(place), float(losses[0][i]), float(losses[1][i]), held[0][i], held[1][i])
        for i, place in enumerate(at)
    )


def _held_out(curves: Curves, at: float, axis: Axis) -> float | None:
    """The held-out loss as it was last measured before that place."""
    x = getattr(curves.held_out, axis)
    n = int(np.searchsorted(x, at, side="right"))
    return float(curves.held_out.values[n - 1]) if n else None


def _of_other_seeds(run: Summary, runs: Sequence[Summary]) -> list[Summary]:
    """The run, and those that differ from it by the seed alone; one of each seed, the longest."""
    best = {run.settings.get(SEED): run}
    for other in sorted(runs, key=lambda each: -each.step):
        same = other.data_fingerprint == run.data_fingerprint
        if same and other.step and set(differences([run, other])) == {SEED}:
            best.setdefault(other.settings[SEED], other)
    return list(best.values())


def _judge(
    a: Sequence[Summary], b: Sequence[Summary], curves: Callable[[str], Curves]
) -> SeedVerdict | None:
    if min(len(a), len(b)) < 2 or {run.id for run in a} & {run.id for run in b}:
        return None
    found = [[curves(run.id) for run in group] for group in (a, b)]
    everyone = [*found[0], *found[1]]
    step = min(int(each.loss.steps[-1]) if len(each.loss.steps) else 0 for each in everyone)
    if not step:
        return None
    held = [[_held_out(each, step, "steps") for each in group] for group in found]
    what: Literal["held-out loss", "loss"] = "held-out loss"
    values = [[v for v in group if v is not None] for group in held]
    if any(len(v) < len(g) for v, g in zip(values, held, strict=True)):
        what = "loss"
        values = [[float(loss_at(c.loss, [step], "steps")[0]) for c in group] for group in found]
    means = [float(np.mean(group)) for group in values]
    shares = [float(np.var(group, ddof=1)) / len(group) for group in values]
    difference, spread = means[1] - means[0], sqrt(sum(shares))
    weights = sum(s * s / (len(g) - 1) for s, g in zip(shares, values, strict=True))
    freedom = sum(shares) ** 2 / weights if weights else 1.0  # Welch, 1947
    t = student_t(int(freedom))
    return SeedVerdict(
        what, step, len(a), len(b), difference, difference - t * spread, difference + t * spread
    )
