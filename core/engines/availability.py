"""What an engine can do on this machine: the values that each toggle can take, why it cannot take
the others, and which ones are chosen when nobody sets them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from eetui.core import cpu
from eetui.core.config import ModelConfig
from eetui.core.engines import tuned
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


@dataclass(frozen=True, slots=True)
class Availability:
    """What one toggle can be here: for each of its values '' or a sentence that says why not."""

    entry: Optimization
    why_not: Mapping[Value, str]

    @property
    def values(self) -> tuple[Value, ...]:
        """The values that it can take, in the catalogue's order."""
        return tuple(value for value, reason in self.why_not.items() if not reason)

    @property
    def reason(self) -> str:
        """Why it cannot take the other values, each reason once; '' if it can take them all."""
        return " ".join(dict.fromkeys(filter(None, self.why_not.values())))

    def require(self, value: Value) -> None:
        """Raise `UsageError` unless the toggle can take `value`."""
        self.entry.check(value)
        if reason := self.why_not[value]:
            raise UsageError(reason)

    def after(self, value: Value) -> Value:
        """The next possible value, round and round; raises `UsageError` if there is no other."""
        values = self.values
        if len(values) < 2:
            raise UsageError(self.reason or f"{self.entry.name} has no other value here.")
        return values[(values.index(value) + 1) % len(values)]


def judge(engine: Engine, entry: Optimization, others: Optimizations | None = None) -> Availability:
    """What an engine can set a toggle to on this CPU, with the `others` as they are if given."""

    def why_not(value: Value) -> str:
        reason = engine.why_not(entry.key, value)
        if reason or others is None or value == getattr(others, entry.key):
            return reason
        return engine.conflict(entry.applied(others, value))

    return Availability(entry, {value: why_not(value) for value in entry.values})


def choose_optimizations(
    engine: Engine, model: ModelConfig, assignments: Sequence[str]
) -> Optimizations:
    """The engine's best toggles for a model with `assignments` ('padding_skip=off') applied.

    What is not assigned is what suits the model best here. Raises `UsageError` for values
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
    return suited(engine, model, chosen, frozenset(assigned(assignments)))


def suited(
    engine: Engine, model: ModelConfig, others: Optimizations, chosen: frozenset[str]
) -> Optimizations:
    """`others`, with every toggle but the `chosen` ones at what suits the model best here: what
    was measured on this CPU, else the engine's own choice."""
    wanted = own_choice(engine, model, others, chosen)
    measured = tuned.find(engine.name, model.d_model)
    for key, value in measured.toggles.items() if measured else ():
        other = wanted.with_value(key, value)
        if key not in chosen and not engine.why_not(key, value) and not engine.conflict(other):
            wanted = other
    return wanted


def own_choice(
    engine: Engine, model: ModelConfig, others: Optimizations, chosen: frozenset[str]
) -> Optimizations:
    """`others`, with every toggle but the `chosen` ones at the engine's own choice."""
    best, wanted = engine.default_optimizations(), others
    for entry in CATALOGUE:
        if entry.key not in chosen:
            wanted = entry.applied(wanted, getattr(best, entry.key))
    if "products" not in chosen:
        wanted = wanted.with_value("products", automatic(engine, model, wanted))
    return wanted


AUTOMATIC = ("sme2", "amx-split")
"""Matrix units that keep the gradients of float32 and so may be chosen by themselves."""
UNIT_NAMES = {"sme2": "SME2", "amx-split": "AMX", "amx": "AMX", "bf16": "bf16"}
FROM_D_MODEL = 64
"""Below it, entering the unit and filling its tiles costs more than it saves: EEmicroGPT's author
measured a loss of 10 % with SME2 at d_model 16."""


def automatic(engine: Engine, model: ModelConfig, others: Optimizations) -> str:
    """What computes a model's products as long as nobody says what shall: a value of `products`.

    The `others` are not taken back for a unit that nobody has asked for.
    """
    if model.d_model >= FROM_D_MODEL:
        for value in AUTOMATIC:
            suited = others.with_value("products", value)
            if not engine.why_not("products", value) and not engine.conflict(suited):
                return value
    return "tiles"


def missing(value: str) -> str:
    """One sentence on why this CPU cannot do the products so, or '' if it can."""
    host = cpu.detect()
    if value == "bf16":
        return "" if host.bf16 else "bf16: this CPU has no vector instructions for bfloat16."
    if value == "sme2":
        if not host.is_arm:
            return f"SME2: this is an {host.architecture} CPU."
        return "" if host.sme2 else "SME2: this Arm CPU has none."
    if not host.is_x86:
        return f"AMX: this is an {host.architecture} CPU."
    return "" if host.amx_bf16 else "AMX: this CPU has no amx-bf16."


def undriven(value: str, engine: str) -> str:
    """One sentence on why an engine (its name) that has only tiles cannot take the value."""
    if value in ("rows", "outer"):
        return f"{value.capitalize()}: only the native engine computes products so, not {engine}."
    return (
        missing(value)
        or f"{UNIT_NAMES[value]}: this CPU has it, but the {engine} engine cannot drive it."
    )
