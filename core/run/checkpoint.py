"""A run in a file: weights, moments, step and configurations as safetensors.

The tensors are named 'params/tok_emb', 'm/tok_emb', 'v/tok_emb' ... as in `state.layout`; the rest
lies in the header's metadata as JSON. Reading such a file runs no code.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError, deserialize
from safetensors.numpy import save as serialize

from eetui.core.config import (
    MAX_BLOCK_SIZE,
    MAX_D_MODEL,
    MAX_LAYERS,
    MAX_STEPS,
    MAX_VOCAB,
    ModelConfig,
    TrainConfig,
)
from eetui.core.errors import UsageError
from eetui.core.files import named, read_regular, write_atomically
from eetui.core.model.state import TrainState, aligned_zeros, layout, views
from eetui.core.optimizations import Optimizations
from eetui.core.run.forms import encode, read_fields, read_optimizations
from eetui.core.text import told, visible

FORMAT = "eetui checkpoint"
VERSION = 3
"""1: no share of held-out documents; all were trained on. 2: documents were drawn."""
READABLE = ("1", "2", "3")
VECTORS = ("params", "m", "v")

MOST_HEADER_BYTES = 1 << 20
LARGEST = ModelConfig(
    d_model=MAX_D_MODEL, n_layers=MAX_LAYERS, block_size=MAX_BLOCK_SIZE, vocab_size=MAX_VOCAB
)
MOST_BYTES = len(VECTORS) * 4 * LARGEST.n_params + MOST_HEADER_BYTES
"""No checkpoint is larger."""


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """All that a run needs to go on; `data_name` is only told, the vocabulary is what must fit."""

    state: TrainState
    model: ModelConfig
    train: TrainConfig
    optimizations: Optimizations
    vocabulary: tuple[str, ...]
    data_name: str

    def require_vocabulary(self, vocabulary: tuple[str, ...], data_name: str) -> None:
        """Raise `UsageError` unless data with these characters can continue the run."""
        if vocabulary != self.vocabulary:
            raise UsageError(
                f"The checkpoint was trained on the characters of {self.data_name}, which are not "
                f"those of {visible(data_name)}: start with --data and the data it was "
                "trained on."
            )


def to_bytes(checkpoint: Checkpoint) -> bytes:
    """The content of a checkpoint's file.

    A state with numbers that are not finite could not be loaded, so it is refused.
    """
    state = checkpoint.state
    if not state.is_finite:
        raise UsageError(
            "The run has numbers that are not finite, so nothing was saved: go back to the last "
            "good step first."
        )
    tensors = {
        f"{vector}/{name}": view
        for vector in VECTORS
        for name, view in views(checkpoint.model, getattr(state, vector)).items()
    }
    metadata = {
        "format": FORMAT,
        "version": str(VERSION),
        "step": str(state.step),
        "model": json.dumps(encode(checkpoint.model)),
        "train": json.dumps(encode(checkpoint.train)),
        "optimizations": json.dumps(encode(checkpoint.optimizations)),
        "vocabulary": json.dumps(checkpoint.vocabulary),
        "data": visible(checkpoint.data_name),  # a file's name may hold what no text can
    }
    return serialize(tensors, metadata)


def save(path: str | Path, checkpoint: Checkpoint) -> None:
    """Write `checkpoint` whole or not at all; raises `UsageError` or `EetuiError` if it cannot."""
    write_atomically(named(path), to_bytes(checkpoint))


def load(path: str | Path) -> Checkpoint:
    """Read a checkpoint; raises `UsageError` for a file that is missing, damaged or foreign."""
    path = named(path)
    shown = visible(str(path))
    try:
        content = read_regular(path, MOST_BYTES)
    except FileNotFoundError:
        raise UsageError(f"There is no file {shown}.") from None
    return from_bytes(content, shown)


def from_bytes(content: bytes, shown: str) -> Checkpoint:
    """The checkpoint with the content of a file, which messages call `shown`.

    Raises `UsageError` for anything else.
    """
    try:
        metadata = _metadata(content)
        if metadata.get("format") != FORMAT:
            raise UsageError(
                f"{shown} was not written by eetui: name a file that --save or the screen made."
            )
        if metadata.get("version") not in READABLE:
            raise UsageError(
                f"{shown} has version {visible(str(metadata.get('version')))} of the checkpoint "
                f"format, and this eetui reads versions up to {VERSION}: use the one that wrote it."
            )
        tensors = dict(deserialize(content))  # type: ignore[no-untyped-call]
        return _decode(tensors, metadata)
    except (SafetensorError, _DamagedError) as error:
        raise UsageError(
            f"{shown} is damaged or no checkpoint ({visible(str(error))}): use another one."
        ) from error


class _DamagedError(Exception):
    """What is wrong with the content, in a few words."""


def _metadata(content: bytes) -> dict[str, str]:
    """The texts in a safetensors header: eight bytes of its length, then JSON."""
    size = int.from_bytes(content[:8], "little")
    if size > min(len(content) - 8, MOST_HEADER_BYTES):
        raise _DamagedError("its header has an impossible length")
    try:
        header = json.loads(content[8 : 8 + size])
    except (ValueError, RecursionError):
        raise _DamagedError("its header is no JSON") from None
    texts = header.get("__metadata__") if isinstance(header, dict) else None
    return texts if isinstance(texts, dict) else {}


def _decode(tensors: dict[str, dict[str, Any]], metadata: dict[str, str]) -> Checkpoint:
    try:
        model = read_fields(ModelConfig, json.loads(metadata["model"]), "the model")
        since = {"held_out": 0.0} if metadata["version"] == "1" else {}
        train = read_fields(TrainConfig, json.loads(metadata["train"]), "the training", since)
        step = _whole_number(metadata["step"])
        vocabulary = tuple(map(_character, json.loads(metadata["vocabulary"])))
        optimizations = read_optimizations(json.loads(metadata["optimizations"]), "the toggles")
    except KeyError as error:
        raise _DamagedError(f"{error} is missing from its header") from error
    except (ValueError, TypeError, AttributeError, RecursionError, UsageError) as error:
        raise _DamagedError(f"its header makes no sense: {str(error).rstrip('.')}") from error
    if not 0 <= step <= MAX_STEPS or len(vocabulary) + 1 != model.vocab_size:
        raise _DamagedError("the step or vocabulary in its header makes no sense")
    expected = {f"{vector}/{tensor.name}" for vector in VECTORS for tensor in layout(model)}
    if set(tensors) != expected:
        odd = min(set(tensors) ^ expected)
        raise _DamagedError(f"tensor {odd} is {'missing' if odd in expected else 'not its own'}")
    vectors = {vector: aligned_zeros(model.n_params) for vector in VECTORS}
    for vector, flat in vectors.items():
        for name, view in views(model, flat).items():
            tensor = tensors[f"{vector}/{name}"]
            kind, shape = tensor["dtype"], tuple(tensor["shape"])
            if (kind, shape) != ("F32", view.shape):
                raise _DamagedError(
                    f"tensor {vector}/{name} is {kind} {list(shape)} instead of F32 "
                    f"{list(view.shape)}"
                )
            view[:] = np.frombuffer(tensor["data"], "<f4").reshape(shape)
    state = TrainState(**vectors, step=step)
    if not state.is_finite or (state.v < 0).any():
        raise _DamagedError("it holds impossible numbers")
    return Checkpoint(
        state=state,
        model=model,
        train=train,
        optimizations=optimizations,
        vocabulary=vocabulary,
        data_name=visible(str(metadata.get("data", "other data"))),
    )


def _whole_number(text: str) -> int:
    if str(number := int(text)) != text:
        raise ValueError(f"{told(text)} is no whole number")
    return number


def _character(text: object) -> str:
    if not isinstance(text, str) or len(text) != 1:
        raise TypeError(f"{told(text)} is no character")
    return text
