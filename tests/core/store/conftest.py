"""A store in a folder of its own, and runs that were never trained."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from eetui.core.config import ModelConfig, TrainConfig
from eetui.core.curves.history import Curve
from eetui.core.curves.track import TrackCurve
from eetui.core.optimizations import Optimizations
from eetui.core.store.run_record import Curves, RunProgress, configuration_of
from eetui.core.store.store import Store

Make = Callable[..., RunProgress]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "data" / "runs.sqlite"


@pytest.fixture
def store(path: Path) -> Iterator[Store]:
    with Store(path) as opened:
        yield opened


@pytest.fixture(scope="session")
def progress() -> Make:
    """How far a run of `n` chunks of ten steps has come; `changes` are fields of `RunProgress`."""

    def make(n: int = 50, settings: dict[str, Any] | None = None, **changes: Any) -> RunProgress:
        steps = np.arange(1, n + 1) * 10
        seconds = (steps * 1e-4).astype(np.float64)
        loss = (2.0 + np.exp(-steps / 200)).astype(np.float64)
        values: dict[str, Any] = {
            "status": "running",
            "instruction_set": "AVX-512 x16",
            "configuration": configuration_of(
                ModelConfig(), TrainConfig(), Optimizations(), "native", "names"
            )
            | (settings or {}),
            "step": int(steps[-1]),
            "loss": float(loss[-1]),
            "held_out_loss": float(loss[-1]) + 0.01,
            "us_per_step": 100.0,
            "curves": Curves(
                Curve(steps, seconds, loss, np.full(n, 100.0)),
                TrackCurve(steps[::5], seconds[::5], loss[::5] + 0.01),
                TrackCurve(steps[::5], seconds[::5], seconds[::5] * 1.1),
                TrackCurve(steps[::5], seconds[::5], seconds[::5] * 1.05),
            ),
            "names": [{"step": 0, "text": "xqz"}],
            "log": '{"entries": []}',
        }
        return RunProgress(**{**values, **changes})

    return make
