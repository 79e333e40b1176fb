"""What can be compared by name: 'padding_skip', 'vector_width=4,16', 'batch=16,64'."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from eetui.core.config import ACTIVATIONS, ORDERS, default_learning_rate
from eetui.core.engines import registry
from eetui.core.engines.availability import choose_optimizations, judge
from eetui.core.engines.base import Engine
from eetui.core.engines.subject import Subject
from eetui.core.errors import UsageError
from eetui.core.measure.comparison import Arm
from eetui.core.optimizations import CATALOGUE, FORMER, Kind, current, find_optimization

Change = Callable[[Subject, str], Subject]


@dataclass(frozen=True, slots=True)
class Setting:
    """A setting with two of its values. kind: what the second promises against the first."""

    key: str
    kind: Kind
    a: Arm
    b: Arm


def _number(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise UsageError(f"{text!r} is not a whole number.") from None


def _rate(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise UsageError(f"{text!r} is not a number.") from None


def _activation(subject: Subject, text: str) -> Subject:
    if text not in ACTIVATIONS:
        raise UsageError(f"activation is one of {', '.join(ACTIVATIONS)}, not {text!r}.")
    return replace(subject, model=replace(subject.model, activation=text))


def _heads(subject: Subject, text: str) -> Subject:
    return replace(subject, model=replace(subject.model, n_heads=_number(text)))


def _layers(subject: Subject, text: str) -> Subject:
    return replace(subject, model=replace(subject.model, n_layers=_number(text)))


def _batch(subject: Subject, text: str) -> Subject:
    return replace(subject, train=replace(subject.train, batch=_number(text)))


def _learning_rate(subject: Subject, text: str) -> Subject:
    return replace(subject, train=replace(subject.train, learning_rate=_rate(text)))


def _order(subject: Subject, text: str) -> Subject:
    if text not in ORDERS:
        raise UsageError(f"order is one of {', '.join(ORDERS)}, not {text!r}.")
    return replace(subject, train=replace(subject.train, order=text))


def _engine(subject: Subject, text: str) -> Subject:
    return replace(subject, engine=registry.require(text))


def _width(subject: Subject, text: str) -> Subject:
    """Another width, with the heads that belong to it, and its learning rate if none was chosen."""
    wider = subject.at_width(_number(text))
    if subject.train.learning_rate != default_learning_rate(subject.model.d_model):
        return wider
    rate = default_learning_rate(wider.model.d_model)
    return replace(wider, train=replace(subject.train, learning_rate=rate))


OTHERS: dict[str, tuple[Kind, Change]] = {
    "batch": ("learning", _batch),
    "lr": ("learning", _learning_rate),
    "d_model": ("learning", _width),
    "heads": ("learning", _heads),
    "layers": ("learning", _layers),
    "activation": ("learning", _activation),
    "order": ("learning", _order),
    "engine": ("exact", _engine),
}
"""What can be compared in addition to the catalogue's toggles."""


def parse_setting(
    text: str, subject: Subject, engine: Engine, assignments: Sequence[str]
) -> Setting:
    """The setting that `text` names, with other toggles as in `assignments`.

    Without values a toggle's lowest possible value is compared with the one in force (or with the
    next, where that is the lowest). Raises `UsageError` for what does not exist or cannot be here.
    """
    key, sign, written = text.partition("=")
    key = key.strip().replace("-", "_")
    values = [value.strip() for value in written.split(",")] if sign else []
    if sign and (len(values) != 2 or not all(values)):
        raise UsageError(f"Two values are compared, such as {key}=A,B: {text!r} has others.")
    if key in FORMER and not values:
        key = "products"
    elif key in FORMER:
        (key, a), (_, b) = (current(key, value) for value in values)
        values = [a, b]
    known = [*(entry.key for entry in CATALOGUE), *OTHERS]
    if key not in known:
        raise UsageError(f"There is no setting {key!r}: there are {', '.join(known)}.")
    if not values and key in OTHERS:
        raise UsageError(f"Say which values of {key} to compare, such as {key}=A,B.")
    if not values:
        values = _two_values(key, subject, engine, assignments)
    kind = OTHERS[key][0] if key in OTHERS else _promise(key, values[1])
    return Setting(key, kind, *(arm_at(key, v, subject, engine, assignments) for v in values))


def arm_at(
    key: str, value: str, subject: Subject, engine: Engine, assignments: Sequence[str]
) -> Arm:
    """What runs with a setting at `value`; raises `UsageError` if that cannot be here."""
    if key in OTHERS:
        changed = OTHERS[key][1](subject, value)
        own = engine if changed.engine == subject.engine else changed.create_engine()
        return Arm(value, changed, own, choose_optimizations(own, changed.model, assignments))
    key, value = current(key, value)
    entry = find_optimization(key)
    label = entry.label(entry.parse(value))
    chosen = choose_optimizations(engine, subject.model, (*assignments, f"{key}={label}"))
    return Arm(label, subject, engine, chosen)


def _promise(key: str, value: str) -> Kind:
    entry = find_optimization(key)
    return entry.kind_of(entry.parse(value))


def _two_values(
    key: str, subject: Subject, engine: Engine, assignments: Sequence[str]
) -> list[str]:
    """The lowest possible value, and the one in force or else the next."""
    entry = find_optimization(key)
    base = choose_optimizations(engine, subject.model, assignments)
    possible = judge(engine, entry, base)
    lowest, present = possible.values[0], getattr(base, key)
    pair = (lowest, present if present != lowest else possible.after(lowest))
    return [entry.label(value) for value in pair]
