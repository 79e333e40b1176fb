"""What a sweep varies: any field of the configurations, any toggle, and the engine."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from itertools import islice, product
from math import isfinite, prod
from typing import Any, Literal

from eetui.core.config import (
    ModelConfig,
    TrainConfig,
    default_learning_rate,
    default_n_heads,
)
from eetui.core.engines.registry import default, require
from eetui.core.errors import UsageError
from eetui.core.optimizations import CATALOGUE, Optimizations, parse_assignments
from eetui.core.text import told, visible

Value = bool | int | float | str
Settings = Mapping[str, Value]
"""Values by key. A toggle's is its label, such as 'on'."""
Scale = Literal["choice", "linear", "log"]

ALIASES = {"heads": "n_heads", "layers": "n_layers", "lr": "learning_rate"}
MODEL: dict[str, Any] = {f.name: f.default for f in fields(ModelConfig) if f.name != "vocab_size"}
TRAIN: dict[str, Any] = {f.name: f.default for f in fields(TrainConfig) if f.name != "seed"}
TOGGLES = {entry.key: entry for entry in CATALOGUE}
KEYS = ("engine", *MODEL, *TRAIN, *TOGGLES)
LOGARITHMIC = ("learning_rate", "eps")
COUNTED = ("n_layers",)
"""Whole numbers whose range has every one of them; those of other settings double."""
MOST_VALUES = 1000
MOST_POINTS = 100_000


def key_of(name: str) -> str:
    """The setting that a name stands for; raises `UsageError` if there is none."""
    name = name.strip().replace("-", "_")
    key = ALIASES.get(name, name)
    if key == "seed":
        raise UsageError("Seeds are part of every point: say how many with --seeds.")
    if key not in KEYS:
        raise UsageError(f"There is no setting {told(name)}: there are {', '.join(KEYS)}.")
    return key


@dataclass(frozen=True, slots=True)
class Dimension:
    """One setting and the values that it takes: a list, or a range on a linear or a log scale."""

    key: str
    scale: Scale
    values: tuple[Value, ...]

    @property
    def is_fixed(self) -> bool:
        """Whether it has one value only."""
        return self.scale == "choice" and len(self.values) == 1

    @property
    def words(self) -> str:
        """As it is written on the command line."""
        if self.scale == "choice":
            return ",".join(map(written, self.values))
        low, high = self.values
        return f"{written(low)}..{written(high)}"


def written(value: Value) -> str:
    """A value as it is typed and shown."""
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def parse_dimension(name: str, text: str) -> Dimension:
    """The setting `name` with the values in `text`: '16,32,64', '0.001..0.03' or 'relu'.

    A range of sizes doubles from its lower end, one of layers counts; learning rates lie on a log
    scale, other numbers on a linear one. Raises `UsageError` for anything else.
    """
    key = key_of(name)
    low, dots, high = text.partition("..")
    if dots:
        return _range(key, _value(key, low), _value(key, high), text)
    values = tuple(dict.fromkeys(_value(key, part) for part in text.split(",")))
    return Dimension(key, "choice", values)


def _value(key: str, text: str) -> Value:
    text = text.strip()
    if key in TOGGLES:
        entry = TOGGLES[key]
        return entry.label(entry.parse(text))
    if key == "engine":
        return require(text)
    kind = type({**MODEL, **TRAIN}[key])
    if kind is str:
        return text
    try:
        value: Value = kind(text)
    except ValueError:
        value = float("nan")
    if not isfinite(float(value)):
        what = "whole numbers" if kind is int else "numbers"
        raise UsageError(
            f"{key} takes {what}, such as 16,32 or a range 16..64, not {visible(repr(text))}."
        )
    return value


def _range(key: str, low: Value, high: Value, text: str) -> Dimension:
    if isinstance(low, str) or isinstance(high, str):
        raise UsageError(f"{key} has no ranges: list its values, with commas between them.")
    if not low < high:
        raise UsageError(f"The range {visible(text)} of {key} must rise from its first end.")
    if isinstance(low, int) and isinstance(high, int):
        if low < 1:
            raise UsageError(f"The range {visible(text)} of {key} must begin at 1 or above.")
        counted = range(low, min(high, low + MOST_VALUES) + 1)
        doubled = [v for i in range(64) if (v := low * 2**i) <= high]
        return Dimension(key, "choice", tuple(counted if key in COUNTED else doubled))
    if key in LOGARITHMIC and low <= 0:
        raise UsageError(f"The range {visible(text)} of {key} must begin above 0.")
    return Dimension(key, "log" if key in LOGARITHMIC else "linear", (low, high))


