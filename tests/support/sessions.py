"""Small sessions, and what their snapshots say of a toggle."""

from __future__ import annotations

from eetui.core.config import ModelConfig, TrainConfig
from eetui.core.run.session import Session
from eetui.core.run.snapshot import Snapshot, Toggle

SMALL = ModelConfig(d_model=16)
LONG = TrainConfig(batch=4, steps=10**6)


def session(names, model=SMALL, train=LONG, engine="numpy", **options):
    return Session(names, model, train, engine=engine, measure_peak=False, **options)


def batch_of(snapshot: Snapshot) -> Toggle:
    """The batch as it stands among the toggles."""
    return next(toggle for toggle in snapshot.toggles if toggle.key == "batch")


def effect_of(key: str):
    """What a snapshot says of the last flip of a toggle."""
    return lambda snapshot: next(t.effect for t in snapshot.toggles if t.key == key)
