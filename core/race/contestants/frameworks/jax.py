"""JAX: a whole stretch of steps as one compiled scan, on the CPU and on a GPU."""

from __future__ import annotations

import os
import sys
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
    from jax import Array, Device

Weights = dict[str, "Array"]

STRETCHES = (512, 64, 8, 1)
"""Lengths of scan that are compiled; any number of steps is put together from these."""
ONE_THREAD = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"


def forward(w: Weights, model: ModelConfig, inputs: Array) -> Array:
    """Logits [B, T, V] of padded documents [B, T]."""
    import jax
    import jax.numpy as jnp

    def norm(x: Array) -> Array:
        return x * jax.lax.rsqrt(jnp.mean(x * x, -1, keepdims=True) + RMS_EPS)

    batch, positions = inputs.shape
    future = jnp.triu(jnp.ones((positions, positions), bool), 1)
    x = norm(w["tok_emb"][inputs] + w["pos_emb"][:positions])
    for i in range(model.n_layers):
        layer = f"layers.{i}."
        qkv = (norm(x) @ w[layer + "w_qkv"]).reshape(batch, positions, 3, model.n_heads, -1)
        q, k, v = jnp.moveaxis(qkv, 2, 0)  # [B, T, H, D / H] each
        scores = jnp.einsum("bthd,bshd->bhts", q, k) * model.head_dim**-0.5
        weights = jax.nn.softmax(jnp.where(future, -jnp.inf, scores))
        mixed = jnp.einsum("bhts,bshd->bthd", weights, v).reshape(batch, positions, -1)
        x = x + mixed @ w[layer + "w_out"]
        hidden = jax.nn.relu(norm(x) @ w[layer + "w_expand"])
        hidden = hidden * hidden if model.activation == "relu2" else hidden
        x = x + hidden @ w[layer + "w_contract"]
    return x @ w["lm_head"]


def loss_of(w: Weights, model: ModelConfig, tokens: Array, lengths: Array) -> Array:
    """The mean loss of documents [B, T + 1] of which lengths [B] positions are predicted."""
    import jax
    import jax.numpy as jnp

    log_p = jax.nn.log_softmax(forward(w, model, tokens[:, :-1]))
    at_target = jnp.take_along_axis(log_p, tokens[:, 1:, None], 2)[..., 0]
    real = jnp.arange(at_target.shape[1]) < lengths[:, None]
    return -jnp.where(real, at_target, 0.0).sum() / lengths.sum()


def train_on(
    model: ModelConfig,
    train: TrainConfig,
    data: tuple[Array, Array],
    state: tuple[Weights, Weights, Weights, Array],
    documents: Array,
    rates: Array,
) -> tuple[tuple[Weights, Weights, Weights, Array], Array]:
    """One step with Adam for each row of documents [n, B]; the new state and losses [n]."""
    import jax
    import jax.numpy as jnp

    tokens, lengths = data
    b1, b2 = train.beta1, train.beta2

    def step(state: Any, batch: tuple[Array, Array]) -> tuple[Any, Array]:
        w, m, v, done = state
        rows, rate = batch
        loss, g = jax.value_and_grad(loss_of)(w, model, tokens[rows], lengths[rows])
        done = done + 1.0
        m = jax.tree.map(lambda m, g: b1 * m + (1 - b1) * g, m, g)
        v = jax.tree.map(lambda v, g: b2 * v + (1 - b2) * g * g, v, g)
        c1, c2 = 1 - b1**done, 1 - b2**done
        w = jax.tree.map(
            lambda w, m, v: w - rate * (m / c1) / (jnp.sqrt(v / c2) + train.eps), w, m, v
        )
        return (w, m, v, done), loss

    after, losses = jax.lax.scan(step, state, (documents, rates))
    return after, losses


