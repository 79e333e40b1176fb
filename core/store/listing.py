"""The list of runs as it is looked at: filtered, sorted, and grouped into a tree by settings."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from eetui.core.curves.history import Curve
from eetui.core.curves.track import TrackCurve
from eetui.core.errors import UsageError
from eetui.core.store.run_record import Curves, Summary
from eetui.core.text import visible

Order = Literal["age", "name", "loss", "held out", "step", "us/step", "status"]
XAxis = Literal["steps", "seconds", "samples"]

_INFINITE = float("inf")

ORDERS: dict[Order, Callable[[Summary], Any]] = {
    "age": lambda run: -run.updated,
    "name": lambda run: run.name.casefold(),
    "loss": lambda run: _INFINITE if run.loss is None else run.loss,
    "held out": lambda run: _INFINITE if run.held_out_loss is None else run.held_out_loss,
    "step": lambda run: -run.step,
    "us/step": lambda run: _INFINITE if run.us_per_step is None else run.us_per_step,
    "status": lambda run: run.status,
}
"""What runs are sorted by; the first is the best, the newest or the furthest."""


@dataclass(frozen=True, slots=True)
class Group:
    """Runs that have a setting in common. path: (key, value) from the outermost group to this."""

    path: tuple[tuple[str, str], ...]
    count: int

    @property
    def depth(self) -> int:
        return len(self.path) - 1


@dataclass(frozen=True, slots=True)
class ListedRun:
    """A line of the list: a group's head, or a run at so many groups' depth."""

    group: Group | None
    run: Summary | None
    depth: int


def words_of(run: Summary) -> str:
    """All that a filter looks in: name, id, note, status and every setting as key=value."""
    settings = " ".join(f"{key}={value}" for key, value in run.settings.items())
    return f"{run.name} {run.id} {run.note} {run.status} {settings}".casefold()


def filtered(runs: Iterable[Summary], text: str) -> list[Summary]:
    """The runs in which every word of `text` occurs, such as 'heron d_model=64'."""
    words = text.casefold().split()
    return (
        [run for run in runs if all(word in words_of(run) for word in words)] if words else [*runs]
    )


def ordered(runs: Iterable[Summary], order: Order, backwards: bool = False) -> list[Summary]:
    """The runs by one of the columns, pinned ones before the others."""
    found = sorted(runs, key=ORDERS[order], reverse=backwards)
    return sorted(found, key=lambda run: not run.pinned)


def require_keys(text: str, runs: Sequence[Summary]) -> tuple[str, ...]:
    """The settings named in 'd_model, batch'; raises `UsageError` for one that no run has."""
    keys = tuple(dict.fromkeys(key.strip() for key in text.split(",") if key.strip()))
    known = dict.fromkeys(key for run in runs for key in run.settings)
    for key in keys:
        if key not in known:
            raise UsageError(
                f"No run has a setting {visible(key)}: there are {', '.join(known) or 'no runs'}."
            )
    return keys


def tree(
    runs: Sequence[Summary], keys: Sequence[str], folded: frozenset[tuple[tuple[str, str], ...]]
) -> list[ListedRun]:
    """The runs under a head for each value of each key; nothing is shown of a folded group."""
    return [*_branch(runs, tuple(keys), (), folded)]


def _branch(
    runs: Sequence[Summary],
    keys: tuple[str, ...],
    path: tuple[tuple[str, str], ...],
    folded: frozenset[tuple[tuple[str, str], ...]],
) -> Iterable[ListedRun]:
    if not keys:
        for run in runs:
            yield ListedRun(None, run, len(path))
        return
    valued = [(_sortable(run.settings.get(keys[0])), i, run) for i, run in enumerate(runs)]
    for (_, value), members in groupby(sorted(valued, key=lambda v: v[:2]), key=lambda v: v[0]):
        group = [run for _, _, run in members]
        here = (*path, (keys[0], value))
        yield ListedRun(Group(here, len(group)), None, len(path))
        if here not in folded:
            yield from _branch(group, keys[1:], here, folded)


def _sortable(value: object) -> tuple[float, str]:
    """Numbers by size, then texts."""
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return (float(value) if number else _INFINITE, str(value))  # type: ignore[arg-type]


def x_of(run: Summary, curve: Curve | TrackCurve, axis: XAxis) -> NDArray[np.float64]:
    """The places of a curve's points on an axis [n]; samples by the batch of the run's end."""
    if axis == "seconds":
        return curve.seconds
    steps = curve.steps.astype(np.float64)
    return steps * float(run.settings.get("batch", 1)) if axis == "samples" else steps


def summary_of(curves: Curves) -> tuple[float, float, float] | None:
    """Minimum, mean and maximum of the loss over the steps of a run; None without a curve."""
    loss = curves.loss.loss
    if not len(loss):
        return None
    steps = np.diff(curves.loss.steps, prepend=0)
    return float(loss.min()), float(np.average(loss, weights=steps)), float(loss.max())


def smoothed(values: NDArray[np.float64], width: int) -> NDArray[np.float64]:
    """Means over `width` neighbours around each value, fewer at the ends [n]."""
    if width < 2 or len(values) < 3:
        return values
    kernel = np.ones(min(width, len(values)))
    return np.convolve(values, kernel, "same") / np.convolve(np.ones(len(values)), kernel, "same")
