"""Sets of toggles that one key asks for, each as far as the engine and this CPU can."""

from __future__ import annotations

from eetui.core.config import ModelConfig
from eetui.core.engines.availability import FROM_D_MODEL, choose_optimizations, judge
from eetui.core.engines.base import Engine
from eetui.core.optimizations import CATALOGUE, Optimizations, Value

PRESETS = {"off": "off", "eemicrogpt": "EE", "on": "on"}
"""Their names, and what a narrow column calls them."""

EEMICROGPT: dict[str, Value] = {
    "padding_skip": True,
    "fast_exp": True,
    "vector_width": 4,
    "prefix_sharing": False,
    "products": "tiles",
    "fused": True,
    "adam": "vector",
    "flush_denormals": False,
    "work_order": "batch",
    "threads": 1,
    "optimizer": "adam",
}
"""What its C program does: NEON's four lanes, sums in registers, batches, a vector Adam after the
gradients, its own exp. Its second path computes the products by SME2, from d_model 64 on."""


def preset(name: str, engine: Engine, model: ModelConfig) -> Optimizations:
    """The toggles of one of PRESETS; what the engine cannot do here stays at its lowest value."""
    if name == "on":
        return choose_optimizations(engine, model, ())
    chosen = everything_off(engine)
    if name == "off":
        return chosen
    wanted = dict(EEMICROGPT)
    if model.d_model >= FROM_D_MODEL:
        wanted["products"] = "sme2" if not engine.why_not("products", "sme2") else "tiles"
    for key, value in wanted.items():
        if not engine.why_not(key, value):
            chosen = chosen.with_value(key, value)
    return chosen


def everything_off(engine: Engine) -> Optimizations:
    """Every toggle at the first value of the catalogue that this engine can do on this CPU."""
    chosen = Optimizations()
    for entry in CATALOGUE:
        chosen = chosen.with_value(entry.key, judge(engine, entry).values[0])
    return chosen


def differing(a: Optimizations, b: Optimizations) -> tuple[str, ...]:
    """The names of the toggles that are not the same in both."""
    return tuple(e.name for e in CATALOGUE if getattr(a, e.key) != getattr(b, e.key))
