"""The text of a report as Markdown."""

from __future__ import annotations

import platform
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version

from eetui.core import cpu
from eetui.core.race.lane import HELD_OUT
from eetui.core.race.league import League
from eetui.core.race.record import WINDOW_SAMPLES, WINDOW_STEPS
from eetui.core.race.report.words import ABSENT, speedup
from eetui.core.race.standing import Standing
from eetui.core.race.studies.launch_model import COMPUTE_US, LAUNCHES, SCENARIOS, LaunchResult
from eetui.core.race.studies.one_second import OneSecondResult
from eetui.core.race.studies.published import MACHINE, find_published
from eetui.core.version import version as own_version

LIBRARIES = ("numpy", "numba", "torch", "jax", "mlx")


def markdown(
    league: League,
    one_second: Sequence[OneSecondResult] = (),
    launches: Sequence[LaunchResult] = (),
) -> str:
    """The report's text, which shows the charts league.svg and loss.svg."""
    parts = [
        f"# {_count(league)} ways of training one GPT",
        _conditions(league),
        "## The league",
        "![Microseconds a sample](league.svg)",
        _table(league),
        _notes(league),
        "## Loss against seconds",
        "![Loss against seconds of training](loss.svg)",
        "Every contestant's own seconds of training; a point is the mean of the losses in the "
        "last third of the time before it.",
    ]
    if one_second:
        parts += ["## The best loss within one second", _one_second(one_second)]
    if launches:
        parts += ["## A GPU's launches", _launch_model(launches)]
    if any(s.names for s in league.standings):
        parts += ["## What they generate", _names(league)]
    return "\n\n".join(part for part in parts if part) + "\n"


def _count(league: League) -> int:
    return sum(s.steps > 0 for s in league.standings)


def _conditions(league: League) -> str:
    """Machine, versions, seed and protocol: what another needs to do it again."""
    host, model, train, plan = cpu.detect(), league.model, league.train, league.plan
    libraries = [f"eetui {own_version()}"]
    libraries.append(f"{platform.python_implementation()} {platform.python_version()}")
    for name in LIBRARIES:
        try:
            libraries.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            continue
    if league.rules == "microgpt":
        rules = (
            "microgpt's rules: Karpathy's draws of the weights, his order of the documents, one "
            f"document a step, learning rate {train.learning_rate:g} falling to zero over "
            f"{train.steps:,} steps"
        )
    else:
        rate = "constant" if train.schedule == "constant" else f"linear over {train.steps:,} steps"
        rules = (
            "equal rules: the same initial weights, each contestant with the batch it is made for "
            f"(at most {train.batch}), learning rate {train.learning_rate:g}, {rate}"
        )
    limits = [f"{plan.seconds:g} s of training each"] if plan.seconds is not None else []
    limits += [f"{plan.steps:,} steps each"] if plan.steps is not None else []
    order = "one contestant after another" if plan.turns else "slices of about 50 ms in turn"
    return "\n".join(
        [
            f"- **Model**: a transformer with d_model {model.d_model}, {model.n_heads} heads, "
            f"{model.n_layers} block{'s' if model.n_layers > 1 else ''}, block size "
            f"{model.block_size}, {model.activation}: {model.n_params:,} parameters.",
            f"- **Protocol**: {rules}. {' and '.join(limits)}, {order}.",
            f"- **Data**: {league.data}, seed {train.seed}.",
            f"- **Machine**: {host.name}, {host.instruction_set}, {host.cores} cores for this "
            f"program, {platform.system()} {platform.machine()}.",
            f"- **Software**: {', '.join(libraries)}.",
            f"- **Date**: {datetime.now(UTC):%Y-%m-%d}.",
        ]
    )


def _table(league: League) -> str:
    head = [
        "contestant", "us/sample", "speed-up", "samples",
        "held-out loss" if league.n_held_out else "loss", f"< {league.plan.threshold:g} at",
        "parameters", "work", "on an M5",
    ]  # fmt: skip
    if league.energy:
        head.append("mJ/step")
    rows = []
    for s in league.ranking:
        if not s.steps:
            continue
        loss = league.compared_loss(s)
        figure = find_published(s.name, league.model.d_model, s.batch)
        row = [
            f"`{s.name}`" + (" (another model)" if s.model else ""),
            _us(s.us_per_sample),
            speedup(s.speedup),
            f"{s.samples:,}",
            f"{loss:.3f}" if loss is not None else ABSENT,
            f"{s.reached:.2f} s" if s.reached is not None else ABSENT,
            f"{s.n_params:,}",
            work_words(s) or ABSENT,
            f"{_us(figure.us_per_sample)} ({figure.program})" if figure else ABSENT,
        ]
        if league.energy:
            row.append(
                f"{s.joules_per_step * 1e3:,.3g}" if s.joules_per_step is not None else ABSENT
            )
        rows.append(row)
    return _markdown_table(head, rows)


