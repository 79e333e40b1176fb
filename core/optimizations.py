"""The one catalogue of optimizations; the screen, the command line and the docs draw on it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from eetui.core.errors import UsageError

Kind = Literal["exact", "rounding", "learning"]
Value = bool | int | str

SWITCH_SPELLINGS: dict[str, Value] = {
    **dict.fromkeys(("true", "yes", "1"), True),
    **dict.fromkeys(("false", "no", "0"), False),
}


@dataclass(frozen=True, slots=True)
class Optimizations:
    """The toggles of a run; a toggle makes a new one. Values are those of the catalogue."""

    padding_skip: bool = True
    fast_exp: bool = True
    vector_width: int = 16
    matrix_engine: str = "off"

    def with_value(self, key: str, value: Value) -> Optimizations:
        """The same toggles with one changed; raises `UsageError` for an unknown key or value."""
        entry = find(key)
        if value not in entry.values or type(value) is not type(entry.values[0]):
            raise UsageError(
                f"{key} cannot be {entry.label(value)}: it is one of "
                f"{', '.join(entry.label(v) for v in entry.values)}."
            )
        return replace(self, **{key: value})  # type: ignore[arg-type]


@dataclass(frozen=True, slots=True)
class Optimization:
    """One entry: what can be flipped, what that promises, and what it is worth.

    `kind` is the promise: *exact* (same arithmetic up to summation order), *rounding* (a
    documented approximation) or *learning* (changes what is learned). `m5_gain` is the gain in
    per cent of a step that EEmicroGPT's author reports on an Apple M5, where there is one.
    """

    key: str
    name: str
    hotkey: str
    kind: Kind
    values: tuple[Value, ...]
    what: str
    why: str
    m5_gain: float | None = None

    def label(self, value: Value) -> str:
        """How a value is written on the screen and the command line."""
        if isinstance(value, bool):
            return "on" if value else "off"
        if self.key == "vector_width":
            return "off" if value == 1 else str(value)
        return str(value)

    def parse(self, text: str) -> Value:
        """The value that `text` stands for; raises `UsageError` for anything else."""
        by_label = {self.label(value): value for value in self.values}
        if self.values == (False, True):
            spellings = by_label | SWITCH_SPELLINGS
        else:
            spellings = by_label | {str(value): value for value in self.values}
        value = spellings.get(text.strip().lower())
        if value is None:
            raise UsageError(f"{self.key} is one of {', '.join(by_label)}, not {text!r}.")
        return value


CATALOGUE: tuple[Optimization, ...] = (
    Optimization(
        key="padding_skip",
        name="padding skip",
        hotkey="p",
        kind="exact",
        values=(False, True),
        what="Computes only the positions that hold a character, not the padding up to block_size.",
        why=(
            "A name fills about 7 of its 16 positions. The rest cannot change the loss or any "
            "gradient, so their products are pure waste. The real positions of the whole batch "
            "are packed into one matrix, and every product shrinks by half."
        ),
        m5_gain=34.0,
    ),
    Optimization(
        key="fast_exp",
        name="fast exp",
        hotkey="e",
        kind="rounding",
        values=(False, True),
        what="Replaces the library's exp by a short polynomial in the two softmaxes.",
        why=(
            "Softmax needs ratios, not the last bit. exp(x) = 2^n 2^f: n goes straight into the "
            "exponent bits and a polynomial gives 2^f. That is a handful of vector instructions "
            "in place of a call for every number."
        ),
        m5_gain=11.0,
    ),
    Optimization(
        key="vector_width",
        name="vector width",
        hotkey="v",
        kind="exact",
        values=(1, 4, 8, 16),
        what="Numbers handled by one instruction: 16, 8 or 4 float lanes, or plain scalar loops.",
        why=(
            "A core can multiply and add a whole register of floats as fast as one. Wider "
            "registers do more in each cycle and hold more of the product tile. Off is the same "
            "algorithm one number at a time."
        ),
    ),
    Optimization(
        key="matrix_engine",
        name="matrix engine",
        hotkey="m",
        kind="rounding",
        values=("off", "sme2", "amx"),
        what="Sends the products to the CPU's matrix unit: SME2 on Arm, AMX on Intel.",
        why=(
            "A matrix unit adds a whole outer product to a tile in one instruction. It pays from "
            "d_model 64 on, where filling the tile costs less than it saves. Below that, entering "
            "and leaving the unit eats the gain."
        ),
    ),
)


def find(key: str) -> Optimization:
    """The catalogue's entry; raises `UsageError` for an unknown key."""
    for entry in CATALOGUE:
        if entry.key == key:
            return entry
    raise UsageError(
        f"There is no optimization {key!r}: there are {', '.join(e.key for e in CATALOGUE)}."
    )


def parse_assignments(texts: list[str], base: Optimizations) -> Optimizations:
    """`base` with assignments such as 'padding_skip=off' applied, in order."""
    result = base
    for text in texts:
        key, sign, value = text.partition("=")
        if not sign:
            raise UsageError(f"--set takes KEY=VALUE, such as padding_skip=off, not {text!r}.")
        entry = find(key.strip())
        result = result.with_value(entry.key, entry.parse(value))
    return result


def labels(optimizations: Optimizations) -> dict[str, str]:
    """Every toggle and its value as written on the command line."""
    return {entry.key: entry.label(getattr(optimizations, entry.key)) for entry in CATALOGUE}
