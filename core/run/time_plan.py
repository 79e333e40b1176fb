"""Runs that end with their seconds: the steps over which the rate falls follow the pace."""

from __future__ import annotations

from eetui.core.run.commands import SetSteps

FIRST_PLAN = 10**6
"""Steps over which the rate falls until the pace is known."""
OFF = 0.02
"""By how much a plan may miss the end, as a share of what is left."""
NEAR = 0.005
"""A run ends when less than this share of its seconds is left."""


def paced(seconds: float | None, spent: float, step: int, planned: int) -> SetSteps | None:
    """The plan of steps that ends a run with its `seconds`; None if the one so far is near.

    seconds: None for a run that ends with its steps. spent: seconds that its first `step` steps
    took, at least one of them.
    """
    if seconds is None or not spent:
        return None
    left = (seconds - spent) * step / spent
    if spent >= seconds * (1 - NEAR):
        left = 0.0
    elif abs(planned - step - left) <= max(OFF * left, 1.0):
        return None
    steps = step + round(left)
    return SetSteps(steps) if steps != planned else None
