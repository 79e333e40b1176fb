"""What a way of computing products does to what is learned: losses beside those of float32.

    python tests/native/paired_losses.py bf16 16 32 64 128

Every seed trains twice from the same weights over the same documents. The loss is the mean of the
last 100 steps; the table has the mean of its differences and their 95 % interval (Student's t).
"""

from __future__ import annotations

import sys

import numpy as np

from eetui.core.config import ModelConfig, TrainConfig, default_learning_rate, default_n_heads
from eetui.core.data.batches import documents, learning_rates
from eetui.core.data.dataset import load_dataset
from eetui.core.engines.native.engine import NativeEngine
from eetui.core.model.state import TrainState

STEPS, LAST, SEEDS = 2000, 100, 16
T_95 = 2.131
"""Student's t for 15 degrees of freedom."""


def loss(engine: NativeEngine, d_model: int, products: str, seed: int) -> float:
    """The mean loss of the last steps of one run."""
    dataset = load_dataset()
    model = ModelConfig(d_model, default_n_heads(d_model), vocab_size=dataset.vocab_size)
    train = TrainConfig(learning_rate=default_learning_rate(d_model), steps=STEPS, seed=seed)
    on = engine.default_optimizations().with_value("products", products)
    rows = documents(seed, 0, STEPS, train.batch, dataset.n_docs)
    rates = learning_rates(train, 0, STEPS)
    state = TrainState.create(model, seed)
    losses = engine.run(state, dataset, model, train, on, rows, rates).losses
    return float(losses[-LAST:].mean())


def main(products: str, widths: list[int]) -> None:
    """Train and print a row of Markdown for each width."""
    engine = NativeEngine()
    for d_model in widths:
        plain = np.array([loss(engine, d_model, "tiles", s) for s in range(SEEDS)])
        other = np.array([loss(engine, d_model, products, s) for s in range(SEEDS)])
        apart = other - plain
        half = T_95 * apart.std(ddof=1) / np.sqrt(SEEDS)
        print(
            f"| {d_model} | {plain.mean():.4f} | {other.mean():.4f} | {apart.mean():+.4f} "
            f"({apart.mean() - half:+.4f} to {apart.mean() + half:+.4f}) |",
            flush=True,
        )


if __name__ == "__main__":
    main(sys.argv[1], [int(d) for d in sys.argv[2:]])
