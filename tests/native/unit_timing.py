"""How fast a step is with every way of computing the products that this CPU has, in one command.

    taskset -c 1 python tests/native/unit_timing.py
    taskset -c 1 python tests/native/unit_timing.py amx amx-split --seconds 10

Each way is compared with register tiles in pairs, at d_model 16 to 128, batch 16. The table has the
microseconds of a step, the ratio of the speeds with its 95 % interval, and the share of the core's
float32 peak that the nominal work of a step makes.
"""

from __future__ import annotations

import argparse

from eetui.core.config import ModelConfig, default_n_heads
from eetui.core.data.dataset import load_dataset
from eetui.core.engines import peak
from eetui.core.engines.availability import judge
from eetui.core.engines.native.engine import NativeEngine
from eetui.core.engines.subject import Subject
from eetui.core.measure.comparison import Arm, Comparison, compare
from eetui.core.measure.timer import mid_run
from eetui.core.optimizations import find_optimization
from eetui.core.verdict import Verdict

WIDTHS = (16, 32, 64, 128)
BASE = "tiles"


def timed(engine: NativeEngine, subject: Subject, products: str, seconds: float) -> Verdict:
    """One way of computing the products beside register tiles."""
    base = engine.default_optimizations().with_value("products", BASE)
    state = mid_run(subject, engine, base)
    ways = (base, base.with_value("products", products))
    a, b = (Arm("", subject, engine, way) for way in ways)
    *_, verdict = compare(Comparison(a, b, state), seconds)
    return verdict


def ratio(percent: float) -> float:
    """How many times faster, of a change of time in per cent."""
    return 1 / (1 + percent / 100)


def main() -> None:
    """Print a row of Markdown for each way and width, and why the others cannot be."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("ways", nargs="*", help="values of the toggle products; all by default")
    parser.add_argument("--seconds", type=float, default=5.0, help="of each comparison")
    options = parser.parse_args()
    engine, names = NativeEngine(), load_dataset()
    judged = judge(engine, find_optimization("products"))
    for value in options.ways or [str(v) for v in judged.why_not if v != BASE]:
        if judged.why_not[value]:
            print(f"{value}: {judged.why_not[value]}", flush=True)
            continue
        for d_model in WIDTHS:
            subject = Subject(
                names, ModelConfig(d_model, default_n_heads(d_model)), engine=engine.name
            )
            told = timed(engine, subject, value, options.seconds)
            us = told.typical_b * subject.train.batch
            work = subject.model.flops_per_step(subject.train.batch, names.nominal_positions)
            print(
                f"| {value} | {d_model} | {us:.1f} | {ratio(told.estimate):.2f} "
                f"({ratio(told.high):.2f} to {ratio(told.low):.2f}) | "
                f"{100 * work / us / 1e3 / peak.measure(engine):.0f} % |",
                flush=True,
            )


if __name__ == "__main__":
    main()