class JaxContestant:
    """JAX with its compiler's fusion and no Python between the steps, one thread on the CPU."""

    model = ""
    extra = "jax"

    def __init__(self, name: str, summary: str, gpu: bool = False) -> None:
        self.name = name
        self.summary = summary
        self._gpu = gpu

    def why_not(self) -> str:
        """Empty, or what is missing: JAX, or a GPU that it can use."""
        if reason := missing("jax", "jax"):
            return reason
        if self._gpu and gpu() is None:
            return "JAX finds no GPU here: its CUDA build is pip install 'jax[cuda13]'."
        return ""

    def start(self, task: Task) -> JaxLearner:
        """Move data and weights to the device and compile every length of scan."""
        _limit_threads()
        import jax

        place = gpu() if self._gpu else None
        return JaxLearner(task, place or jax.devices("cpu")[0])


def _limit_threads() -> None:
    """One thread, which JAX reads from the environment when it is loaded for the first time."""
    flags = os.environ.get("XLA_FLAGS", "")
    if "jax" not in sys.modules and ONE_THREAD not in flags:
        os.environ["XLA_FLAGS"] = f"{flags} {ONE_THREAD}".strip()


def gpu() -> Device | None:
    """The GPU that JAX can use here, or None."""
    _limit_threads()
    import jax

    return next((d for d in jax.devices() if d.platform != "cpu"), None)


class JaxLearner(FrameworkLearner):
    """The state as JAX keeps it, and the compiled scans."""

    def __init__(self, task: Task, place: Device) -> None:
        import jax

        super().__init__(task)
        kind = "CPU" if place.platform == "cpu" else place.device_kind
        self.detail = f"JAX {jax.__version__} on {kind}"
        data = task.dataset
        put = partial(jax.device_put, device=place)
        self._put = put
        self._data = (put(data.tokens.astype(np.int32)), put(data.lengths))
        matrices = views(task.model, task.initial.astype(np.float32))
        w = {name: put(matrix) for name, matrix in matrices.items()}
        zeros = {name: put(np.zeros_like(matrix)) for name, matrix in matrices.items()}
        self._state: Any = (w, zeros, {**zeros}, put(np.float32(0.0)))
        run = jax.jit(partial(train_on, task.model, task.train))
        self._scans: dict[int, Any] = {}
        for n in STRETCHES:
            nothing = put(np.zeros((n, self.batch), np.int32)), put(np.zeros(n, np.float32))
            scan = run.lower(self._data, self._state, *nothing).compile()
            # It gives a new state and leaves the old one alone: trying it out changes nothing.
            jax.block_until_ready(scan(self._data, self._state, *nothing))
            self._scans[n] = scan

    def steps(
        self, documents: NDArray[np.int32], rates: NDArray[np.float32]
    ) -> NDArray[np.float32]:
        """The steps as a few compiled stretches, waited for at the end alone."""
        losses, at = [], 0
        while at < len(rates):
            n = next(n for n in STRETCHES if n <= len(rates) - at)
            part = slice(at, at + n)
            self._state, found = self._scans[n](
                self._data, self._state, self._put(documents[part]), self._put(rates[part])
            )
            losses.append(found)
            at += n
        return np.concatenate([np.asarray(found) for found in losses])

    def gradients(self, documents: NDArray[np.int32]) -> tuple[float, Vector]:
        import jax

        tokens, lengths = (part[documents] for part in self._data)
        loss, grads = jax.value_and_grad(loss_of)(self._state[0], self.task.model, tokens, lengths)
        return float(loss), self._flat(grads)

    def params(self) -> Vector:
        return self._flat(self._state[0])

    def _flat(self, matrices: Weights) -> Vector:
        parts = [np.asarray(matrices[tensor.name]) for tensor in layout(self.task.model)]
        return np.concatenate([part.reshape(-1) for part in parts])


JAX = JaxContestant("jax", "JAX, whole stretches of steps compiled into one scan, batches.")
JAX_GPU = JaxContestant("jax+gpu", "JAX on the GPU, the same compiled scan.", gpu=True)
