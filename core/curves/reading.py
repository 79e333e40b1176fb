"""What a curve has to say about one step: the figures under the cursor of a chart."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from eetui.core.curves.history import Curve, Event
from eetui.core.curves.smoothing import smoothed
from eetui.core.curves.track import TrackCurve


@dataclass(frozen=True, slots=True)
class Reading:
    """Loss and held-out loss in nats (held-out: as last measured, None before that), median and
    quartiles of the microseconds a step, and the settings that changed in the run, as they were."""

    step: int
    seconds: float
    loss: float
    held_out: float | None
    us: float
    us_low: float
    us_high: float
    settings: dict[str, str]


def reading(
    curve: Curve,
    held_out: TrackCurve,
    events: tuple[Event, ...],
    step: float,
    smoothing: float,
    reach: float,
) -> Reading | None:
    """The bucket nearest to `step`; paces are of all buckets up to `reach` steps from it.

    None for a curve without a bucket.
    """
    steps = curve.steps
    if not len(steps):
        return None
    i = int(np.clip(np.searchsorted(steps, step), 1, len(steps) - 1)) if len(steps) > 1 else 0
    if i and step - steps[i - 1] < steps[i] - step:
        i -= 1
    at = int(steps[i])
    low, high = np.searchsorted(steps, (at - reach, at + reach))
    buckets = slice(min(low, i), max(high, i + 1))
    paces = (curve.paces if len(curve.paces) else curve.us[:, None])[buckets]
    us_low, us, us_high = np.nanquantile(paces, (0.25, 0.5, 0.75)).tolist()
    loss = smoothed(curve, np.array([float(at)]), smoothing)[0] if smoothing else curve.loss[i]
    measured = int(np.searchsorted(held_out.steps, at, side="right"))
    return Reading(
        step=at,
        seconds=float(curve.seconds[i]),
        loss=float(loss),
        held_out=float(held_out.values[measured - 1]) if measured else None,
        us=us,
        us_low=us_low,
        us_high=us_high,
        settings=settings_at(events, at),
    )


def settings_at(events: tuple[Event, ...], step: int) -> dict[str, str]:
    """By key, the label of every setting that was ever changed, as it was in step `step`."""
    settings: dict[str, str] = {}
    for event in reversed(events):
        if event.step >= step and event.before:
            settings[event.key] = event.before
    for event in events:
        if event.step < step:
            settings[event.key] = event.label
    return settings
