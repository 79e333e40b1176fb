"""Runs for people: the list, one of them, and two side by side."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from itertools import groupby
from time import time
from typing import Any

from eetui.core.run.commands import to_json
from eetui.core.run.log import read_log
from eetui.core.store.compare import Point, RunComparison
from eetui.core.store.run_record import Curves, Summary
from eetui.core.text import visible
from eetui.tui import figures
from eetui.tui.cli.output import print_text
from eetui.tui.sparks import age, sparkline

HEADINGS = ("id", "name", "loss curve", "loss", "held out", "step", "us/step", "age", "status")


def print_runs(runs: Sequence[Summary]) -> None:
    """A table with a row a run."""
    now = time()
    rows = [
        (
            run.id,
            ("* " if run.pinned else "") + visible(run.name, 30),
            sparkline(run.sparks),
            figures.nats(run.loss),
            figures.nats(run.held_out_loss),
            figures.count(run.step),
            figures.microseconds(run.us_per_step),
            age(now - run.updated),
            run.status + (f"  {visible(run.note, 40)}" if run.note else ""),
        )
        for run in runs
    ]
    _print_table((HEADINGS, *rows), left=(0, 1, 2, 8))


def print_run(
    run: Summary, curves: Curves, names: Sequence[dict[str, Any]], log: str | None
) -> None:
    """Everything about one run."""
    settings = run.settings
    print_text(f"{run.name} ({run.id}), {run.status}, {age(time() - run.updated)} ago")
    if run.note:
        print_text(f"note: {run.note}")
    print_text(
        f"{figures.count(run.step)} steps, loss {figures.nats(run.loss)}, held-out loss "
        f"{figures.nats(run.held_out_loss)}, {figures.microseconds(run.us_per_step)} us/step"
    )
    print_text(
        f"{run.seconds:.1f} s in steps, {run.wall_seconds:.1f} s by the clock, "
        f"{run.cpu_seconds:.1f} s of CPU time"
    )
    print_text(f"{run.cpu}, {run.instruction_set}, eetui {run.version}")
    print_text(f"data: {run.data or settings['data']}, fingerprint {run.data_fingerprint[:12]}")
    print_text(sparkline(run.sparks))
    print_text(", ".join(f"{key} {value}" for key, value in settings.items()))
    for step, group in groupby(names, key=lambda name: name["step"]):
        print_text(f"  {figures.count(step, 12)}  {'  '.join(name['text'] for name in group)}")
    entries = read_log(log).entries if log else ()
    print_text(f"{len(entries)} changes on the way, {len(curves.loss.steps)} points of the curve")
    for entry in entries:
        command = to_json(entry.change)
        words = visible(json.dumps(command), 80)
        print_text(f"  {figures.count(entry.step, 12)}  {words}")


def print_comparison(a: Summary, b: Summary, found: RunComparison) -> None:
    """What differs, both curves, and what the seeds say."""
    if found.differences:
        rows = [(key, str(x), str(y)) for key, (x, y) in found.differences.items()]
        _print_table((("", a.name, b.name), *rows), left=(0,))
    else:
        print_text("The two runs have the same settings.")
    for axis, points in (("step", found.by_steps), ("seconds", found.by_seconds)):
        if points:
            print_text("")
            heading = (axis, "loss A", "loss B", "held out A", "held out B")
            _print_table((heading, *(_point(point, axis) for point in points)), left=())
    print_text("")
    print_text(_verdict(a, b, found))


def _point(point: Point, axis: str) -> tuple[str, ...]:
    at = figures.count(point.at) if axis == "step" else f"{point.at:.3g}"
    losses = (point.loss_a, point.loss_b, point.held_out_a, point.held_out_b)
    return (at, *map(figures.nats, losses))


def _verdict(a: Summary, b: Summary, found: RunComparison) -> str:
    verdict = found.verdict
    if verdict is None:
        return (
            "Whether the difference is more than seeds explain cannot be told: train each of the "
            "two with at least two seeds."
        )
    answer = "more than seeds explain" if verdict.more_than_seeds else "no more than seeds explain"
    return (
        f"{verdict.what} of {b.name} less that of {a.name} at step {verdict.step:,}: "
        f"{verdict.difference:+.4f} nats, 95 % interval {verdict.low:+.4f} to {verdict.high:+.4f} "
        f"({verdict.n_a} and {verdict.n_b} seeds): {answer}."
    )


def _print_table(rows: Iterable[Sequence[str]], left: Sequence[int]) -> None:
    """Columns as wide as they must be; numbers stand right."""
    cells = [[visible(cell) for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    for row in cells:
        print_text(
            "  ".join(
                cell.ljust(width) if i in left else cell.rjust(width)
                for i, (cell, width) in enumerate(zip(row, widths, strict=True))
            ).rstrip()
        )
