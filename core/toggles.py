"""The toggles as the screen shows them, drawn from the catalogue and what the engine can do."""

from __future__ import annotations

from eetui.core.effects import EffectMeter
from eetui.core.engines.base import Engine
from eetui.core.errors import UsageError
from eetui.core.optimizations import CATALOGUE, Optimization, Optimizations, Value
from eetui.core.snapshot import Toggle

BATCH_WHAT = "Documents a step: more make the gradient less noisy and share each weight's load."


def possible_values(engine: Engine, entry: Optimization) -> tuple[Value, ...]:
    """The values of a catalogue entry that this engine can take on this machine."""
    return tuple(value for value in entry.values if not engine.why_not(entry.key, value))


def reasons(engine: Engine, entry: Optimization) -> str:
    """Why the impossible values are impossible, each reason once."""
    found = (engine.why_not(entry.key, value) for value in entry.values)
    return " ".join(dict.fromkeys(reason for reason in found if reason))


def next_value(engine: Engine, entry: Optimization, value: Value) -> Value:
    """The possible value after `value`, going round; raises `UsageError` if it is the only one."""
    values = possible_values(engine, entry)
    if len(values) < 2:
        raise UsageError(reasons(engine, entry) or f"{entry.name} has no other value here.")
    return values[(values.index(value) + 1) % len(values)]


def toggle_views(
    engine: Engine | None,
    running: Optimizations,
    wanted: Optimizations,
    batch: int,
    effects: EffectMeter,
    waiting: str,
) -> tuple[Toggle, ...]:
    """Every toggle; while there is no engine yet, `waiting` says why none can be changed."""
    views = []
    for entry in CATALOGUE:
        now, then = getattr(running, entry.key), getattr(wanted, entry.key)
        blocked = waiting
        if engine is not None:
            alone = len(possible_values(engine, entry)) < 2
            blocked = reasons(engine, entry) if alone else ""
        views.append(
            Toggle(
                key=entry.key,
                hotkey=entry.hotkey,
                name=entry.name,
                kind=entry.kind,
                label=entry.label(now),
                what=entry.what,
                pending=entry.label(then) if then != now else "",
                blocked=blocked,
                effect=effects.effect(entry.key),
            )
        )
    views.append(
        Toggle(
            key="batch",
            hotkey="b",
            name="batch size",
            kind="learning",
            label=str(batch),
            what=BATCH_WHAT,
            effect=effects.effect("batch"),
        )
    )
    return tuple(views)
