"""Measuring what a setting is worth once more: which two of its values are compared."""

from __future__ import annotations

from dataclasses import replace

from eetui.core.engines.availability import judge
from eetui.core.engines.base import Engine
from eetui.core.engines.presets import preset
from eetui.core.optimizations import find_optimization
from eetui.core.run.commands import SetBatch, SetOptimization
from eetui.core.run.effects import Flip
from eetui.core.run.setup import Setup
from eetui.core.run.switch import ALL, preset_switch


def flip_again(key: str, engine: Engine, now: Setup, last: Flip | None) -> Flip:
    """From the value before the last flip of `key` to the one in force.

    From another one where there was no flip yet, or the value is again what it was before.
    """
    if key == "batch":
        return _batch(now, last)
    if key == ALL:
        return _all_toggles(engine, now, last)
    entry = find_optimization(key)
    value = getattr(now.optimizations, key)
    judged = judge(engine, entry, now.optimizations)
    before = entry.parse(last.before) if last else judged.values[0]
    if before == value or before not in judged.values:
        before = judged.after(value)
    old = now.after(SetOptimization(key, before))
    return Flip(key, entry.label(before), entry.label(value), old, now)


def _batch(now: Setup, last: Flip | None) -> Flip:
    batch = now.train.batch
    other = int(last.before) if last else max(batch // 2, 1)
    old = now.after(SetBatch(other if other != batch else 2 * batch))
    return Flip("batch", str(old.train.batch), str(batch), old, now)


def _all_toggles(engine: Engine, now: Setup, last: Flip | None) -> Flip:
    """From the toggles before the last preset, or from none of them."""
    switch = preset_switch(engine, now.model)
    before = last.old.optimizations if last else now.optimizations
    if before == now.optimizations:
        before = preset("off", engine, now.model)
    a, b = switch.label(before), switch.label(now.optimizations)
    return Flip(ALL, a, b, replace(now, optimizations=before), now)
