"""What a run has been: the whole curve in bounded memory, and the last moments in detail."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

CAPACITY = 2048
PACES = 8
"""Chunks of a bucket whose pace is kept, evenly spread over it: enough for the quartiles of a
column of a chart, which holds the paces of several buckets."""
RECENT_LOSSES = 100
RECENT_CHUNKS = 41


@dataclass(frozen=True, slots=True)
class Event:
    """A change in mid-run, to be marked on the charts: `label` names the value of `key` from then
    on, `before` the one until then. paused: seconds that its measurement took from the training."""

    step: int
    seconds: float
    key: str
    label: str
    before: str = ""
    paused: float = 0.0


@dataclass(frozen=True, slots=True)
class Curve:
    """The whole run in at most a few thousand buckets, oldest first; arrays are [n] if not said.

    steps: last step of the bucket. seconds: what the wall clock said at its end, pauses
    left out. loss: mean nats. us: mean microseconds a step, by the clock that tells their cost.
    paces [n, PACES]: microseconds a step of single chunks of the bucket, NaN where it had fewer.
    """

    steps: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))
    seconds: NDArray[np.float64] = field(default_factory=lambda: np.zeros(0))
    loss: NDArray[np.float64] = field(default_factory=lambda: np.zeros(0))
    us: NDArray[np.float64] = field(default_factory=lambda: np.zeros(0))
    paces: NDArray[np.float32] = field(default_factory=lambda: np.zeros((0, PACES), np.float32))


class History:
    """Loss and time of every chunk of steps, merged pairwise whenever the buckets run out.

    So a run of any length keeps its beginning, costs the same memory, and adding a chunk costs
    the same time.
    """

    def __init__(self) -> None:
        self._buckets = np.zeros((CAPACITY, 5))  # last step, steps, loss sum, wall and cost ns
        self._paces = np.full((CAPACITY, PACES), np.nan, np.float32)
        self._count = 0
        self._chunks_per_bucket = 1
        self._chunks_in_last = 0
        self._recent_losses: NDArray[np.float32] = np.zeros(0, np.float32)
        self._recent: deque[tuple[int, int, int]] = deque(maxlen=RECENT_CHUNKS)

    def add(
        self,
        last_step: int,
        losses: NDArray[np.float32],
        wall_ns: int,
        cost_ns: int | None = None,
    ) -> None:
        """Record a chunk that ended after `last_step` steps; losses [n_steps], all finite.

        wall_ns: what went by meanwhile. cost_ns: what the steps cost, the same if not said.
        """
        cost_ns = wall_ns if cost_ns is None else cost_ns
        n = len(losses)
        if not n:
            return
        if self._chunks_in_last == self._chunks_per_bucket or not self._count:
            if self._count == CAPACITY:
                self._merge()
            self._count += 1
            self._chunks_in_last = 0
            self._buckets[self._count - 1] = 0.0
            self._paces[self._count - 1] = np.nan
        us = cost_ns / 1e3 / n
        place, passed = divmod(self._chunks_in_last, max(self._chunks_per_bucket // PACES, 1))
        if not passed:
            self._paces[self._count - 1, place] = us
        bucket = self._buckets[self._count - 1]
        bucket[0] = last_step
        bucket[1:] += n, losses.sum(dtype=np.float64), wall_ns, cost_ns
        self._chunks_in_last += 1
        self._recent_losses = np.concatenate([self._recent_losses, losses])[-RECENT_LOSSES:]
        self._recent.append((n, wall_ns, cost_ns))

    def wait(self, wall_ns: int) -> None:
        """So much more went by, in which no step was taken."""
        if self._count:
            self._buckets[self._count - 1, 3] += wall_ns

    def _merge(self) -> None:
        pairs = self._buckets.reshape(-1, 2, 5)
        merged = pairs.sum(axis=1)
        merged[:, 0] = pairs[:, 1, 0]
        self._count = CAPACITY // 2
        self._buckets[: self._count] = merged
        kept = min(self._chunks_per_bucket, PACES)
        both = self._paces.reshape(-1, 2, PACES)[:, :, :kept].reshape(-1, 2 * kept)
        both = both[:, :: 2 * kept // PACES or 1]  # in a full bucket every other one stays
        self._paces[: self._count, both.shape[1] :] = np.nan
        self._paces[: self._count, : both.shape[1]] = both
        self._chunks_per_bucket *= 2

    def forget_after(self, step: int) -> None:
        """Drop what was recorded after `step`, for a run that goes back to it."""
        kept = int(np.searchsorted(self._buckets[: self._count, 0], step, side="right"))
        if kept == self._count:
            return
        self._count = kept
        self._chunks_in_last = self._chunks_per_bucket
        self._recent_losses = self._recent_losses[:0]
        self._recent.clear()

    def forget_pace(self) -> None:
        """Forget the recent microseconds, because what is being timed has changed."""
        self._recent.clear()

    @property
    def loss(self) -> float | None:
        """Mean loss of about the last 100 steps, nats."""
        return float(self._recent_losses.mean()) if len(self._recent_losses) else None

    @property
    def us_per_step(self) -> float | None:
        """Median cost of a step in the last chunks."""
        # NumPy's median would load its masked arrays: 15 ms of a start
        paces, n = sorted(cost / 1e3 / n for n, _, cost in self._recent), len(self._recent)
        return (paces[(n - 1) // 2] + paces[n // 2]) / 2 if n else None

    @property
    def wall_us_per_step(self) -> float | None:
        """Mean wall time of a step in the last chunks."""
        steps = sum(n for n, _, _ in self._recent)
        return sum(wall for _, wall, _ in self._recent) / 1e3 / steps if steps else None

    @property
    def core_share(self) -> float | None:
        """What the steps of the last chunks cost, as a share of what went by."""
        wall = sum(wall for _, wall, _ in self._recent)
        return sum(cost for _, _, cost in self._recent) / wall if wall else None

    @property
    def seconds(self) -> float:
        """The time that has passed by the wall clock, pauses left out."""
        return float(self._buckets[: self._count, 3].sum() / 1e9)

    @property
    def cost_seconds(self) -> float:
        """What the recorded steps cost."""
        return float(self._buckets[: self._count, 4].sum() / 1e9)

    def curve(self) -> Curve:
        """An immutable copy of the whole run."""
        last_step, steps, loss_sum, wall_ns, cost_ns = self._buckets[: self._count].T.copy()
        return Curve(
            steps=last_step.astype(np.int64),
            seconds=np.cumsum(wall_ns) / 1e9,
            loss=loss_sum / steps,
            us=cost_ns / 1e3 / steps,
            paces=self._paces[: self._count].copy(),
        )
