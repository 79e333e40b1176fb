"""A run for other programs."""

from __future__ import annotations

import numpy as np

from eetui.core.store.run_record import Curves

HEADING = "step,seconds,loss,held_out_loss,us_per_step"


def curve_csv(curves: Curves) -> str:
    """The curve as CSV, a row a bucket; the held-out loss is the one last measured, or empty."""
    held = curves.held_out
    rows = [HEADING]
    for step, seconds, loss, us in zip(
        curves.loss.steps, curves.loss.seconds, curves.loss.loss, curves.loss.us, strict=True
    ):
        n = int(np.searchsorted(held.steps, step, side="right"))
        measured = f"{held.values[n - 1]:.6g}" if n else ""
        rows.append(f"{step},{seconds:.6f},{loss:.6g},{measured},{us:.6g}")
    return "\n".join(rows) + "\n"
