"""The one catalogue of optimizations; the screen, the command line and the docs draw on it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Literal

from eetui.core.errors import UsageError
from eetui.core.text import told

Kind = Literal["exact", "rounding", "learning"]
Value = bool | int | str

AUTO_THREADS = 0
"""In place of a number: a live run follows what is fastest. What only measures takes one thread."""

SWITCH_SPELLINGS: dict[str, Value] = {
    **dict.fromkeys(("true", "yes", "1"), True),
    **dict.fromkeys(("false", "no", "0"), False),
}


@dataclass(frozen=True, slots=True)
class Optimizations:
    """The toggles of a run; a toggle makes a new one. Raises `UsageError` for values that the
    catalogue does not have.

    The defaults are what every compiled engine has; an engine's `default_optimizations` adds more.
    """

    padding_skip: bool = True
    fast_exp: bool = True
    vector_width: int = 16
    prefix_sharing: bool = False
    products: str = "tiles"
    fused: bool = True
    adam: str = "vector"
    flush_denormals: bool = True
    work_order: str = "batch"
    threads: int = 1
    optimizer: str = "adam"

    def __post_init__(self) -> None:
        for entry in CATALOGUE:
            entry.check(getattr(self, entry.key))

    def with_value(self, key: str, value: Value) -> Optimizations:
        """The same toggles with one changed; raises `UsageError` for an unknown key or value."""
        return find_optimization(key).applied(self, value)


@dataclass(frozen=True, slots=True)
class Optimization:
    """One entry: what can be flipped, what that promises, and what it is worth.

    `kind` is the promise: *exact* (same arithmetic up to summation order), *rounding* (a
    documented approximation) or *learning* (changes what is learned). `m5_gain` is the gain in
    per cent of a step that EEmicroGPT's author reports on an Apple M5, where there is one.
    `m5_value` is the value that it is for, None for all. `kinds` names the values that promise
    something else. `shortcut` is a second key, which goes to one value and back.
    """

    key: str
    name: str
    hotkey: str
    kind: Kind
    values: tuple[Value, ...]
    what: str
    why: str
    m5_gain: float | None = None
    m5_value: Value | None = None
    shortcut: tuple[str, Value] | None = None
    kinds: tuple[tuple[Value, Kind], ...] = ()

    def kind_of(self, value: Value) -> Kind:
        """What the toggle promises at `value`."""
        return dict(self.kinds).get(value, self.kind)

    def m5_gain_of(self, value: Value) -> float | None:
        """The gain that EEmicroGPT's author reports for the step to `value`."""
        return self.m5_gain if self.m5_value in (None, value) else None

    @property
    def keys(self) -> str:
        """The keys that change it, as the screen shows them."""
        return self.hotkey if self.shortcut is None else f"{self.hotkey} {self.shortcut[0]}"

    def label(self, value: Value) -> str:
        """How a value is written on the screen and the command line."""
        if isinstance(value, bool):
            return "on" if value else "off"
        if self.key == "vector_width":
            return "off" if value == 1 else str(value)
        if self.key == "threads" and value == AUTO_THREADS:
            return "auto"
        return str(value)

    def check(self, value: Value) -> None:
        """Raise `UsageError` unless `value` is one of the values; True is not taken for 1."""
        if value not in self.values or type(value) is not type(self.values[0]):
            shown = self.label(value) if isinstance(value, bool) else told(value)
            raise UsageError(
                f"{self.key} cannot be {shown}: it is one of "
                f"{', '.join(map(self.label, self.values))}."
            )

    def applied(self, optimizations: Optimizations, value: Value) -> Optimizations:
        """`optimizations` with this one at `value`; raises `UsageError` for an unknown value."""
        return replace(optimizations, **{self.key: value})  # type: ignore[arg-type]

    def parse(self, text: str) -> Value:
        """The value that `text` stands for; raises `UsageError` for anything else."""
        by_label = {self.label(value): value for value in self.values}
        if self.values == (False, True):
            spellings = by_label | SWITCH_SPELLINGS
        else:
            spellings = by_label | {str(value): value for value in self.values}
        value = spellings.get(text.strip().lower())
        if value is None:
            raise UsageError(f"{self.key} is one of {', '.join(by_label)}, not {told(text)}.")
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
        key="prefix_sharing",
        name="prefix sharing",
        hotkey="r",
        kind="exact",
        values=(False, True),
        what="Computes positions whose whole prefix is equal once for all documents of the batch.",
        why=(
            "A causal model sees nothing but the prefix, so two names that begin alike have the "
            "same activations there. The batch is sorted into a tree of prefixes, each node is "
            "computed once and its gradient is the sum over its names. Before the first attention "
            "even the character and its place alone decide, which leaves half of the rows."
        ),
    ),
    Optimization(
        key="products",
        name="products",
        hotkey="m",
        shortcut=("i", "rows"),
        kind="exact",
        kinds=(("amx", "rounding"), ("bf16", "rounding")),
        values=("rows", "tiles", "sme2", "amx-split", "amx", "bf16", "outer"),
        what=(
            "What computes the products: vector registers, row by row, a tile at a time or in "
            "bf16, or a matrix unit: SME2 on Arm, AMX on Intel. Outer is their algorithm, emulated."
        ),
        why=(
            "A core can multiply far faster than it can load. A tile of 6 rows by 4 vectors uses "
            "each number it loads four or six times, and its sums never leave the registers. A "
            "matrix unit adds a column times a row to a whole tile of sums in one instruction; "
            "below d_model 64, entering it and filling the tile eat the gain. AMX and bf16 "
            "multiply in bfloat16, with eight bits: two products for one. AMX's split adds three "
            "such products and keeps the gradients of float32."
        ),
        m5_gain=9.0,
        m5_value="tiles",
    ),
    Optimization(
        key="fused",
        name="fused passes",
        hotkey="f",
        kind="exact",
        values=(False, True),
        what="One product for queries, keys and values; ReLU and residual inside of products.",
        why=(
            "A separate pass reads and writes a whole matrix to do one operation on each number. "
            "Inside the product that makes it, the number is still in a register. One wide product "
            "also fills the register tile better than three narrow ones."
        ),
        m5_gain=5.0,
    ),
    Optimization(
        key="adam",
        name="Adam",
        hotkey="a",
        kind="exact",
        values=("scalar", "vector", "fused"),
        what="Updates the weights one by one, by vectors, or right behind each gradient tile.",
        why=(
            "Adam does a dozen operations on each weight, with a square root and a division. "
            "Vectors do them for a register of weights at once. Fused, the gradient goes from the "
            "product's registers straight into the update and never travels to memory."
        ),
    ),
    Optimization(
        key="flush_denormals",
        name="flush denormals",
        hotkey="d",
        kind="rounding",
        values=(False, True),
        what="Treats numbers below 1e-38 as zero while a step runs.",
        why=(
            "Moments of weights that are seldom touched decay towards zero and end up denormal. "
            "Many CPUs compute with those in microcode, a hundred times slower. They are far too "
            "small to change a weight."
        ),
    ),
    Optimization(
        key="work_order",
        name="order of work",
        hotkey="n",
        kind="exact",
        values=("sample", "batch"),
        what="Takes the whole batch through each operation, or one document through all of them.",
        why=(
            "A product over all positions of the batch loads each weight once for dozens of rows. "
            "One document at a time has seven rows to share it with. The tiles are never full and "
            "the gradients are gathered in memory."
        ),
        m5_gain=5.0,
    ),
    Optimization(
        key="threads",
        name="threads",
        hotkey="T",
        kind="exact",
        values=(1, 2, 4, 8, AUTO_THREADS),
        what=(
            "Parts the batch among threads, which sum their gradients in a fixed order. Auto takes "
            "as many as were fastest in the last seconds."
        ),
        why=(
            "Each thread takes its own documents forward and backward on its own core. They "
            "wait for each other twice a step, to add up the gradients and to share the update. It "
            "pays when a step is long against a wait: wide models and large batches. Where another "
            "program has a core, its part is done by a thread that runs."
        ),
    ),
    Optimization(
        key="optimizer",
        name="optimizer",
        hotkey="M",
        kind="learning",
        values=("adam", "muon"),
        what="How weights follow gradients: Adam for all, or Muon for the matrices of the blocks.",
        why=(
            "Adam scales every weight's step by its own past gradients. Muon looks at the matrix: "
            "it turns the momentum into the nearest matrix that moves all directions alike, by "
            "three rounds of products. A step costs more, and fewer are needed, most of all with "
            "large batches. Embeddings and head stay with Adam."
        ),
    ),
)


