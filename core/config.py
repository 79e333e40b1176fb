"""What is trained and how: two frozen, validated configurations."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Literal, get_args

from eetui.core.errors import UsageError
from eetui.core.text import told

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

Activation = Literal["relu", "relu2"]
Schedule = Literal["linear", "constant", "cosine"]
Order = Literal["shuffled", "drawn"]

ACTIVATIONS: tuple[Activation, ...] = get_args(Activation)
SCHEDULES: tuple[Schedule, ...] = get_args(Schedule)
ORDERS: tuple[Order, ...] = get_args(Order)

KIND_NAMES = {
    str: "a text in quotes",
    int: "a whole number",
    float: "a number",
    bool: "true or false",
}

MAX_STEPS = 10**12
MAX_BATCH = 512
MAX_D_MODEL = 512
MAX_LAYERS = 8
MAX_BLOCK_SIZE = 64
MAX_VOCAB = 256


def _require(condition: bool, message: str) -> None:
    if not condition:
        raise UsageError(message)


def _require_kinds(config: DataclassInstance) -> None:
    """Refuse a value of another kind than its field's default, such as 8.0 or True for a size."""
    for field in fields(config):
        value = getattr(config, field.name)
        kind = type(field.default)
        fits = type(value) in (int, float) if kind is float else type(value) is kind
        _require(fits, f"{field.name} must be {KIND_NAMES[kind]}, not {told(value)}.")


@dataclass(frozen=True, slots=True)
class ModelConfig:
    """The shape of the transformer; raises `UsageError` where it is not a legal one.

    vocab_size counts the data set's characters plus one boundary token (27 for names).
    """

    d_model: int = 32
    n_heads: int = 4
    n_layers: int = 1
    block_size: int = 16
    vocab_size: int = 27
    activation: Activation = "relu"

    def __post_init__(self) -> None:
        _require_kinds(self)
        d, h = self.d_model, self.n_heads
        _require(
            4 <= d <= MAX_D_MODEL and d % 4 == 0,
            f"d_model must be a multiple of 4 between 4 and {MAX_D_MODEL}, not {told(d)}.",
        )
        _require(
            1 <= h <= d and d % h == 0,
            f"n_heads must divide d_model: {told(h)} does not divide {d}.",
        )
        _require(
            1 <= self.n_layers <= MAX_LAYERS,
            f"n_layers must be between 1 and {MAX_LAYERS}, not {told(self.n_layers)}.",
        )
        _require(
            2 <= self.block_size <= MAX_BLOCK_SIZE,
            f"block_size must be between 2 and {MAX_BLOCK_SIZE}, not {told(self.block_size)}.",
        )
        _require(
            2 <= self.vocab_size <= MAX_VOCAB,
            f"vocab_size must be between 2 and {MAX_VOCAB}, not {told(self.vocab_size)}.",
        )
        _require(
            self.activation in ACTIVATIONS,
            f"activation must be one of {', '.join(ACTIVATIONS)}, not {told(self.activation)}.",
        )

    @property
    def head_dim(self) -> int:
        """Features of one attention head."""
        return self.d_model // self.n_heads

    @property
    def d_ff(self) -> int:
        """Width of the hidden layer of the feed-forward block."""
        return 4 * self.d_model

    @property
    def n_params(self) -> int:
        """Number of weights: (2 V + T) d + 12 L d^2."""
        d = self.d_model
        return (2 * self.vocab_size + self.block_size) * d + 12 * self.n_layers * d * d

    def flops_per_document(self, positions: float) -> float:
        """Nominal floating-point operations of forward and backward for one document.

        Each weight of a product costs one multiply-add forward and two backward at each of
        `positions` predicted positions; attention is counted with an average context of four.
        """
        d, layers = self.d_model, self.n_layers
        products = 6 * (12 * layers * d * d + self.vocab_size * d)
        return positions * (products + 40 * layers * d)

    def flops_per_step(self, batch: int, positions: float) -> float:
        """Nominal operations of a whole step, Adam at nine a weight included.

        With 6.5 positions a document, EEmicroGPT's count, this gives its 2.3 / 8.5 / 32.5 / 127
        MFLOP at d_model 16 / 32 / 64 / 128 and batch 16, whatever work an engine skips.
        """
        return batch * self.flops_per_document(positions) + 9 * self.n_params


@dataclass(frozen=True, slots=True)
class TrainConfig:
    """How the model is trained; raises `UsageError` where a value makes no sense.

    `steps` is the plan over which the learning rate decays; `seed` decides the initial weights
    and, together with the step number, the documents of every batch. `held_out` is the share of
    the documents that is kept from training, to measure the loss on what was never seen. `order`
    is `shuffled`, every document once an epoch, or `drawn`, with replacement.
    """

    batch: int = 16
    learning_rate: float = 0.007
    steps: int = 10_000
    schedule: Schedule = "linear"
    beta1: float = 0.85
    beta2: float = 0.99
    eps: float = 1e-8
    seed: int = 42
    held_out: float = 0.1
    order: Order = "shuffled"

    def __post_init__(self) -> None:
        _require_kinds(self)
        _require(
            1 <= self.batch <= MAX_BATCH,
            f"batch must be between 1 and {MAX_BATCH}, not {told(self.batch)}.",
        )
        _require(
            0 < self.learning_rate < 10,
            f"learning rate must be above 0 and below 10, not {told(self.learning_rate)}.",
        )
        _require(
            1 <= self.steps <= MAX_STEPS,
            f"steps must be between 1 and 10^12, not {told(self.steps)}.",
        )
        _require(
            self.schedule in SCHEDULES,
            f"schedule must be one of {', '.join(SCHEDULES)}, not {told(self.schedule)}.",
        )
        _require(
            self.order in ORDERS,
            f"order must be one of {', '.join(ORDERS)}, not {told(self.order)}.",
        )
        for name in ("beta1", "beta2"):
            _require(0 <= getattr(self, name) < 1, f"{name} must be at least 0 and below 1.")
        _require(0 < self.eps < 1, "eps must be above 0 and below 1.")
        _require(
            0 <= self.seed < 2**63,
            f"seed must be between 0 and 2^63 - 1, not {told(self.seed)}.",
        )
        _require(
            0 <= self.held_out <= 0.5,
            f"held out must be a share between 0 and 0.5, not {told(self.held_out)}.",
        )


def default_n_heads(d_model: int) -> int:
    """Heads where none were asked for: 4, or 8 from d_model 128 on."""
    heads = 8 if d_model >= 128 else 4
    return heads if d_model % heads == 0 else 4


def default_learning_rate(d_model: int) -> float:
    """Learning rates that EEmicroGPT's author tuned for d_model 16 / 32 / 64 / 128."""
    for limit, rate in ((16, 0.008), (32, 0.007), (64, 0.005)):
        if d_model <= limit:
            return rate
    return 0.003
