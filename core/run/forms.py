"""Configurations, toggles and plain values as JSON, checked field by field when they are read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, asdict, fields, is_dataclass
from pathlib import Path
from types import MappingProxyType, NoneType, UnionType
from typing import Any, Literal, TypeVar, get_args, get_origin, get_type_hints

from eetui.core.config import KIND_NAMES, ModelConfig, TrainConfig
from eetui.core.errors import UsageError
from eetui.core.optimizations import Optimizations, assign, labels
from eetui.core.text import told

T = TypeVar("T")

_LATER: Mapping[type, Mapping[str, Any]] = {TrainConfig: {"order": "drawn"}}
"""Fields that no JSON of earlier versions has, and what those versions did."""

_WORDS = {**KIND_NAMES, bool: "true or false"}


def encode(value: object) -> Any:
    """The JSON form of a configuration, a set of toggles, a path or a plain value."""
    if isinstance(value, Optimizations):
        return labels(value)
    if isinstance(value, Path):
        return str(value)
    return asdict(value) if is_dataclass(value) and not isinstance(value, type) else value


def read_fields(
    cls: type[T], values: object, name: str, since: Mapping[str, Any] = MappingProxyType({})
) -> T:
    """An instance of the dataclass `cls` from the JSON object `values`, called `name` in errors.

    A configuration must name all of its fields, since a default may change from one version to
    the next; one of an earlier version has what that did. `since` has what else came after the JSON
    was written. Raises `UsageError` for
    unknown and missing fields, wrong types and values that the class refuses.
    """
    if not isinstance(values, dict):
        raise UsageError(f"{name} must be a JSON object.")
    values = {**_LATER.get(cls, {}), **since, **values}
    hints = get_type_hints(cls)
    is_whole = cls in (ModelConfig, TrainConfig)
    for field in fields(cls):  # type: ignore[arg-type]
        if field.name not in values and (is_whole or field.default is MISSING):
            raise UsageError(f"{name} must have the field {field.name}.")
    given = {}
    for key, value in values.items():
        if key not in hints:
            raise UsageError(f"{name} has no {told(key)}: its fields are {', '.join(hints)}.")
        given[key] = _decode(hints[key], value, f"{name}: {key}")
    return cls(**given)


def read_optimizations(values: object, name: str) -> Optimizations:
    """The toggles labelled in the JSON object `values`; one that it does not name has its default.

    Raises `UsageError` for unknown toggles and labels.
    """
    if not isinstance(values, dict):
        raise UsageError(f"{name} must be a JSON object.")
    result = Optimizations()
    for key, label in values.items():
        if not isinstance(label, str):
            raise UsageError(f"{name}: {told(key)} must be a text in quotes.")
        result = assign(result, key, label)
    return result


def _decode(kind: Any, value: object, name: str) -> Any:
    """`value` as the type `kind` of a field; raises `UsageError` if it is of another one."""
    if get_origin(kind) is UnionType:
        members = get_args(kind)
        if value is None and NoneType in members:
            return None
        if type(value) in members:
            return value
        (kind, *others) = [member for member in members if member is not NoneType]
        if others:
            words = " or ".join(_WORDS[each] for each in members)
            raise UsageError(f"{name} must be {words}, not {told(value)}.")
    if kind is Optimizations:
        return read_optimizations(value, name)
    if kind in (ModelConfig, TrainConfig):
        return read_fields(kind, value, name)
    if kind is Path and isinstance(value, str):
        return Path(value)
    if kind is float and type(value) is int and abs(value) < 2**53:
        return float(value)
    wanted = str if kind is Path or get_origin(kind) is Literal else kind
    if type(value) is not wanted:
        raise UsageError(f"{name} must be {_WORDS[wanted]}, not {told(value)}.")
    return value
