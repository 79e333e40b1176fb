"""The state that a capsule's run began with: fresh weights, or a checkpoint in it or beside it."""

from __future__ import annotations

import base64
import binascii
from typing import Any

import numpy as np

from eetui.core.config import ModelConfig
from eetui.core.errors import EetuiError, UsageError
from eetui.core.model.state import TrainState, aligned_copy
from eetui.core.run import checkpoint
from eetui.core.run.log import Log
from eetui.core.run.replay import Way, surviving
from eetui.core.text import visible

VECTORS = ("params", "m", "v")
MOST_STATE_BYTES = 1 << 20
"""A state of more than a megabyte does not travel with a capsule."""


def start_of(log: Log, embedded: TrainState | None, file: str | None = None) -> TrainState:
    """A copy of the state that the run of a log began with.

    embedded: the one that came along, or None. file: a checkpoint to take it from; by default the
    one that the run opened, where it still is. Raises `UsageError` where the state is to be had
    nowhere, and for a file that holds another one.
    """
    way = surviving(log)
    if way.fresh:
        if file is not None:
            raise UsageError("The run began with fresh weights: leave --checkpoint out.")
        return TrainState.create(way.first.model, way.first.train.seed)
    if file is not None:
        found = checkpoint.load(file).state
        if found.fingerprint != fingerprint_of(way, log):
            raise UsageError(
                f"{visible(file)} is not the checkpoint that the run began with: name another one "
                "with --checkpoint."
            )
        return found
    if embedded is not None:
        return embedded.clone()
    found_here = _still_there(way)
    if found_here is None:
        raise UsageError(
            f"The run began with a checkpoint of step {way.begun:,}, which did not come along: "
            "name it with --checkpoint."
        )
    return found_here


def fingerprint_of(way: Way, log: Log) -> str:
    """That of the state in which a run began that had no fresh weights."""
    return way.origin.sha256 if way.origin is not None else log.state


def state_to_send(log: Log, shown: str) -> TrainState | None:
    """The state that is to come along with the run of a log, which messages call `shown`.

    None for fresh weights. Raises `UsageError` where the checkpoint is gone, or too large.
    """
    way = surviving(log)
    if way.fresh:
        return None
    found = _still_there(way)
    if found is None:
        raise UsageError(
            f"The checkpoint that {shown} began with is not where it was: send it by itself, and "
            "leave --with-data out."
        )
    if len(VECTORS) * found.params.nbytes > MOST_STATE_BYTES:
        raise UsageError(
            f"The checkpoint that {shown} began with has more than {MOST_STATE_BYTES:,} bytes: "
            "send it by itself, and leave --with-data out."
        )
    return found


def _still_there(way: Way) -> TrainState | None:
    """The state in the file that the run opened, or None if it is not there any more."""
    if way.origin is None:
        return None
    try:
        found = checkpoint.load(way.origin.path).state
    except EetuiError:
        return None
    return found if found.fingerprint == way.origin.sha256 else None


def encode_state(state: TrainState | None) -> dict[str, Any] | None:
    """A state as a JSON object: its step, and each vector as base64 of little-endian float32."""
    if state is None:
        return None
    vectors = {name: getattr(state, name).astype("<f4").tobytes() for name in VECTORS}
    texts = {name: base64.b64encode(content).decode() for name, content in vectors.items()}
    return {"step": state.step, **texts}


def decode_state(values: object, model: ModelConfig, fingerprint: str) -> TrainState | None:
    """The state that `encode_state` wrote; raises `ValueError` for any other one."""
    if values is None:
        return None
    if not isinstance(values, dict) or {*values} != {"step", *VECTORS}:
        raise ValueError("its state has other fields")
    step = values["step"]
    if type(step) is not int or not 0 <= step < 2**63:
        raise ValueError("its state has no step")
    params, m, v = (_vector(values[name], model.n_params) for name in VECTORS)
    state = TrainState(params, m, v, step)
    if state.fingerprint != fingerprint:
        raise ValueError("its state is not the one that the run began with")
    return state


def _vector(text: object, size: int) -> Any:
    if not isinstance(text, str) or len(text) > 2 * MOST_STATE_BYTES:
        raise ValueError("its state is no text")
    try:
        content = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise ValueError("its state is no base64") from None
    if len(content) != 4 * size:
        raise ValueError("its state has another size")
    return aligned_copy(np.frombuffer(content, "<f4").astype(np.float32))