def find_optimization(key: str) -> Optimization:
    """The catalogue's entry; raises `UsageError` for an unknown key."""
    for entry in CATALOGUE:
        if entry.key == key:
            return entry
    raise UsageError(
        f"There is no optimization {told(key)}: there are {', '.join(e.key for e in CATALOGUE)}."
    )


def parse_assignments(texts: list[str], base: Optimizations) -> Optimizations:
    """`base` with assignments such as 'padding_skip=off' applied, in order."""
    result = base
    for text in texts:
        key, sign, value = text.partition("=")
        if not sign:
            raise UsageError(f"--set takes KEY=VALUE, such as padding_skip=off, not {told(text)}.")
        result = assign(result, key.strip(), value)
    return result


FORMER: dict[str, dict[str, str]] = {
    "product_kernel": {"rows": "rows", "tiles": "tiles"},
    "matrix_engine": {
        "off": "tiles",
        "tile": "outer",
        "sme2": "sme2",
        "amx-split": "amx-split",
        "amx": "amx",
    },
}
"""Two settings of earlier versions, which are `products` now: files and habits still have them."""


def assign(base: Optimizations, key: str, text: str) -> Optimizations:
    """`base` with the toggle `key` at the value that `text` stands for; raises `UsageError`."""
    name, value = current(key, text)
    if name == key:
        entry = find_optimization(key)
        return entry.applied(base, entry.parse(text))
    # Where two settings said what one says now, tiles and off left it to the other.
    if value == "tiles" and base.products not in FORMER[key].values():
        return base
    return replace(base, products=value)


def current(key: str, text: str) -> tuple[str, str]:
    """The key and value of today for those of an earlier version; others are given back.

    Raises `UsageError` for a value that the setting of the earlier version did not have.
    """
    former = FORMER.get(key)
    if former is None:
        return key, text
    value = former.get(text.strip().lower())
    if value is None:
        raise UsageError(f"{key} is one of {', '.join(former)}, not {told(text)}.")
    return "products", value


def assigned(texts: Iterable[str]) -> set[str]:
    """The keys that assignments such as 'padding_skip=off' set."""
    keys = (text.partition("=")[0].strip() for text in texts)
    return {"products" if key in FORMER else key for key in keys}


def labels(optimizations: Optimizations) -> dict[str, str]:
    """Every toggle and its value as written on the command line."""
    return {entry.key: entry.label(getattr(optimizations, entry.key)) for entry in CATALOGUE}
