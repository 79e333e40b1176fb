"""The tables of `eetui sweep`."""

from __future__ import annotations

from eetui.core.sweep.point import SweepPoint
from eetui.core.sweep.progress import SweepProgress, beats, front
from eetui.core.sweep.shipped import SWEEP_SH, TIME_TO_2, TIME_TO_2_PUBLISHED, beside
from eetui.core.sweep.space import written
from eetui.tui import figures
from eetui.tui.cli.console import PlainConsole, data

BEST = 10


def print_sweep(standing: SweepProgress) -> None:
    """The league, the front, what the settings matter, and what was published."""
    console = data()
    plan = standing.plan
    fixed = ", ".join(f"{key} {written(value)}" for key, value in plan.space.fixed)
    console.print(f"{standing.study}: {plan.aim.words}, {plan.sampler}, {fixed}")
    console.print(_counts(standing), style="dim")
    _print_league(console, standing)
    _print_front(console, standing)
    if standing.importances:
        words = (f"{key} {100 * share:.0f} %" for key, share in standing.importances.items())
        console.print(f"\nwhat the settings matter (PED-ANOVA): {', '.join(words)}")
    if plan.study == SWEEP_SH:
        _print_sweep_sh(console, standing)
    if plan.study == TIME_TO_2:
        p = TIME_TO_2_PUBLISHED
        console.print(
            f"\nEEmicroGPT's essay: d_model {p['d_model']}, batch {p['batch']}, learning rate "
            f"{p['learning_rate']}, {p['seconds']} s on an {p['machine']}",
            style="dim",
        )


def _counts(standing: SweepProgress) -> str:
    words = [f"{standing.over:,} of {standing.plan.total:,} points"]
    for state in ("pruned", "missed", "diverged", "failed"):
        if n := standing.count(state):
            words.append(f"{n:,} {state}")
    words.append(f"{standing.seconds:.1f} s on {standing.workers} workers")
    if standing.training_share is not None:
        words.append(f"{100 * standing.training_share:.0f} % of it training")
    return ", ".join(words)


def _print_league(console: PlainConsole, standing: SweepProgress) -> None:
    from rich.table import Table

    league = standing.league[:BEST]
    if not league:
        console.print("\nNo point came to its end.")
        return
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim", pad_edge=False)
    keys = [dimension.key for dimension in standing.plan.space.dimensions]
    for key in keys:
        table.add_column(key, justify="right", no_wrap=True)
    for heading in (standing.plan.aim.words, "95 % interval", "held out", "loss", "training"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("", no_wrap=True)
    for i, point in enumerate(league):
        following = league[i + 1] if i + 1 < len(league) else None
        better = "beats the next" if following is not None and beats(point, following) else ""
        table.add_row(*(written(point.settings[key]) for key in keys), *_row(point), better)
    console.print()
    console.print(table)


def _row(point: SweepPoint) -> list[str]:
    ends = point.interval
    return [
        figures.ABSENT if point.mean is None else f"{point.mean:.4f}",
        "" if ends is None else f"{ends[0]:.4f} to {ends[1]:.4f}",
        figures.nats(point.held_out),
        figures.nats(point.loss),
        figures.duration(point.seconds),
    ]


def _print_front(console: PlainConsole, standing: SweepProgress) -> None:
    from rich.table import Table

    places = front(standing.points)
    if not places:
        return
    console.print("\nthe front: the lowest held-out loss after so many seconds of training\n")
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim", pad_edge=False)
    table.add_column("seconds", justify="right")
    table.add_column("held out", justify="right")
    table.add_column("settings")
    for place in places:
        words = ", ".join(f"{key} {written(value)}" for key, value in place.settings.items())
        table.add_row(figures.duration(place.seconds), f"{place.loss:.4f}", words)
    console.print(table)


def _print_sweep_sh(console: PlainConsole, standing: SweepProgress) -> None:
    from rich.table import Table

    console.print("\nbeside EEmicroGPT's own table, from an Apple M5 (losses of one batch)\n")
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim", pad_edge=False)
    for heading in ("setting", "value", "held out", "loss", "training"):
        table.add_column(heading, justify="left" if heading == "setting" else "right")
    for heading in ("its loss", "SME2", "its training", "SME2"):
        table.add_column(heading, justify="right", style="dim")
    for line, point in beside(standing.points):
        own = [figures.ABSENT] * 3
        if point is not None:
            seconds = figures.duration(point.seconds)
            own = [figures.nats(point.held_out), figures.nats(point.loss), seconds]
        theirs = [figures.duration(ms / 1e3) for ms in (line.ms, line.ms_sme2)]
        losses = [f"{line.loss:.3f}", f"{line.loss_sme2:.3f}"]
        table.add_row(line.key, written(line.value), *own, *losses, *theirs)
    console.print(table)