@dataclass(frozen=True, slots=True)
class PointConfig:
    """What settings stand for. assignments: toggles such as 'padding_skip=off'."""

    engine: str
    model: ModelConfig
    train: TrainConfig
    assignments: tuple[str, ...]


def configured(settings: Settings, vocab_size: int = 27, seed: int = 42) -> PointConfig:
    """The configurations of a point; heads and rate follow d_model where they are not set.

    Raises `UsageError` for values that are not legal, or not together.
    """
    d_model = settings.get("d_model", MODEL["d_model"])
    assert isinstance(d_model, int)
    model: dict[str, Any] = {k: settings[k] for k in MODEL if k in settings}
    model = {"d_model": d_model, "n_heads": default_n_heads(d_model), **model}
    train: dict[str, Any] = {k: settings[k] for k in TRAIN if k in settings}
    train = {"learning_rate": default_learning_rate(d_model), **train, "seed": seed}
    assignments = tuple(f"{k}={settings[k]}" for k in TOGGLES if k in settings)
    if "threads" not in settings:
        assignments = (*assignments, "threads=1")  # one a worker, whatever was tuned for one run
    parse_assignments([*assignments], Optimizations())
    return PointConfig(
        str(settings.get("engine") or default()),
        ModelConfig(**model, vocab_size=vocab_size),
        TrainConfig(**train),
        assignments,
    )


@dataclass(frozen=True, slots=True)
class Space:
    """All that a sweep may try. listed: the only points, where they are given one by one.

    fixed: what every point has. Raises `UsageError` for a value that no point could have.
    """

    dimensions: tuple[Dimension, ...]
    fixed: tuple[tuple[str, Value], ...] = ()
    listed: tuple[tuple[tuple[str, Value], ...], ...] = ()

    def __post_init__(self) -> None:
        for key, value in self.fixed:
            self._check(key, value)
        for dimension in self.dimensions:
            for value in dimension.values:
                self._check(dimension.key, value)

    def _check(self, key: str, value: Value) -> None:
        """Whether the value is legal by itself: others that vary are left at their defaults."""
        settings = {**dict(self.fixed), key: value}
        if key == "n_heads":
            widths = next((d.values for d in self.dimensions if d.key == "d_model"), ())
            heads = int(value) or 1
            fits = [w for w in widths if isinstance(w, int) and w % heads == 0]
            settings |= {"d_model": fits[0]} if fits else {}
        else:
            settings.pop("n_heads", None)
        configured(settings)

    @property
    def size(self) -> int | None:
        """How many points it has; None for a space with a range of numbers."""
        if self.listed:
            return len(self.listed)
        if any(d.scale != "choice" for d in self.dimensions):
            return None
        return prod(len(d.values) for d in self.dimensions)

    def points(self) -> list[dict[str, Value]]:
        """Every legal point of a space of lists, in the order of its settings."""
        if self.listed:
            return [dict(point) for point in self.listed]
        keys = [d.key for d in self.dimensions]
        every = product(*(d.values for d in self.dimensions))
        found = [dict(zip(keys, values, strict=True)) for values in islice(every, MOST_POINTS)]
        return [point for point in found if self.is_legal(point)]

    def settings(self, point: Settings) -> dict[str, Value]:
        """A point with what all have."""
        return {**dict(self.fixed), **point}

    def is_legal(self, point: Settings) -> bool:
        """Whether the values go together."""
        try:
            configured(self.settings(point))
        except UsageError:
            return False
        return True

    def to_json(self) -> dict[str, Any]:
        """The space as a JSON object."""
        return asdict(self)

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Space:
        """What `to_json` gave."""

        def pairs(given: Any) -> tuple[tuple[str, Value], ...]:
            return tuple((key_of(key), value) for key, value in given)

        return cls(
            tuple(
                Dimension(key_of(d["key"]), d["scale"], tuple(d["values"]))
                for d in values["dimensions"]
            ),
            pairs(values["fixed"]),
            tuple(map(pairs, values["listed"])),
        )


def make_space(given: Mapping[str, str]) -> Space:
    """The space of texts by setting, such as {'d_model': '16,32', 'lr': '0.001..0.03'}."""
    parsed = [parse_dimension(name, text) for name, text in given.items()]
    by_key = {dimension.key: dimension for dimension in parsed}
    return Space(
        tuple(d for d in by_key.values() if not d.is_fixed),
        tuple((d.key, d.values[0]) for d in by_key.values() if d.is_fixed),
    )
