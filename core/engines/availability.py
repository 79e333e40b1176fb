"""What an engine can do here: the values a toggle can take, why it cannot take the others, and
which ones are chosen when nobody sets them."""

from __future__ import annotations

from collections.abc import Sequence

from eetui.core import cpu
from eetui.core.config import ModelConfig
from eetui.core.engines.base import Engine
from eetui.core.errors import UsageError
from eetui.core.optimizations import (
    CATALOGUE,
    Optimization,
    Optimizations,
    Value,
    assigned,
    parse_assignments,
)

AUTOMATIC = ("sme2", "amx-split")
"""Values of the toggle that keep the gradients of float32 and so may be chosen by themselves."""
FROM_D_MODEL = 64
"""Below it, entering the unit and filling its tiles costs more than it saves: EEmicroGPT's author
measured a loss of 10 % with SME2 at d_model 16."""


def automatic(engine: Engine, model: ModelConfig, beside: Optimizations) -> str:
    """What the toggle `matrix_engine` is for a model as long as nobody sets it.

    Other toggles, `beside` it, are not taken back for a unit that nobody has asked for.
    """
    if model.d_model >= FROM_D_MODEL:
        for value in AUTOMATIC:
            suited = beside.with_value("matrix_engine", value)
            if not engine.why_not("matrix_engine", value) and not engine.conflict(suited):
                return value
    return "off"


def missing(value: str) -> str:
    """One sentence on why this CPU cannot do 'sme2', 'amx' or 'amx-split', or '' if it can."""
    host = cpu.detect()
    if value == "sme2":
        if not host.is_arm:
            return f"SME2: this is an {host.architecture} CPU."
        return "" if host.sme2 else "SME2: this Arm CPU has none."
    if not host.is_x86:
        return f"AMX: this is an {host.architecture} CPU."
    return "" if host.amx_bf16 else "AMX: this CPU has no amx-bf16."


def undriven(value: str, engine: str) -> str:
    """One sentence on why an engine (its name) without matrix kernels cannot take the value."""
    if value == "tile":
        return f"Tile: the {engine} engine has none, only the native engine has."
    unit = "SME2" if value == "sme2" else "AMX"
    return missing(value) or f"{unit}: this CPU has it, but the {engine} engine cannot drive it."


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


def choose_optimizations(
    engine: Engine, model: ModelConfig, assignments: Sequence[str]
) -> Optimizations:
    """The engine's best toggles for a model with `assignments` ('padding_skip=off') applied.

    The matrix engine is the automatic one unless it is assigned. Raises `UsageError` for values
    that the engine cannot take on this machine, or not together.
    """
    best = engine.default_optimizations()
    chosen = parse_assignments(list(assignments), best)
    for entry in CATALOGUE:
        value = getattr(chosen, entry.key)
        reason = engine.why_not(entry.key, value) if value != getattr(best, entry.key) else ""
        if reason:
            raise UsageError(f"{entry.key}={entry.label(value)} is not possible here: {reason}")
    if reason := engine.conflict(chosen):
        raise UsageError(reason)
    if "matrix_engine" not in assigned(assignments):
        return chosen.with_value("matrix_engine", automatic(engine, model, chosen))
    return chosen
