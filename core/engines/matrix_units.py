"""Matrix units: why one cannot be used here, and when it is used without being asked for."""

from __future__ import annotations

from eetui.core import cpu
from eetui.core.config import ModelConfig
from eetui.core.engines.base import Engine
from eetui.core.optimizations import Optimizations

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
