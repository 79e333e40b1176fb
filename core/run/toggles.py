"""The toggles as the screen shows them, drawn from the catalogue and what the engine can do."""

from __future__ import annotations

from eetui.core.config import ModelConfig
from eetui.core.engines import tuned
from eetui.core.engines.availability import judge
from eetui.core.engines.base import Engine
from eetui.core.engines.presets import differing, preset
from eetui.core.optimizations import CATALOGUE, Optimizations
from eetui.core.run.effects import Effects
from eetui.core.run.snapshot import Toggle
from eetui.core.run.switch import preset_switch

PRESETS_WHAT = (
    "1 turns everything off, 2 is EEmicroGPT's set, 3 everything on, 4 what you had before."
)
BATCH_WHAT = "Documents a step: more make the gradient less noisy and share each weight's load."


def toggle_views(
    engine: Engine | None,
    running: Optimizations,
    wanted: Optimizations,
    batch: int,
    model: ModelConfig,
    effects: Effects,
    waiting: str,
    auto_threads: str = "",
) -> tuple[Toggle, ...]:
    """Every toggle; while there is no engine yet, `waiting` says why none can be changed.

    auto_threads: what is known of their number where it follows what is fastest, else ''.
    """
    views = []
    for entry in CATALOGUE:
        now, then = getattr(running, entry.key), getattr(wanted, entry.key)
        blocked, missing = waiting, ""
        if engine is not None:
            judged = judge(engine, entry, wanted)
            missing = judged.reason
            blocked = missing if len(judged.values) < 2 else ""
        follows = auto_threads if entry.key == "threads" else ""
        views.append(
            Toggle(
                key=entry.key,
                hotkey=entry.keys,
                name=entry.name,
                kind=entry.kind_of(now),
                label=f"auto {entry.label(now)}" if follows else entry.label(now),
                what=f"{follows} {entry.what}" if follows else entry.what,
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
    if engine is not None:
        views.append(_together(engine, model, running, wanted, effects))
    return tuple(views)


def _together(
    engine: Engine,
    model: ModelConfig,
    running: Optimizations,
    wanted: Optimizations,
    effects: Effects,
) -> Toggle:
    """All toggles as one: which preset they are at, and how far that is from everything on."""
    switch = preset_switch(engine, model)
    now, then = switch.label(running), switch.label(wanted)
    missing = differing(running, preset("on", engine, model))
    distance = f"Not as in everything on: {', '.join(missing)}." if missing else ""
    measured = tuned.find(engine.name, model.d_model)
    tuning = f"Tuned here: {tuned.written(measured)}." if measured else ""
    return Toggle(
        key=switch.key,
        hotkey="1-4",
        name=switch.name,
        kind="rounding",
        label=now,
        what=" ".join(filter(None, (distance, tuning, PRESETS_WHAT))),
        pending=then if then != now else "",
        effect=effects.effect(switch.key),
    )
