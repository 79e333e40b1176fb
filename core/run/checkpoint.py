"""A run in a file: weights, moments, step and configurations as safetensors.

The tensors are named 'params/tok_emb', 'm/tok_emb', 'v/tok_emb' ... as in `state.layout`; the rest
lies in the header's metadata as JSON. Reading such a file runs no code.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save as serialize

from eetui.core.config import ModelConfig, TrainConfig
from eetui.core.errors import UsageError
from eetui.core.model.state import TrainState, aligned_zeros, layout, views
from eetui.core.optimizations import Optimizations
from eetui.core.run.forms import encode, read_fields, read_optimizations
from eetui.core.settings import write_atomically

FORMAT = "eetui checkpoint"
VERSION = 1
VECTORS = ("params", "m", "v")


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
                f"those of {data_name}: start with --data and the data it was trained on."
            )


def save(path: str | Path, checkpoint: Checkpoint) -> None:
    """Write `checkpoint` whole or not at all; raises `UsageError` or `EetuiError` if it cannot."""
    state = checkpoint.state
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
        "data": checkpoint.data_name,
    }
    write_atomically(Path(path), serialize(tensors, metadata))


def load(path: str | Path) -> Checkpoint:
    """Read a checkpoint; raises `UsageError` for a file that is missing, damaged or foreign."""
    path = Path(path)
    if path.is_dir():
        raise UsageError(f"{path} is a folder: name the checkpoint's file.")
    try:
        with safe_open(path, framework="numpy") as file:
            metadata = file.metadata() or {}
            if metadata.get("format") != FORMAT:
                raise UsageError(
                    f"{path} was not written by eetui: name a file that --save or the screen made."
                )
            if metadata.get("version") != str(VERSION):
                raise UsageError(
                    f"{path} has version {metadata.get('version')} of the checkpoint format, and "
                    f"this eetui reads version {VERSION}: use the eetui that wrote it."
                )
            return _decode(set(file.keys()), file.get_tensor, metadata)
    except FileNotFoundError:
        raise UsageError(f"There is no file {path}.") from None
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror or error}.") from error
    except (SafetensorError, _DamagedError) as error:
        raise UsageError(
            f"{path} is damaged or no checkpoint ({error}): use another one."
        ) from error


class _DamagedError(Exception):
    """What is wrong with the content, in a few words."""


def _decode(
    names: set[str], get_tensor: Callable[[str], NDArray[Any]], metadata: dict[str, str]
) -> Checkpoint:
    try:
        model = read_fields(ModelConfig, json.loads(metadata["model"]), "the model")
        train = read_fields(TrainConfig, json.loads(metadata["train"]), "the training")
        step = int(metadata["step"])
        vocabulary = tuple(map(_character, json.loads(metadata["vocabulary"])))
        optimizations = read_optimizations(json.loads(metadata["optimizations"]), "the toggles")
    except KeyError as error:
        raise _DamagedError(f"{error} is missing from its header") from error
    except (ValueError, TypeError, AttributeError, UsageError) as error:
        raise _DamagedError(f"its header makes no sense: {str(error).rstrip('.')}") from error
    if step < 0 or len(vocabulary) + 1 != model.vocab_size:
        raise _DamagedError("the step or vocabulary in its header makes no sense")
    expected = {f"{vector}/{tensor.name}" for vector in VECTORS for tensor in layout(model)}
    if names != expected:
        odd = min(names ^ expected)
        raise _DamagedError(f"tensor {odd} is {'missing' if odd in expected else 'not its own'}")
    vectors = {vector: aligned_zeros(model.n_params) for vector in VECTORS}
    for vector, flat in vectors.items():
        for name, view in views(model, flat).items():
            tensor = get_tensor(f"{vector}/{name}")
            if tensor.shape != view.shape or tensor.dtype != np.float32:
                raise _DamagedError(
                    f"tensor {vector}/{name} is {tensor.dtype} {list(tensor.shape)} instead of "
                    f"float32 {list(view.shape)}"
                )
            view[:] = tensor
    if not all(np.isfinite(flat).all() for flat in vectors.values()) or (vectors["v"] < 0).any():
        raise _DamagedError("it holds impossible numbers")
    return Checkpoint(
        state=TrainState(**vectors, step=step),
        model=model,
        train=train,
        optimizations=optimizations,
        vocabulary=vocabulary,
        data_name=metadata.get("data", "other data"),
    )


def _character(text: object) -> str:
    if not isinstance(text, str) or len(text) != 1:
        raise TypeError(f"{text!r} is no character")
    return text
