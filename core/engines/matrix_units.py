"""Why a matrix unit cannot be used: what this CPU has, and what the engine can drive."""

from __future__ import annotations

from eetui.core import cpu


def why_not(unit: str, engine: str) -> str:
    """One sentence on why `engine` (its name) cannot use 'sme2' or 'amx' on this machine."""
    host = cpu.detect()
    if unit == "sme2":
        if not host.is_arm:
            return f"SME2: this is an {host.architecture} CPU, and SME2 is a unit of Arm CPUs."
        if not host.sme2:
            return "SME2: this Arm CPU has none."
        return f"SME2: this CPU has it, but the {engine} engine cannot drive it."
    if not host.is_x86:
        return f"AMX: this is an {host.architecture} CPU, and AMX is a unit of Intel CPUs."
    if not host.amx_bf16:
        return "AMX: this CPU has no amx-bf16."
    return f"AMX: this CPU has amx-bf16, but the {engine} engine cannot drive it."
