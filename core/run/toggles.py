"""The toggles as the screen shows them, drawn from the catalogue and what the engine can do."""

from __future__ import annotations

from eetui.core.engines.availability import judge
from eetui.core.engines.base import Engine
from eetui.core.optimizations import CATALOGUE, Optimizations
from eetui.core.run.effects import Effects
from eetui.core.run.snapshot import Toggle

BATCH_WHAT = "Documents a step: more make the gradient less noisy and share each weight's load."


def toggle_views(
    engine: Engine | None,
    running: Optimizations,
    wanted: Optimizations,
    batch: int,
    effects: Effects,
    waiting: str,
) -> tuple[Toggle, ...]:
    """Every toggle; while there is no engine yet, `waiting` says why none can be changed."""
    views = []
    for entry in CATALOGUE:
        now, then = getattr(running, entry.key), getattr(wanted, entry.key)
        blocked, missing = waiting, ""
        if engine is not None:
            judged = judge(engine, entry, wanted)
            missing = judged.reason
            blocked = missing if len(judged.values) < 2 else ""
        views.append(
            Toggle(
                key=entry.key,
                hotkey=entry.keys,
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
