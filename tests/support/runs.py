"""A store of made-up runs, always the same."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from eetui.core.config import ModelConfig, TrainConfig
from eetui.core.curves.history import Curve
from eetui.core.curves.track import TrackCurve
from eetui.core.data.dataset import load_dataset
from eetui.core.optimizations import Optimizations
from eetui.core.run.snapshot import Snapshot
from eetui.core.store.run_record import Curves, RunProgress, configuration_of
from eetui.core.store.store import Store

NAMES = ("calm heron", "quiet pine", "bold comet", "mellow fox")
NOW = 1_800_000_000.0
"""When the newest of them was written, seconds since 1970."""


def progress(
    loss: float = 2.0, steps: int = 4000, model: ModelConfig | None = None, **train: Any
) -> RunProgress:
    """A run whose loss falls to about `loss`."""
    at = np.linspace(steps / 100, steps, 100).astype(np.int64)
    seconds = (at * 1e-4).astype(np.float64)
    losses = (loss + 1.2 * np.exp(-at / 400)).astype(np.float64)
    settings = replace(TrainConfig(steps=steps), **train)
    return RunProgress(
        status="finished",
        instruction_set="AVX-512 x16",
        configuration=configuration_of(
            model or ModelConfig(), settings, Optimizations(), "native", "names"
        ),
        step=steps,
        loss=float(losses[-1]),
        held_out_loss=float(losses[-1]) + 0.02,
        us_per_step=100.0,
        curves=Curves(
            Curve(at, seconds, losses, np.full(100, 100.0)),
            TrackCurve(at[::10], seconds[::10], losses[::10] + 0.02),
            TrackCurve(at[::10], seconds[::10], seconds[::10] * 1.1),
        ),
        names=[{"step": 0, "text": "xqz", "is_new": True}],
        log='{"entries": []}',
    )


def fill(path: Path) -> list[str]:
    """Four runs; gives their ids, the newest first."""
    data = load_dataset().fingerprint
    with Store(path) as store:
        for i in range(4):
            run = store.begin(cpu="a CPU", version="0.1", data="", data_fingerprint=data)
            model = ModelConfig(d_model=16 if i < 2 else 32)
            rate = (0.004, 0.008)[i % 2]
            store.write(run.id, progress(2.0 + i / 50, 4000 + 1000 * i, model, learning_rate=rate))
    connection = sqlite3.connect(path)  # their ids and times are else of this moment
    ids = [f"{i:08x}" for i in range(4)]
    rows = connection.execute("SELECT id FROM runs ORDER BY created").fetchall()
    for i, (old,) in enumerate(rows):
        for table in ("details", "states"):
            connection.execute(f"UPDATE {table} SET run = ? WHERE run = ?", (ids[i], old))
        connection.execute(
            "UPDATE runs SET id = ?, name = ?, created = ?, updated = ? WHERE id = ?",
            (ids[i], NAMES[i], NOW + i, NOW - 3600 * (3 - i), old),
        )
    connection.commit()
    connection.close()
    return ids[::-1]


@dataclass
class FakeRecording:
    """Says that runs are written down, and writes nothing."""

    path: Path
    current: str | None = None

    def watching(
        self, publish: Callable[[Snapshot], None] | None = None
    ) -> Callable[[Snapshot], None]:
        return publish or (lambda snapshot: None)

    def observe(self, first_step: int, losses: np.ndarray) -> None:
        return None
