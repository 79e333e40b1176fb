"""`eetui bench`: a measurement as a table or as JSON."""

from __future__ import annotations

from dataclasses import asdict

from eetui.core.engines.availability import choose_optimizations
from eetui.core.measure import bench
from eetui.tui.cli.console import data, waiting
from eetui.tui.cli.options import ModelOptions
from eetui.tui.cli.output import print_json
from eetui.tui.cli.runs import request_model

WIDE_SPREAD = 1.2
"""Slowest over fastest run from which on a measurement says that it was disturbed."""


def run(options: ModelOptions, repeats: int, *, as_json: bool = False) -> int:
    """Measure what `options` ask for and print it; gives the exit code."""
    request = request_model(options)
    with waiting() as tell:
        engine, subject = request.subject.create_engine(), request.subject
        report = bench.measure(
            subject,
            engine,
            choose_optimizations(engine, subject.model, request.assignments),
            repeats,
            tell,
        )
    if as_json:
        print_json(asdict(report))
    else:
        _print_table(report)
    return 0


def _print_table(report: bench.BenchReport) -> None:
    from rich.table import Table

    console = data()
    toggles = ", ".join(f"{key} {label}" for key, label in report.optimizations.items())
    console.print(
        f"{report.engine} ({report.isa}), d_model {report.d_model}, heads {report.n_heads}, "
        f"layers {report.n_layers}, batch {report.batch}, data {report.data}\n{toggles}\n"
    )
    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
    table.add_column()
    table.add_column(justify="right")
    table.add_column()
    spread = f"{report.us_per_step_min:,.2f} to {report.us_per_step_max:,.2f}"
    runs = f"{report.repeats} x {report.steps_per_run:,} steps"
    table.add_row("step", f"{report.us_per_step:,.2f}", f"us   median of {runs}, {spread}")
    table.add_row("sample", f"{report.us_per_sample:,.2f}", "us")
    clock = "the training thread's CPU clock" if report.clock == "cpu" else "the wall clock"
    table.add_row("clock", report.clock, f"step, sample, rate and peak are by {clock}")
    table.add_row("wall clock", f"{report.wall_us_per_step:,.2f}", "us a step")
    table.add_row("samples", f"{report.samples_per_second:,.0f}", "a second, by the wall clock")
    table.add_row(
        "work",
        f"{report.mflop_per_step:,.2f}",
        f"MFLOP a step, nominal: for {report.nominal_positions:.3g} positions a document; "
        f"these have {report.mean_positions:.3g}",
    )
    table.add_row("rate", f"{report.gflops:,.1f}", "GFLOP/s")
    table.add_row("peak of a core", f"{report.peak_gflops:,.1f}", "GFLOP/s, measured in between")
    table.add_row("share of peak", f"{report.percent_of_peak:,.1f}", "%")
    if report.mflop_counted is not None and report.percent_of_peak_counted is not None:
        table.add_row(
            "work done",
            f"{report.mflop_counted:,.2f}",
            "MFLOP a step, counted: shared prefixes once",
        )
        table.add_row("of peak, done", f"{report.percent_of_peak_counted:,.1f}", "%")
    console.print(table)
    if report.us_per_step_max > WIDE_SPREAD * report.us_per_step_min:
        console.print("\nThe runs differ widely: something else may be using the core.")
    if not report.phases_us:
        console.print(f"\nThe {report.engine} engine does not time its phases.")
        return
    total = sum(report.phases_us.values())
    phases = Table(box=None, padding=(0, 2, 0, 0), title_justify="left")
    phases.add_column("phase")
    phases.add_column("us", justify="right")
    phases.add_column("%", justify="right")
    for name, us in report.phases_us.items():
        phases.add_row(name.replace("_", " "), f"{us:,.2f}", f"{100 * us / total:,.1f}")
    phases.add_row("all, with the clocks on", f"{total:,.2f}", "")
    console.print()
    console.print(phases)
