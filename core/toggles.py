"""The toggles as the screen shows them, drawn from the catalogue and what the engine can do."""

from __future__ import annotations

from eetui.core.effects import EffectMeter
from eetui.core.engines.base import Engine
from eetui.core.errors import UsageError
from eetui.core.optimizations import CATALOGUE, Optimization, Optimizations, Value
from eetui.core.snapshot import Toggle

BATCH_WHAT = "Documents a step: more make the gradient less noisy and share each weight's load."


def why_not(
    engine: Engine, entry: Optimization, value: Value, beside: Optimizations | None = None
) -> str:
    """Empty if the entry can take `value`, `beside` these other toggles if any, else why not."""
    reason = engine.why_not(entry.key, value)
    if reason or beside is None or value == getattr(beside, entry.key):
        return reason
    return engine.conflict(beside.with_value(entry.key, value))


def judge(
    engine: Engine, entry: Optimization, beside: Optimizations | None = None
) -> tuple[tuple[Value, ...], str]:
    """The values that this engine can take here, and why it cannot take the others."""
    found = {value: why_not(engine, entry, value, beside) for value in entry.values}
    possible = tuple(value for value, reason in found.items() if not reason)
    return possible, " ".join(dict.fromkeys(filter(None, found.values())))


def possible_values(
    engine: Engine, entry: Optimization, beside: Optimizations | None = None
) -> tuple[Value, ...]:
    """The values of a catalogue entry that this engine can take here, `beside` other toggles."""
    return judge(engine, entry, beside)[0]


def reasons(engine: Engine, entry: Optimization, beside: Optimizations | None = None) -> str:
    """Why the impossible values are impossible, each reason once."""
    return judge(engine, entry, beside)[1]


def next_value(engine: Engine, entry: Optimization, optimizations: Optimizations) -> Value:
    """The possible value after the present one, going round; raises `UsageError` if it is alone."""
    values, missing = judge(engine, entry, optimizations)
    if len(values) < 2:
        raise UsageError(missing or f"{entry.name} has no other value here.")
    return values[(values.index(getattr(optimizations, entry.key)) + 1) % len(values)]


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
        blocked, missing = waiting, ""
        if engine is not None:
            possible, missing = judge(engine, entry, wanted)
            blocked = missing if len(possible) < 2 else ""
        views.append(
            Toggle(
                key=entry.key,
                hotkey=entry.hotkey,
                name=entry.name,
                kind=entry.kind_of(now),
                label=entry.label(now),
                what=entry.what,
                pending=entry.label(then) if then != now else "",
                blocked=blocked,
                missing=missing,
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
