"""A study as a table: CSV, JSON or Parquet, a row a training."""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from io import BytesIO, StringIO
from pathlib import Path
from typing import Any

from eetui.core.errors import EetuiError, UsageError
from eetui.core.files import require_writable, write_atomically
from eetui.core.sweep.progress import SweepProgress, sweep_json
from eetui.core.text import visible

SUFFIXES = (".csv", ".json", ".parquet")
MISSING = "Parquet needs PyArrow, which is not installed: pip install 'eetui[sweep]'."


def require_export(path: Path) -> None:
    """Raise unless a study could be written there."""
    if path.suffix not in SUFFIXES:
        raise UsageError(f"{visible(path.name)} must end in {', '.join(SUFFIXES)}.")
    require_writable(path)
    if path.suffix == ".parquet":
        _parquet([])


def write_export(path: Path, standing: SweepProgress) -> None:
    """Write the study in the format that the file's name asks for."""
    rows = trainings(standing)
    if path.suffix == ".csv":
        content = _csv(rows)
    elif path.suffix == ".parquet":
        content = _parquet(rows)
    else:
        whole = {**sweep_json(standing), "table": rows}
        content = json.dumps(whole, allow_nan=False, indent=1).encode()
    write_atomically(path, content)


def trainings(standing: SweepProgress) -> list[dict[str, Any]]:
    """A row a training: its point and seed, the settings, and what it gave."""
    return [
        {
            "point": point.number,
            "state": point.state,
            "seed": training.seed,
            **standing.plan.space.settings(point.settings),
            "value": training.value,
            "held_out_loss": training.held_out,
            "loss": training.loss,
            "trained_steps": training.steps,
            "seconds": training.seconds,
            "ending": training.ending,
            "run": training.run,
        }
        for point in standing.points
        for training in point.trainings
    ]


def _csv(rows: Sequence[dict[str, Any]]) -> bytes:
    text = StringIO()
    writer = csv.DictWriter(text, [*rows[0]] if rows else ["point"])
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode()


def _parquet(rows: Sequence[dict[str, Any]]) -> bytes:
    try:
        import pyarrow
        from pyarrow import parquet
    except ImportError as error:
        raise EetuiError(MISSING) from error
    buffer = BytesIO()
    parquet.write_table(pyarrow.Table.from_pylist(list(rows)), buffer)
    return buffer.getvalue()
