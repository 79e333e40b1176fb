"""What more cores would be worth than this machine has: a model, from steps that are timed here.

    taskset -c 1 python -m tests.native.thread_model --d-model 64 --batch 64

With n threads a step takes as long as its slowest part, a share of the update, and the exchange of
gradients and weights between the cores:

    t(n) = t_documents(batch / n) * imbalance(n) + t_update / n + exchange * 2 (n - 1) / n

t_documents is one thread's step at that batch without its update, timed here. The imbalance is that
of 300 batches of names, parted as the engine does it. exchange is what two threads take beyond the
rest of the formula, given by --exchange in us; each of n threads reads (n - 1) / n of its share of
the gradients from other cores. Cores are taken to have caches of their own and to be free.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from statistics import mean

import numpy as np

from eetui.core.config import ModelConfig, TrainConfig, default_n_heads
from eetui.core.data.batches import documents_of
from eetui.core.data.dataset import Dataset, load_dataset
from eetui.core.engines.native.engine import NativeEngine
from eetui.core.model.state import TrainState
from tests.support.steps import advance

CORES = (2, 4, 8, 16)
BATCHES = 300
STEPS = 300
TRIES = 9


def least_us(dataset: Dataset, d_model: int, batch: int, *, updates: bool) -> float:
    """Microseconds of a step with one thread, by its CPU clock: the least of nine stretches.

    updates: that of the update alone, from the phases of a profiled run.
    """
    engine = NativeEngine()
    on = replace(engine.default_optimizations(), adam="vector")
    model = ModelConfig(d_model, default_n_heads(d_model), vocab_size=dataset.vocab_size)
    train, state = TrainConfig(batch=batch, steps=10**8), TrainState.create(model, 1)
    seen = []
    for _ in range(TRIES):
        report = advance(engine, state, dataset, model, train, on, STEPS, profile=updates)
        if updates:
            assert report.phase_ns is not None
            seen.append(report.phase_ns[7] / 1e3 / STEPS)
        else:
            seen.append(report.us_per_step)
    return min(seen)


def imbalance(dataset: Dataset, batch: int, n: int) -> float:
    """Positions of the largest of n parts over those of a mean part, on average."""
    found = []
    for documents in documents_of(TrainConfig(batch=batch), 0, BATCHES, dataset.n_docs):
        keys = [dataset.tokens[i].tobytes() for i in documents]
        lengths = dataset.lengths[documents[np.argsort(keys, kind="stable")]].astype(np.int64)
        middles = np.cumsum(lengths) - lengths / 2
        parts = np.bincount((middles * n / lengths.sum()).astype(np.intp), lengths, minlength=n)
        found.append(parts.max() * n / lengths.sum())
    return mean(found)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--d-model", type=int, default=64)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--exchange", type=float, default=25.0)
    options = parser.parse_args()
    dataset, d_model, batch = load_dataset(), options.d_model, options.batch
    update = least_us(dataset, d_model, batch, updates=True)
    one = least_us(dataset, d_model, batch, updates=False)
    print(f"d_model {d_model}, batch {batch}: 1 thread {one:.1f} us, {update:.1f} of it the update")
    for n in CORES:
        part = least_us(dataset, d_model, max(batch // n, 1), updates=False) - update
        uneven = imbalance(dataset, batch, n)
        exchange = options.exchange * 2 * (n - 1) / n
        us = part * uneven + update / n + exchange
        print(
            f"{n:2d} threads {us:7.1f} us, {one / us:4.1f} times as fast: documents {part:.1f} "
            f"times {uneven:.2f}, update {update / n:.1f}, exchange {exchange:.1f}"
        )


if __name__ == "__main__":
    main()
