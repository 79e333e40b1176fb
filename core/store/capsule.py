"""A run in a few kilobytes: how it began, every change, and the losses it saw, to be run again.

A capsule is compressed JSON: the log that `core/run/log.py` describes, single losses, when each
step was done, the fingerprint of the last weights, and, if asked, the documents.
"""

from __future__ import annotations

import json
import zlib
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from eetui.core.curves.track import TrackCurve
from eetui.core.data.dataset import Dataset, dataset_of
from eetui.core.errors import UsageError
from eetui.core.model.state import TrainState
from eetui.core.run.log import Log, read_log
from eetui.core.run.replay import surviving
from eetui.core.store.first_state import decode_state, encode_state, fingerprint_of, state_to_send
from eetui.core.store.resume import resume
from eetui.core.store.store import Store
from eetui.core.text import told, visible

FORMAT = "eetui capsule"
VERSION = 2
"""1: no state, only runs from fresh weights."""
READABLE = (1, 2)
SUFFIX = ".eetui"
MOST_BYTES = 1 << 24
"""No capsule is larger, nor what it unpacks to larger than four times that."""
MOST_DOCUMENT_BYTES = 1 << 20
"""Documents of more than a megabyte do not travel with a capsule."""
PACE_POINTS = 64

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Capsule:
    """version: eetui's. cpu, instruction_set: where it ran last. losses: of single steps, by the
    steps done before each. pace: when (training seconds) so many steps were done. weights: the
    fingerprint of the last state. documents: the data, or None where they did not come along.
    state: what the run began with, None for fresh weights and where it did not come along.
    """

    name: str
    version: str
    cpu: str
    instruction_set: str
    log: Log
    losses: TrackCurve
    pace: TrackCurve
    weights: str
    documents: tuple[str, ...] | None
    state: TrainState | None = None

    @property
    def dataset(self) -> Dataset | None:
        """The documents that came along, or None."""
        if self.documents is None:
            return None
        return dataset_of("\n".join(self.documents), visible(self.log.data_name))

    def to_bytes(self) -> bytes:
        """The content of its file."""
        values = {
            "format": FORMAT,
            "version": VERSION,
            "name": self.name,
            "eetui": self.version,
            "cpu": self.cpu,
            "instruction_set": self.instruction_set,
            "log": self.log.to_json(),
            "losses": [self.losses.steps.tolist(), self.losses.values.tolist()],
            "pace": [self.pace.steps.tolist(), self.pace.seconds.round(6).tolist()],
            "weights": self.weights,
            "documents": self.documents,
            "state": encode_state(self.state),
        }
        return zlib.compress(json.dumps(values, separators=(",", ":")).encode(), 9)


def pack(store: Store, reference: str, *, with_documents: bool = False) -> Capsule:
    """The capsule of a run in the store.

    with_documents: its data, and the checkpoint that it began with if it did, come along. Raises
    `UsageError` where they are too large for that, or the checkpoint is not there any more.
    """
    found = resume(store, reference)
    run, log = found.run, found.log
    shown = visible(run.name)
    documents = None
    if with_documents:
        documents = tuple(found.dataset.texts)
        if sum(map(len, documents)) > MOST_DOCUMENT_BYTES:
            raise UsageError(
                f"The documents of {shown} are more than {MOST_DOCUMENT_BYTES:,} characters: "
                "send them by themselves."
            )
    curve = found.curves.loss
    some = np.unique(np.linspace(0, len(curve.steps) - 1, PACE_POINTS).astype(int))
    some = some[: len(curve.steps)]
    return Capsule(
        name=run.name,
        version=run.version,
        cpu=run.cpu,
        instruction_set=run.instruction_set,
        log=log,
        losses=found.curves.exact,
        pace=TrackCurve(curve.steps[some], curve.seconds[some], curve.seconds[some]),
        weights=found.state.fingerprint,
        documents=documents,
        state=state_to_send(log, shown) if with_documents else None,
    )


def read_capsule(content: bytes, shown: str) -> Capsule:
    """The capsule in the content of a file, which messages call `shown`.

    Raises `UsageError` for anything else, however it was made.
    """
    try:
        unpacker = zlib.decompressobj()
        text = unpacker.decompress(content, 4 * MOST_BYTES)
        if unpacker.unconsumed_tail or not unpacker.eof:
            raise UsageError(f"{shown} is cut off or too large for a capsule: use another one.")
        values = json.loads(text)
    except (zlib.error, ValueError, RecursionError):
        raise UsageError(
            f"{shown} is damaged or no capsule: name a file that `eetui export` made."
        ) from None
    if not isinstance(values, dict) or values.get("format") != FORMAT:
        raise UsageError(f"{shown} is no capsule: name a file that `eetui export` made.")
    if values.get("version") not in READABLE:
        raise UsageError(
            f"{shown} has version {told(values.get('version'))} of the capsule, and this eetui "
            f"reads versions up to {VERSION}: update eetui."
        )
    try:
        return _decode(values)
    except (KeyError, TypeError, ValueError, OverflowError, UsageError) as error:
        raise UsageError(f"{shown} is a damaged capsule ({visible(str(error))}).") from error


def _decode(values: dict[str, Any]) -> Capsule:
    steps, losses = (_numbers(part) for part in values["losses"])
    pace_steps, seconds = (_numbers(part) for part in values["pace"])
    if len(steps) != len(losses) or len(pace_steps) != len(seconds):
        raise ValueError("its lists have other lengths")
    texts = values["documents"]
    documents = None if texts is None else tuple(_of(str, text) for text in _of(list, texts))
    log = read_log(json.dumps(values["log"]))
    way = surviving(log)
    sent = values.get("state")
    state = None if way.fresh else decode_state(sent, way.first.model, fingerprint_of(way, log))
    return Capsule(
        name=visible(_of(str, values["name"])),
        version=visible(_of(str, values["eetui"])),
        cpu=visible(_of(str, values["cpu"])),
        instruction_set=visible(_of(str, values["instruction_set"])),
        log=log,
        losses=TrackCurve(steps.astype(np.int64), np.zeros(len(steps)), losses),
        pace=TrackCurve(pace_steps.astype(np.int64), seconds, seconds),
        weights=_of(str, values["weights"]),
        documents=documents,
        state=state,
    )


def _of(kind: type[T], value: object) -> T:
    if not isinstance(value, kind):
        raise TypeError(f"{told(value)} is no {kind.__name__}")
    return value


def _numbers(values: object) -> NDArray[np.float64]:
    """A list of finite numbers."""
    numbers = np.array(_of(list, values), np.float64)
    if numbers.ndim != 1 or not np.isfinite(numbers).all():
        raise ValueError("its numbers are none")
    return numbers
