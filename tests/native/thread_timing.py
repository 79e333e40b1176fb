"""What threads are worth, where their cores are free and where another process has one: by hand.

    python -m tests.native.thread_timing --threads 2 --seconds 60
    python -m tests.native.thread_timing --threads 2 --seconds 60 --busy 1

Runs with one thread, with several, and with threads=auto take turns of a fifth of a second, and are
compared by the wall clock: medians, and the least of each, which others disturbed the least.
--busy N starts a process that never rests on core N.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from dataclasses import replace
from statistics import median
from time import perf_counter

from eetui.core.config import ModelConfig, TrainConfig, default_n_heads
from eetui.core.data.dataset import Dataset, load_dataset
from eetui.core.engines.native.engine import NativeEngine
from eetui.core.optimizations import Optimizations
from eetui.core.run.auto_threads import AutoThreads
from eetui.core.run.namestream import NameStream
from eetui.core.run.trainer import Trainer

BLOCK_SECONDS = 0.2
WARM_UP_SECONDS = 1.0


class Run:
    """A training that is gone on with in turns, in chunks of 10 ms as a session has them."""

    def __init__(
        self, dataset: Dataset, d_model: int, batch: int, on: Optimizations, *, auto: bool = False
    ) -> None:
        model = ModelConfig(d_model, default_n_heads(d_model), vocab_size=dataset.vocab_size)
        train = TrainConfig(batch=batch, steps=10**8)
        names = NameStream(0.5, "")
        self.trainer = Trainer(dataset, model, train, NativeEngine(), on, names)
        self._threads = AutoThreads(self.trainer) if auto else None
        self.block(WARM_UP_SECONDS)

    def block(self, seconds: float) -> float:
        """Train for so long; gives microseconds a step, all that is done beside it included."""
        start, first, now = perf_counter(), self.trainer.state.step, 0.0
        while now < seconds:
            self.trainer.advance()
            if self._threads is not None:
                self._threads.follow()
            now = perf_counter() - start
        return now / (self.trainer.state.step - first) * 1e6


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seconds", type=float, default=60.0, help="for all shapes together")
    parser.add_argument("--busy", help="a core")
    parser.add_argument("--products", default="tiles")
    parser.add_argument("--d-model", type=int, nargs="+", default=[16, 32, 64, 128])
    parser.add_argument("--batch", type=int, nargs="+", default=[16, 64])
    options = parser.parse_args()
    dataset = load_dataset()
    on = replace(NativeEngine().default_optimizations(), products=options.products)
    several = replace(on, threads=options.threads)
    busy = None
    if options.busy:
        command = ["taskset", "-c", options.busy, sys.executable, "-c", "while True: pass"]
        busy = subprocess.Popen(command)
    shapes = [(d, batch) for d in options.d_model for batch in options.batch]
    n = max(3, round(options.seconds / len(shapes) / 3 / BLOCK_SECONDS))
    try:
        for d_model, batch in shapes:
            runs = [Run(dataset, d_model, batch, each) for each in (on, several)]
            runs.append(Run(dataset, d_model, batch, on, auto=True))
            rounds = [[run.block(BLOCK_SECONDS) for run in runs] for _ in range(n)]
            one, more, auto = (median(each) for each in zip(*rounds, strict=True))
            least = [min(each) for each in zip(*rounds, strict=True)]
            times = [median(r[0] / r[i] for r in rounds) for i in (1, 2)]
            print(
                f"d_model {d_model:3d}  batch {batch:3d}  us a step: 1 thread {one:.1f}, "
                f"{options.threads} threads {more:.1f} ({times[0]:.2f} times as fast), "
                f"auto {auto:.1f} ({times[1]:.2f}), at the end "
                f"{runs[2].trainer.optimizations.threads}; least {least[0]:.1f}, {least[1]:.1f} "
                f"({least[0] / least[1]:.2f}), {least[2]:.1f} ({least[0] / least[2]:.2f})",
                flush=True,
            )
    finally:
        if busy:
            busy.kill()
            busy.wait()


if __name__ == "__main__":
    main()
