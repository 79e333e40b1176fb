"""What the store keeps of a run, as values."""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load, save

from eetui.core.config import ModelConfig, TrainConfig
from eetui.core.curves.history import Curve
from eetui.core.curves.track import TrackCurve
from eetui.core.errors import EetuiError
from eetui.core.optimizations import Optimizations, labels

SPARKS = 16
"""Points of the little curve that a list shows."""


class Summary(NamedTuple):
    """A row of the list of runs, of which there may be thousands.

    created, updated: seconds since 1970; deleted as well, or None. configuration: what
    `configuration_of` gives, as JSON. seconds: training time; wall_seconds and cpu_seconds: since
    it was started, with everything but the steps. spark: at most 16 losses of even stretches.
    """

    id: str
    name: str
    created: float
    updated: float
    status: str
    cpu: str
    version: str
    instruction_set: str
    configuration: str
    data: str
    data_fingerprint: str
    step: int
    loss: float | None
    held_out_loss: float | None
    us_per_step: float | None
    seconds: float
    wall_seconds: float
    cpu_seconds: float
    spark: str
    note: str
    pinned: bool
    deleted: float | None

    @property
    def settings(self) -> dict[str, Any]:
        """The configuration by key."""
        found: dict[str, Any] = json.loads(self.configuration)
        return found

    @property
    def sparks(self) -> list[float]:
        """The losses of the little curve."""
        found: list[float] = json.loads(self.spark)
        return found

    def to_json(self) -> dict[str, Any]:
        """The run as a JSON object."""
        return {
            **self._asdict(),
            "configuration": self.settings,
            "spark": self.sparks,
            "pinned": bool(self.pinned),
        }


COLUMNS = Summary._fields


@dataclass(frozen=True, slots=True)
class Curves:
    """A run's curves: loss and pace, the held-out loss, and the clocks at some steps.

    wall, cpu: seconds since the run was started, and of the training thread's own CPU time, by
    step. exact: the loss of single steps as it was, by the steps done before each.
    """

    loss: Curve = field(default_factory=Curve)
    held_out: TrackCurve = field(default_factory=TrackCurve)
    wall: TrackCurve = field(default_factory=TrackCurve)
    cpu: TrackCurve = field(default_factory=TrackCurve)
    exact: TrackCurve = field(default_factory=TrackCurve)

    def to_bytes(self) -> bytes:
        """Compressed; about 20 bytes a point."""
        arrays = {
            f"{name}/{key}": np.ascontiguousarray(array)
            for name in _PARTS
            for key, array in _arrays(getattr(self, name)).items()
        }
        return zlib.compress(save(arrays), 1)

    @staticmethod
    def from_bytes(content: bytes) -> Curves:
        """What `to_bytes` wrote; raises `EetuiError` for anything else."""
        try:
            arrays = load(zlib.decompress(content))
            return Curves(
                **{
                    name: kind(**{key: arrays[f"{name}/{key}"] for key in _KEYS[kind]})
                    for name, kind in _PARTS.items()
                }
            )
        except (zlib.error, SafetensorError, KeyError, ValueError) as error:
            raise EetuiError("The curves of this run are damaged.") from error

    def to_json(self) -> dict[str, Any]:
        """Lists of numbers by name."""
        return {
            name: {key: array.tolist() for key, array in _arrays(getattr(self, name)).items()}
            for name in _PARTS
        }


_PARTS: dict[str, Any] = {
    "loss": Curve,
    "held_out": TrackCurve,
    "wall": TrackCurve,
    "cpu": TrackCurve,
    "exact": TrackCurve,
}
_KEYS: dict[Any, tuple[str, ...]] = {
    Curve: ("steps", "seconds", "loss", "us"),
    TrackCurve: ("steps", "seconds", "values"),
}
"""The arrays that a file has, whatever else a curve may come to hold."""


def _arrays(curve: Curve | TrackCurve) -> dict[str, NDArray[Any]]:
    return {key: getattr(curve, key) for key in _KEYS[type(curve)]}


@dataclass(frozen=True, slots=True)
class RunProgress:
    """How far a run has come: what one writing puts down.

    checkpoint: the bytes of a state to continue from; None to keep the one before. entries: how
    many entries the log had then.
    """

    status: str
    instruction_set: str
    configuration: Mapping[str, Any]
    step: int
    loss: float | None
    held_out_loss: float | None
    us_per_step: float | None
    curves: Curves
    names: list[dict[str, Any]]
    log: str
    entries: int = 0
    checkpoint: bytes | None = None


def configuration_of(
    model: ModelConfig, train: TrainConfig, optimizations: Optimizations, engine: str, data: str
) -> dict[str, Any]:
    """All settings of a run by key: what runs are grouped, filtered and compared by."""
    toggles = labels(optimizations)
    return {"engine": engine, "data": data, **asdict(model), **asdict(train), **toggles}


def sparks_of(curve: Curve) -> list[float]:
    """At most 16 mean losses of even stretches of the run."""
    groups = np.array_split(curve.loss, min(SPARKS, len(curve.loss)) or 1)
    return [round(float(group.mean()), 4) for group in groups if len(group)]
