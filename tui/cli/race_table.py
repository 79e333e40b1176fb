"""The tables of `eetui race`."""

from __future__ import annotations

from collections.abc import Sequence

from eetui.core.race.league import League
from eetui.core.race.standing import ContestantStatus, Standing
from eetui.core.race.studies.launch_model import COMPUTE_US, LAUNCHES, SCENARIOS, LaunchResult
from eetui.core.race.studies.one_second import OneSecondResult
from eetui.core.race.studies.published import MACHINE, find_published
from eetui.tui import figures, standings
from eetui.tui.cli.console import data


def print_league(league: League) -> None:
    """The league, the fastest first; below it what each ran on, or why it did not run."""
    from rich.table import Table

    console = data()
    model, train = league.model, league.train
    console.print(
        f"{league.rules} rules, d_model {model.d_model}, heads {model.n_heads}, "
        f"layers {model.n_layers}, data {league.data}, seed {train.seed}\n",
    )
    table = Table(box=None, padding=(0, 1, 0, 0), header_style="dim", pad_edge=False)
    table.add_column("contestant", no_wrap=True)
    below = f"<{league.plan.threshold:g} at"
    loss = "held out" if league.n_held_out else "loss"
    for heading in ("us/sample", "speed-up", "samples", loss, below, "params"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("work a sample", no_wrap=True)
    table.add_column("on M5", justify="right", no_wrap=True, style="dim")
    if league.energy:
        table.add_column("mJ/step", justify="right", no_wrap=True)
    for s in league.ranking:
        if s.steps:
            table.add_row(*_row(s, league))
    console.print(table)
    if league.base:
        console.print(f"\nspeed-up over {league.base}")
    console.print(
        "held out: the loss on documents that no contestant is trained on"
        if league.n_held_out
        else "loss: in training, on all documents; none is held out",
        style="dim",
    )
    console.print(
        f"on M5: what others have published for a program of that kind on an {MACHINE}", style="dim"
    )
    others = Table(box=None, padding=(0, 2, 0, 0), show_header=False, style="dim")
    others.add_column(no_wrap=True)
    others.add_column()
    for s in league.standings:
        if s.steps and (s.model or s.detail):
            others.add_row(s.name, ", ".join(filter(None, (s.model, s.detail))))
        if s.reason:
            others.add_row(s.name, f"{s.status}: {s.reason}")
        elif not s.is_over or s.status is ContestantStatus.SKIPPED:
            others.add_row(s.name, f"{s.status} after {s.steps:,} steps")
    if others.row_count:
        console.print()
        console.print(others)


def _row(s: Standing, league: League) -> list[str]:
    figure = find_published(s.name, league.model.d_model, s.batch)
    row = [
        s.name,
        figures.pace(s.us_per_sample),
        figures.speedup(s.speedup),
        figures.step(s.samples),
        figures.nats(league.compared_loss(s)),
        figures.ABSENT if s.reached is None else f"{s.reached:.2f} s",
        figures.count(s.n_params),
        " ".join(standings.work(s)).strip(),
        figures.pace(figure.us_per_sample) if figure else "",
    ]
    if league.energy:
        joules = s.joules_per_step
        row.append(figures.ABSENT if joules is None else f"{joules * 1e3:,.3g}")
    return row


def print_one_second(results: Sequence[OneSecondResult]) -> None:
    """The best loss within one second, and EEmicroGPT's."""
    from rich.table import Table

    console = data()
    console.print("\nthe best loss within one second\n")
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim", pad_edge=False)
    for heading in ("d_model", "contestant", "us/step", "steps", "loss", "EEmicroGPT, M5"):
        numeric = heading not in ("contestant",)
        table.add_column(heading, justify="right" if numeric else "left")
    for r in results:
        if r.reason:
            continue
        published = figures.ABSENT if r.published is None else f"{r.published:.4f}"
        loss = figures.ABSENT if r.loss is None else f"{r.loss:.4f}"
        steps = figures.count(r.steps)
        table.add_row(
            str(r.d_model), r.contestant, figures.pace(r.us_per_step), steps, loss, published
        )
    console.print(table)
    for name, reason in {r.contestant: r.reason for r in results if r.reason}.items():
        console.print(f"\n{name}: {reason}", style="dim")


def print_launches(launches: Sequence[LaunchResult]) -> None:
    """The launch model: a step measured here, and EEmicroGPT's model of a GPU."""
    from rich.table import Table

    console = data()
    console.print("\na step here and a GPU's launches, us a step\n")
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim", pad_edge=False)
    table.add_column("d_model", justify="right")
    table.add_column("here")
    for scenario in SCENARIOS:
        table.add_column(f"GPU, {scenario.name}", justify="right", style="dim")
    gpus = [*dict.fromkeys(s.name for launch in launches for s in launch.gpus)]
    for name in gpus:
        table.add_column(name, justify="right")
    for launch in launches:
        best = launch.best
        measured = {s.name: s.us_per_step for s in launch.gpus}
        table.add_row(
            str(launch.d_model),
            f"{figures.pace(best.us_per_step)} {best.name}" if best else figures.ABSENT,
            *(figures.pace(scenario.us_per_step) for scenario in SCENARIOS),
            *(figures.pace(measured.get(name)) for name in gpus),
        )
    console.print(table)
    costs = ", ".join(f"{s.launch_us:g}" for s in SCENARIOS)
    console.print(
        f"\nThe GPU columns are EEmicroGPT's model: {LAUNCHES} launches at {costs} us and "
        f"{COMPUTE_US:g} us of computing. What stands right of them was measured here.",
        style="dim",
    )
