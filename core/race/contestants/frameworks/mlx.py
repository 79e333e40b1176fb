"""MLX, Apple's framework: a compiled step, on the CPU and on the GPU of Apple silicon."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from eetui.core.config import ModelConfig, TrainConfig
from eetui.core.model.reference import RMS_EPS
from eetui.core.model.state import Vector, layout, views
from eetui.core.race.contestant import Task
from eetui.core.race.contestants.frameworks.shared import FrameworkLearner, missing

if TYPE_CHECKING:
    from mlx.core import Device, array

Weights = dict[str, "array"]

WARM_UP_STEPS = 3


def forward(w: Weights, model: ModelConfig, inputs: array) -> array:
    """Logits [B, T, V] of padded documents [B, T]."""
    import mlx.core as mx

    def norm(x: array) -> array:
        return mx.fast.rms_norm(x, None, RMS_EPS)

    batch, positions = inputs.shape
    x = norm(w["tok_emb"][inputs] + w["pos_emb"][:positions])
    for i in range(model.n_layers):
        layer = f"layers.{i}."
        qkv = (norm(x) @ w[layer + "w_qkv"]).reshape(batch, positions, 3, model.n_heads, -1)
        q, k, v = qkv.transpose(2, 0, 3, 1, 4)  # [B, H, T, D / H] each
        mixed = mx.fast.scaled_dot_product_attention(
            q, k, v, scale=model.head_dim**-0.5, mask="causal"
        )
        x = x + mixed.transpose(0, 2, 1, 3).reshape(batch, positions, -1) @ w[layer + "w_out"]
        hidden = mx.maximum(norm(x) @ w[layer + "w_expand"], 0.0)
        hidden = hidden * hidden if model.activation == "relu2" else hidden
        x = x + hidden @ w[layer + "w_contract"]
    return x @ w["lm_head"]


def loss_of(w: Weights, model: ModelConfig, tokens: array, lengths: array) -> array:
    """The mean loss of documents [B, T + 1] of which lengths [B] positions are predicted."""
    import mlx.core as mx

    logits, targets = forward(w, model, tokens[:, :-1]), tokens[:, 1:]
    at_target = mx.take_along_axis(logits, targets[..., None], 2)[..., 0]
    losses = mx.logsumexp(logits, 2) - at_target
    real = mx.arange(targets.shape[1]) < lengths[:, None]
    return mx.where(real, losses, 0.0).sum() / lengths.sum()


def train_on(
    model: ModelConfig,
    train: TrainConfig,
    state: tuple[Weights, Weights, Weights, array],
    tokens: array,
    lengths: array,
    rate: array,
) -> tuple[tuple[Weights, Weights, Weights, array], array]:
    """One step with Adam on documents [B, T + 1]; the new state and the loss."""
    import mlx.core as mx

    w, m, v, done = state
    loss, g = mx.value_and_grad(loss_of)(w, model, tokens, lengths)
    done = done + 1.0
    c1, c2 = 1 - mx.power(train.beta1, done), 1 - mx.power(train.beta2, done)
    m = {k: train.beta1 * m[k] + (1 - train.beta1) * g[k] for k in g}
    v = {k: train.beta2 * v[k] + (1 - train.beta2) * g[k] * g[k] for k in g}
    w = {k: w[k] - rate * (m[k] / c1) / (mx.sqrt(v[k] / c2) + train.eps) for k in g}
    return (w, m, v, done), loss


class MlxContestant:
    """MLX with a step compiled as a whole, and the next one queued while it runs."""

    model = ""
    extra = "mlx"

    def __init__(self, name: str, summary: str, gpu: bool = False) -> None:
        self.name = name
        self.summary = summary
        self._gpu = gpu

    def why_not(self) -> str:
        """Empty, or what is missing: MLX, or a GPU that it can use."""
        if reason := missing("mlx.core", "mlx"):
            return reason
        if self._gpu and not has_gpu():
            return "MLX finds no GPU here."
        return ""

    def start(self, task: Task) -> MlxLearner:
        """Move data and weights to the device and compile."""
        import mlx.core as mx

        return MlxLearner(task, mx.Device(mx.gpu if self._gpu else mx.cpu))


def has_gpu() -> bool:
    """Whether MLX can use one: Metal, or CUDA in its build for that."""
    import mlx.core as mx

    return bool(mx.is_available(mx.Device(mx.gpu)))


class MlxLearner(FrameworkLearner):
    """The state as MLX keeps it, and the compiled step."""

    def __init__(self, task: Task, place: Device) -> None:
        import mlx.core as mx

        super().__init__(task)
        kind = "GPU" if place.type == mx.DeviceType.gpu else "CPU"
        self.detail = f"MLX {mx.__version__} on {kind}"
        self._place = place
        with mx.stream(place):
            matrices = views(task.model, task.initial.astype(np.float32))
            w = {name: mx.array(matrix) for name, matrix in matrices.items()}
            zeros = {name: mx.zeros_like(matrix) for name, matrix in w.items()}
            start: Any = (w, zeros, {**zeros}, mx.array(0.0))
            self._state = start
            self._tokens = mx.array(task.dataset.tokens.astype(np.int32))
            self._lengths = mx.array(task.dataset.lengths)
            mx.eval(self._state, self._tokens, self._lengths)
            self._step = mx.compile(partial(train_on, task.model, task.train))
        # A step gives a new state and leaves the old one alone: going back to it undoes them.
        rows = task.documents(0, WARM_UP_STEPS, self.batch)
        self.steps(rows, np.zeros(WARM_UP_STEPS, np.float32))
        self._state = start

    def steps(
        self, documents: NDArray[np.int32], rates: NDArray[np.float32]
    ) -> NDArray[np.float32]:
        """One step a row; the losses stay where they are until the last one is there."""
        import mlx.core as mx

        losses = []
        with mx.stream(self._place):
            rows, lr = mx.array(documents), mx.array(rates)
            for i in range(len(rates)):
                tokens, lengths = self._tokens[rows[i]], self._lengths[rows[i]]
                self._state, loss = self._step(self._state, tokens, lengths, lr[i])
                mx.async_eval(self._state, loss)
                losses.append(loss)
            return np.array(mx.stack(losses))

    def gradients(self, documents: NDArray[np.int32]) -> tuple[float, Vector]:
        import mlx.core as mx

        with mx.stream(self._place):
            rows = mx.array(documents.astype(np.int32))
            loss, grads = mx.value_and_grad(loss_of)(
                self._state[0], self.task.model, self._tokens[rows], self._lengths[rows]
            )
            return float(loss), self._flat(grads)

    def params(self) -> Vector:
        return self._flat(self._state[0])

    def _flat(self, matrices: Weights) -> Vector:
        parts = [np.array(matrices[tensor.name]) for tensor in layout(self.task.model)]
        return np.concatenate([part.reshape(-1) for part in parts])


MLX = MlxContestant("mlx", "MLX, Apple's framework, each step compiled, batches.")
MLX_GPU = MlxContestant(
    "mlx+gpu", "MLX on the GPU: Metal, or CUDA in its build for that.", gpu=True
)