def work_words(s: Standing) -> str:
    """What a sample costs in a contestant's own terms: '57,012 autograd nodes', '21 ... for 16'."""
    if s.work is None:
        return ""
    shared = f" for {s.work.samples}" if s.work.samples > 1 else ""
    return f"{s.work.count:,} {s.work.unit}{shared}"


def _about_losses(league: League) -> str:
    if league.n_held_out:
        return (
            f"A held-out loss is that of the first {min(league.n_held_out, HELD_OUT)} of "
            f"{league.n_held_out:,} documents that no contestant is trained on, in nats a "
            "predicted character, measured after the last step. The chart of losses has those in "
            "training."
        )
    return (
        "Every contestant trains on all documents: none is held out. A loss is the mean of the "
        "last 100 steps (of the second half if there are fewer than 200), in nats a predicted "
        "character."
    )


def _notes(league: League) -> str:
    lines = [
        f"Speed-ups are over {league.base}." if league.base else "",
        f"{_about_losses(league)} The threshold counts as reached by the mean of the losses of "
        f"{WINDOW_STEPS} steps, of more where those are fewer than {WINDOW_SAMPLES:,} documents. "
        "Compiling and generating names are not on the clocks.",
        f"The last column has what others have published for a program of the same kind, on an "
        f"{MACHINE}; it enters no other figure.",
    ]
    lines += [f"Energy: {league.energy}, during each one's slices."] if league.energy else []
    details = [
        f"- `{s.name}`: {', '.join(filter(None, (s.model, s.detail)))}"
        for s in league.standings
        if s.steps and (s.model or s.detail)
    ]
    lines += ["\n".join(["What they are and run on:", "", *details])] if details else []
    absent = [s for s in league.standings if s.reason]
    if absent:
        lines.append(
            "\n".join(["Listed, but not measured to the end:", ""]
            + [f"- `{s.name}`: {s.reason}" for s in absent])
        )  # fmt: skip
    return "\n\n".join(line for line in lines if line)


def _one_second(results: Sequence[OneSecondResult]) -> str:
    rows = [
        [
            str(r.d_model),
            f"`{r.contestant}`",
            f"{r.us_per_step:,.1f}" if r.us_per_step is not None else ABSENT,
            f"{r.steps:,}" if r.steps else ABSENT,
            f"{r.loss:.4f}" if r.loss is not None else ABSENT,
            f"{r.published:.4f}" if r.published is not None else ABSENT,
        ]
        for r in results
        if not r.reason
    ]
    table = _markdown_table(
        ["d_model", "contestant", "us/step", "steps", "loss", "EEmicroGPT on an M5"], rows
    )
    reasons = {r.contestant: r.reason for r in results if r.reason}
    absent = "".join(f"\n\n`{name}`: {reason}" for name, reason in reasons.items())
    return (
        f"{table}{absent}\n\nAs many steps as fit, by the pace of a trial run, with a learning "
        f"rate that falls to zero over them; batch {results[0].batch}, mean loss of the last 100 "
        "steps. All documents are trained on, as by the published program: none is held out."
    )


def _launch_model(launches: Sequence[LaunchResult]) -> str:
    gpus = [*dict.fromkeys(s.name for launch in launches for s in launch.gpus)]
    head = ["d_model", "here, us/step", *(s.name for s in SCENARIOS), *(f"`{g}`" for g in gpus)]
    rows = []
    for launch in launches:
        best = launch.best
        measured = {s.name: s.us_per_step for s in launch.gpus}
        modelled = []
        for scenario in SCENARIOS:
            factor = launch.factor(scenario)
            times = f" ({speedup(factor)})" if factor is not None else ""
            modelled.append(f"{scenario.us_per_step:,.0f}{times}")
        rows.append(
            [
                str(launch.d_model),
                f"{best.us_per_step:,.1f} (`{best.name}`)" if best and best.us_per_step else ABSENT,
                *modelled,
                *(_us(measured.get(name)) for name in gpus),
            ]
        )
    costs = ", ".join(f"{s.launch_us:g} us ({s.name})" for s in SCENARIOS)
    return (
        f"{_markdown_table(head, rows)}\n\nThe columns of GPUs are EEmicroGPT's model, not "
        f"measurements: {LAUNCHES} kernel launches a step at {costs}, and {COMPUTE_US:g} us of "
        f"computing; batch {launches[0].batch}."
        + (" The last columns were measured here." if gpus else " No GPU was measured here.")
    )


def _names(league: League) -> str:
    rows = []
    for s in league.standings:
        for names in (s.names[0], s.names[-1]) if len(s.names) > 1 else s.names:
            texts = ", ".join(name.replace("|", r"\|") for name in names.texts)
            rows.append([f"`{s.name}`", f"{names.step:,}", f"{names.seconds:,.3g} s", texts])
    return _markdown_table(["contestant", "step", "after", "names"], rows)


def _markdown_table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _us(value: float | None) -> str:
    if value is None:
        return ABSENT
    return f"{value:,.2f}" if value < 100 else f"{value:,.0f}"
