"""`eetui ab`: two values of a setting compared, by time or by what they learn."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from eetui.core.digits import finite
from eetui.core.errors import UsageError
from eetui.core.measure.comparison import Comparison, compare
from eetui.core.measure.learning import SEEDS, STEPS, learn
from eetui.core.measure.limit import Limit
from eetui.core.measure.setting import Setting, parse_setting
from eetui.core.measure.timer import mid_run
from eetui.core.verdict import Metric, Verdict
from eetui.tui import verdicts
from eetui.tui.cli.console import data, waiting
from eetui.tui.cli.options import ModelOptions
from eetui.tui.cli.output import print_json
from eetui.tui.cli.runs import request_model

SECONDS = 3.0
"""Time of a comparison at the most, if nothing else is said."""
CLOCKS = {"cpu": "the training thread's CPU clock", "wall": "the wall clock"}


@dataclass(frozen=True, slots=True)
class AbOptions:
    """How two values are compared. None: not given."""

    metric: Metric = "time"
    seconds: float | None = None
    steps: int | None = None
    seeds: int | None = None


def run(text: str, options: ModelOptions, way: AbOptions, *, as_json: bool = False) -> int:
    """Compare what `text` names and print the verdict; gives the exit code."""
    request = request_model(options)
    subject = request.subject
    setting = parse_setting(text, subject, subject.create_engine(), request.assignments)
    with waiting() as tell:
        for verdict in _verdicts(setting, way):
            if tell:
                tell(f"{verdicts.finding(verdict)} ({verdicts.count(verdict)})")
    if as_json:
        print_json(to_json(setting, verdict))
    else:
        _print(setting, verdict)
    return 0


def _verdicts(setting: Setting, way: AbOptions) -> Iterator[Verdict]:
    if way.metric == "loss":
        limit = Limit(STEPS if way.steps is way.seconds is None else way.steps, way.seconds)
        yield from learn(setting.a, setting.b, limit, SEEDS if way.seeds is None else way.seeds)
        return
    for name, value in (("--steps", way.steps), ("--seeds", way.seeds)):
        if value is not None:
            raise UsageError(f"{name} belongs to --metric loss.")
    seconds = SECONDS if way.seconds is None else way.seconds
    Limit(seconds=seconds)
    a, b = setting.a, setting.b
    same = a.subject.model == b.subject.model
    states = [
        mid_run(arm.subject, arm.engine, arm.optimizations) for arm in ((a,) if same else (a, b))
    ]
    yield from compare(Comparison(a, b, *states), seconds)


def to_json(setting: Setting, verdict: Verdict) -> dict[str, Any]:
    """What --json prints; an end of the interval that is not finite is null."""
    low, high = (finite(end) for end in (verdict.low, verdict.high))
    return {
        "setting": setting.key,
        "a": setting.a.label,
        "b": setting.b.label,
        "metric": verdict.metric,
        "change_percent": verdict.estimate,
        "low": low,
        "high": high,
        "pairs": verdict.pairs,
        "seconds": verdict.seconds,
        "clock": verdict.clock,
        "verdict": verdict.words,
    }


def _print(setting: Setting, verdict: Verdict) -> None:
    console = data()
    a, b = setting.a, setting.b
    subject = a.subject
    model, engine = subject.model, a.engine
    console.print(
        f"{setting.key}: {a.label} → {b.label}   ({engine.name} "
        f"{engine.instruction_set(a.optimizations)}, d_model {model.d_model}, heads "
        f"{model.n_heads}, layers {model.n_layers}, batch {subject.train.batch}, data "
        f"{subject.dataset.name})"
    )
    if verdict.metric == "loss":
        console.print(f"loss   {verdict.typical_a:.4f} → {verdict.typical_b:.4f} nats, medians")
    else:
        console.print(
            f"time   {verdict.typical_a:,.3f} → {verdict.typical_b:,.3f} us a sample by "
            f"{CLOCKS[verdict.clock]}, medians"
        )
    says = f"{b.label}: {verdict.words}" if verdict.differs else ""
    told = f"{verdicts.finding(verdict)}   ({verdicts.count(verdict)}, {verdict.seconds:.1f} s)"
    console.print(f"{says}   {told}" if says else told)
    if verdict.difference is not None:
        middle, low, high = verdict.difference
        console.print(f"paired difference {middle:+.4f} nats, 95 % from {low:+.4f} to {high:+.4f}")
    elif setting.kind == "learning":
        console.print(
            "Time alone does not decide this setting: --metric loss judges it by what it learns."
        )
