"""How often a verdict errs on this machine: to be run by hand, pinned to one core.

    taskset -c 1 python tests/core/measure/calibration.py same --tries 200
    taskset -c 1 python tests/core/measure/calibration.py same --tries 200 --busy 1
    taskset -c 1 python tests/core/measure/calibration.py percent --tries 100 --seconds 1
    taskset -c 1 python tests/core/measure/calibration.py percent --tries 100 --seconds 3 --busy 1
    taskset -c 1 python tests/core/measure/calibration.py spread --tries 100 --seconds 0.5

same: a setting against itself. percent: one arm takes 101 steps where the other takes 100. spread:
a setting against itself for exactly so long, whatever the precision. --busy starts so many
processes that never rest, on the same core.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from statistics import median, stdev
from typing import Any

import numpy as np

from eetui.core.config import ModelConfig
from eetui.core.data.dataset import load_dataset
from eetui.core.engines.availability import choose_optimizations
from eetui.core.engines.base import Engine
from eetui.core.engines.subject import Subject
from eetui.core.measure import comparison
from eetui.core.measure.comparison import Arm, Comparison, compare
from eetui.core.measure.timer import mid_run
from eetui.core.verdict import Verdict


class OneMore:
    """An engine that takes 101 steps where it is asked for 100."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def __getattr__(self, name: str) -> Any:
        return getattr(self._engine, name)

    def run(self, state, dataset, model, train, optimizations, documents, rates, profile=False):
        again = documents[: len(documents) // 100]
        return self._engine.run(
            state,
            dataset,
            model,
            train,
            optimizations,
            np.concatenate([documents, again]),
            np.resize(rates, len(documents) + len(again)),
            profile,
        )


@contextmanager
def neighbours(n: int) -> Iterator[None]:
    """So many busy processes beside this one; they inherit the core it is pinned to."""
    started = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(n)]
    try:
        yield
    finally:
        for process in started:
            process.kill()
            process.wait()


def verdicts(what: str, d_model: int, tries: int, seconds: float) -> Iterator[Verdict]:
    """So many whole measurements, each on a comparison of its own."""
    subject = Subject(load_dataset(), ModelConfig(d_model=d_model))
    engine = subject.create_engine()
    chosen = choose_optimizations(engine, subject.model, ())
    state = mid_run(subject, engine, chosen)
    other: Any = OneMore(engine) if what == "percent" else engine
    n_steps = 100 if what == "percent" else None
    for _ in range(tries):
        a, b = Arm("100", subject, engine, chosen), Arm("101", subject, other, chosen)
        *_, last = compare(Comparison(a, b, state, n_steps=n_steps), seconds)
        yield last


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("what", choices=("same", "percent", "spread"))
    parser.add_argument("--tries", type=int, default=100)
    parser.add_argument("--seconds", type=float, default=1.0)
    parser.add_argument("--busy", type=int, default=0)
    parser.add_argument("--d-model", type=int, default=16)
    options = parser.parse_args()
    if options.what == "spread":
        comparison.PRECISION = 0.0
    truth = 1.0 if options.what == "percent" else 0.0
    with neighbours(options.busy):
        seen = [*verdicts(options.what, options.d_model, options.tries, options.seconds)]
    claims = sum(v.differs for v in seen)
    covered = sum(v.low <= truth <= v.high for v in seen)
    right = sum(v.low > 0 for v in seen)
    print(
        f"{options.what}, d_model {options.d_model}, {options.busy} busy, {seen[0].clock} clock: "
        f"{claims} of {len(seen)} claim a difference ({right} that the second is slower), "
        f"{covered} intervals hold {truth:g} %"
    )
    print(
        f"  medians: {median(v.pairs for v in seen):.0f} pairs in "
        f"{median(v.seconds for v in seen):.2f} s, half-width "
        f"{median(v.half_width for v in seen):.2f} %; the estimates' standard deviation "
        f"{stdev(v.estimate for v in seen):.2f} %"
    )


if __name__ == "__main__":
    main()
