"""The log of a run: how it began and every change with the step at which it took effect.

(data, log) is the run: `core/run/replay.py` gives the same weights from it, to the bit.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import Any

from eetui.core.config import ModelConfig, TrainConfig
from eetui.core.errors import UsageError
from eetui.core.run.commands import Change, from_json, to_json
from eetui.core.run.forms import encode, read_fields, read_optimizations
from eetui.core.run.setup import Setup
from eetui.core.text import told

FORMAT = "eetui log"
VERSION = 1


@dataclass(frozen=True, slots=True)
class Entry:
    """A change and the steps that the run had done when it took effect.

    Steps fall where a run goes back, starts over or continues from a file; entries stay in the
    order in which they happened.
    """

    step: int
    change: Change


@dataclass(frozen=True, slots=True)
class Log:
    """data: the fingerprint of the documents. setup: what trained the first steps.

    state: the fingerprint of the state that the run began with, at first_step; '' for fresh
    weights, which the model and the seed decide. step: how far the run has come since the last
    entry.
    """

    data: str
    data_name: str
    setup: Setup
    state: str
    first_step: int
    entries: tuple[Entry, ...]
    step: int

    def until(self, entries: int, step: int) -> Log:
        """The log as it was when it had so many entries and the run was at `step`."""
        return replace(self, entries=self.entries[:entries], step=step)

    def to_json(self) -> dict[str, Any]:
        """The log as a JSON object."""
        return {
            "format": FORMAT,
            "version": VERSION,
            "data": self.data,
            "data_name": self.data_name,
            "engine": self.setup.engine,
            "optimizations": encode(self.setup.optimizations),
            "model": encode(self.setup.model),
            "train": encode(self.setup.train),
            "temperature": self.setup.temperature,
            "prefix": self.setup.prefix,
            "state": self.state,
            "first_step": self.first_step,
            "entries": [{"at": entry.step, **to_json(entry.change)} for entry in self.entries],
            "step": self.step,
        }


@dataclass(frozen=True, slots=True)
class _Head:
    """The plain fields of a log's JSON."""

    data: str
    data_name: str
    engine: str
    model: ModelConfig
    train: TrainConfig
    state: str
    first_step: int
    step: int
    temperature: float = 0.5
    prefix: str = ""


def read_log(text: str) -> Log:
    """The log in the JSON `text`; raises `UsageError` for anything else."""
    try:
        values = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise UsageError("The log is no JSON.") from error
    if not isinstance(values, dict) or values.pop("format", None) != FORMAT:
        raise UsageError("The log was not written by eetui.")
    if (version := values.pop("version", None)) != VERSION:
        raise UsageError(
            f"The log has version {told(version)} of its format, and this eetui reads version "
            f"{VERSION}: use the eetui that wrote it."
        )
    optimizations = read_optimizations(values.pop("optimizations", None), "The log: optimizations")
    entries = values.pop("entries", None)
    if not isinstance(entries, list):
        raise UsageError("The log: entries must be a list.")
    head = read_fields(_Head, values, "The log")
    return Log(
        data=head.data,
        data_name=head.data_name,
        setup=Setup(
            head.engine, optimizations, head.model, head.train, head.temperature, head.prefix
        ),
        state=head.state,
        first_step=head.first_step,
        entries=tuple(map(_read_entry, entries)),
        step=head.step,
    )


def _read_entry(values: object) -> Entry:
    given = dict(values) if isinstance(values, dict) else {}
    step = given.pop("at", None)
    if type(step) is not int or step < 0:
        raise UsageError('The log: an entry has its step as "at", a whole number of at least 0.')
    change = from_json(given)
    if not isinstance(change, Change):
        raise UsageError(f"The log: {given['command']} is no change.")
    return Entry(step, change)
