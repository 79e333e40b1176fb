"""What writing a run down, and measuring its held-out loss, cost the training thread.

    python tests/core/store/store_cost.py store --d-model 16 --steps 60000 --pairs 20
    python tests/core/store/store_cost.py held-out --d-model 64 --steps 8000 --pairs 20

A pair is the same run with it and without, in an order drawn by lot, on the CPU clock of the
training thread. Prints the median of the pairs with its interval (95 %), and the share of that
clock that ran inside of it, which a busy machine disturbs less.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable
from dataclasses import replace
from math import log
from pathlib import Path
from random import Random
from statistics import median
from time import thread_time
from typing import Any

import pytest

from eetui.core.config import ModelConfig, TrainConfig
from eetui.core.data.dataset import Dataset, load_dataset
from eetui.core.run.evaluation import HeldOutLoss
from eetui.core.run.session import Session
from eetui.core.store.recorder import Recorder
from eetui.core.verdict import interval, percent


class Timed:
    """Calls a function and adds up the CPU seconds that it took."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self, function: Callable[..., Any]) -> Callable[..., Any]:
        def timed(*args: Any) -> Any:
            begun = thread_time()
            try:
                return function(*args)
            finally:
                self.seconds += thread_time() - begun

        return timed


def cost(
    what: str, dataset: Dataset, model: ModelConfig, train: TrainConfig
) -> tuple[float, float]:
    """CPU seconds of the thread that trains, and those of them that ran inside of what is measured.

    what: 'store', 'held-out', or '' for neither.
    """
    train = replace(train, held_out=0.1 if what == "held-out" else 0.0)
    session = Session(dataset, model, train, stop_at_plan=True, measure_peak=False, stand_in=False)
    inside = Timed()
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr(HeldOutLoss, "trained", inside(HeldOutLoss.trained))
        recorder = Recorder(Path(folder) / "runs.sqlite", session, dataset)
        begun = thread_time()
        if what == "store":
            session.run(inside(recorder.watching()), inside(recorder.observe))
        else:
            session.run(lambda _: None, lambda first, losses: None)
        spent = thread_time() - begun
        recorder.close()
    assert session.latest.step == train.steps, session.latest.message
    assert not recorder.problem, recorder.problem
    return spent, inside.seconds


def main() -> None:
    """Take the pairs and print what they say."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=["store", "held-out"])
    parser.add_argument("--d-model", type=int, default=16)
    parser.add_argument("--steps", type=int, default=60_000)
    parser.add_argument("--pairs", type=int, default=20)
    given = parser.parse_args()
    dataset, draw = load_dataset(), Random(0)
    model, train = ModelConfig(d_model=given.d_model), TrainConfig(steps=given.steps)
    cost("", dataset, model, replace(train, steps=given.steps // 10))
    ratios, shares = [], []
    for _ in range(given.pairs):
        spent = {
            what: cost(what, dataset, model, train) for what in draw.sample(["", given.what], 2)
        }
        (total, inside), (without, _) = spent[given.what], spent[""]
        ratios.append(log(total / without))
        shares.append(inside / total)
    low, high = interval(ratios)
    found = f"{percent(median(ratios)):+.2f} % ({percent(low):+.2f} to {percent(high):+.2f})"
    print(f"{given.what} at d_model {given.d_model}: {found}, {given.pairs} pairs")
    print(f"inside of it: {100 * median(shares):.2f} % of the thread's time")


if __name__ == "__main__":
    main()
