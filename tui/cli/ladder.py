"""`eetui ladder`: the climb as a waterfall or as JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from eetui.core.engines.availability import choose_optimizations
from eetui.core.measure.climb import climb
from eetui.core.measure.ladder import Gain, Ladder, Rung
from eetui.core.optimizations import assigned, labels
from eetui.tui import figures, waterfall
from eetui.tui.cli.console import data, waiting
from eetui.tui.cli.options import ModelOptions
from eetui.tui.cli.output import print_json
from eetui.tui.cli.runs import request_model
from eetui.tui.waterfall import BarRole

if TYPE_CHECKING:
    from rich.text import Text

STYLES = {
    BarRole.BLANK: "",
    BarRole.TIME: "yellow",
    BarRole.SAVED: "dim",
    BarRole.COST: "red",
    BarRole.MARK: "dim cyan",
}
FIGURES_WIDTH = 54
"""Columns of all that stands beside a bar, without the six gaps."""
ALONE_WIDTH = 13
ROOMY = 90
"""Columns from which on a gap has two of them."""
LEAST_BAR = 6
CLOCKS = {"cpu": "by the training thread's CPU clock", "wall": "by the wall clock"}


def run(options: ModelOptions, rounds: int, *, ablate: bool = False, as_json: bool = False) -> int:
    """Climb as `options` ask for and print it; gives the exit code."""
    request = request_model(options)
    with waiting() as tell:
        engine = request.subject.create_engine()
        chosen = choose_optimizations(engine, request.subject.model, request.assignments)
        pinned = {key: getattr(chosen, key) for key in assigned(request.assignments)}
        for ladder in climb(request.subject, pinned, rounds, ablate=ablate, engine=engine):
            if tell:
                tell(ladder.doing)
    if as_json:
        print_json(_json(ladder))
    else:
        _print_waterfall(ladder)
    return 0


def _json(ladder: Ladder) -> dict[str, Any]:
    model, top = ladder.model, ladder.highest
    assert top is not None  # a climb ends with all of its rungs measured
    return {
        "engine": ladder.engine,
        "isa": ladder.isa,
        "d_model": model.d_model,
        "n_heads": model.n_heads,
        "n_layers": model.n_layers,
        "block_size": model.block_size,
        "activation": model.activation,
        "batch": ladder.batch,
        "data": ladder.data,
        "seed": ladder.seed,
        "pinned": ladder.pinned,
        "rounds": ladder.rounds,
        "clock": ladder.clock,
        "us_per_step": top.us,
        "factor": ladder.factor(top),
        "together": _gain_json(ladder.together),
        "rungs": [_rung_json(ladder, rung) for rung in ladder.rungs],
    }


def _rung_json(ladder: Ladder, rung: Rung) -> dict[str, Any]:
    return {
        "key": rung.key,
        "label": rung.label,
        "optimizations": None if rung.optimizations is None else labels(rung.optimizations),
        "us_per_step": rung.us,
        "gain": _gain_json(rung.gain),
        "alone": _gain_json(rung.alone),
        "factor": ladder.factor(rung),
        "m5_gain_percent": rung.m5_gain,
        "aside": rung.aside,
        "reason": rung.reason,
    }


def _gain_json(gain: Gain | None) -> dict[str, Any] | None:
    """A gain's figures, which are null where its pairs disagree."""
    if gain is None:
        return None
    return {
        "percent": gain.estimate if gain.is_known else None,
        "low": gain.low if gain.is_known else None,
        "high": gain.high if gain.is_known else None,
        "pairs": gain.pairs,
        "is_some": gain.is_some,
    }


def _print_waterfall(ladder: Ladder) -> None:
    from rich.table import Table

    console = data()
    model = ladder.model
    held = ", ".join(f"{key} {label}" for key, label in ladder.pinned.items())
    console.print(
        f"{ladder.engine} ({ladder.isa}), d_model {model.d_model}, heads {model.n_heads}, "
        f"layers {model.n_layers}, batch {ladder.batch}, data {ladder.data}"
        + (f"\nheld on every rung: {held}" if held else "")
    )
    console.print()
    gap = 2 if console.width >= ROOMY else 1
    figures_width = FIGURES_WIDTH + (ALONE_WIDTH if ladder.is_ablated else 0)
    on = waterfall.scale(ladder, max(console.width - figures_width - 6 * gap, LEAST_BAR))
    table = Table(box=None, padding=(0, gap, 0, 0), header_style="dim", pad_edge=False)
    table.add_column("rung", no_wrap=True)
    headings = ("us/step", "gain", "spread", *(("alone",) if ladder.is_ablated else ()))
    for heading in headings:
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("", no_wrap=True, width=on.width)
    table.add_column("so far", justify="right", no_wrap=True)
    table.add_column("on M5", justify="right", no_wrap=True, style="dim")
    for rung in ladder.climbed:
        table.add_row(
            waterfall.label(rung),
            figures.microseconds(rung.us),
            waterfall.gain(rung.gain),
            waterfall.spread(rung.gain),
            *((waterfall.alone(rung.alone),) if ladder.is_ablated else ()),
            _bar(rung, on),
            waterfall.factor(ladder, rung),
            waterfall.on_m5(rung),
        )
    console.print(table)
    console.print(f"\n{waterfall.together(ladder)}, {CLOCKS[ladder.clock]}")
    console.print(
        "gain: what the rung saves of the one below, with a 95 % interval; none: it holds zero"
        + ("\nalone: what it saves where all others are on" if ladder.is_ablated else ""),
        style="dim",
    )
    if warning := waterfall.disturbed(ladder):
        console.print(warning)
    console.print()
    others = Table(box=None, padding=(0, 2, 0, 0), show_header=False, style="dim")
    others.add_column(no_wrap=True)
    others.add_column()
    for rung in ladder.impossible:
        others.add_row(rung.label, rung.reason)
    console.print(others)
    console.print(
        f"\n{waterfall.FULL} time of a step, logarithmic  {waterfall.SAVED} what the rung saves  "
        f"{waterfall.MARK} where it would end with the gain that EEmicroGPT's author reports on an "
        "Apple M5",
        style="dim",
    )


def _bar(rung: Rung, on: waterfall.Scale) -> Text:
    from rich.text import Text

    return Text.assemble(*((text, STYLES[role]) for text, role in waterfall.bar(rung, on)))
