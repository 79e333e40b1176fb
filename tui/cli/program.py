"""The program `eetui`: its commands and their options."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from eetui.core.errors import UsageError
from eetui.tui.cli.options import ModelOptions, RunOptions, given, taking
from eetui.tui.cli.output import JSON, is_interactive
from eetui.tui.cli.race_options import RaceOptions
from eetui.tui.cli.store import File, Run, runs

if TYPE_CHECKING:
    from eetui.tui.cli.sweep_options import SweepOptions

COMMANDS = (
    *("train", "sample", "bench", "ab", "lab", "ladder", "race", "sweep"),
    *("runs", "export", "replay", "doctor"),
)
NOT_CONFIGURABLE = {"save", "load", "resume", "no_store", "seconds", "preset"}
CONFIGURABLE = {field.name for field in fields(RunOptions)} - NOT_CONFIGURABLE

app = typer.Typer(
    name="eetui",
    context_settings={"help_option_names": ["-h", "--help"]},
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
)


def _print_version(wanted: bool) -> None:
    if wanted:
        from eetui.core.version import version

        typer.echo(f"eetui {version()}")
        raise typer.Exit


Version = Annotated[
    bool,
    typer.Option("--version", help="Tell the version.", callback=_print_version, is_eager=True),
]


@app.callback(
    invoke_without_command=True,
    epilog=(
        "Every option can also come from the environment (EETUI_D_MODEL=64) or from the "
        "configuration file that `eetui doctor` names."
    ),
)
@taking(lambda: RunOptions)
def start(context: typer.Context, options: RunOptions, version: Version = False) -> int:
    """Train a tiny GPT and flip its optimizations while it learns.

    Without a command: the live screen in a terminal, else the same as `eetui train`.
    """
    if context.invoked_subcommand is not None:
        misplaced = given(context)
        if misplaced:
            raise UsageError(
                f"Options stand behind the command: eetui {context.invoked_subcommand} --..."
            )
        return 0
    if is_interactive():
        from eetui.tui.cli.screen import show

        return show(options, given(context))
    from eetui.tui.cli.train import run

    return run(options, given(context))


@app.command()
@taking(lambda: RunOptions)
def train(
    context: typer.Context,
    options: RunOptions,
    json: Annotated[bool, typer.Option("--json", help=JSON)] = False,
    jsonl: Annotated[
        bool, typer.Option("--jsonl", help="Print a JSON object a step: step and loss.")
    ] = False,
) -> int:
    """Train without a screen: progress on stderr, a summary with generated names on stdout."""
    from eetui.tui.cli.train import run

    return run(options, given(context), as_json=json, as_lines=jsonl)


@app.command()
def sample(
    load: Annotated[
        str | None, typer.Option("--load", help="The checkpoint to sample.", metavar="FILE")
    ] = None,
    n: Annotated[int, typer.Option("--n", "-n", help="How many names.")] = 20,
    temperature: Annotated[
        float, typer.Option(help="Low is careful, high is wild.", envvar="EETUI_TEMPERATURE")
    ] = 0.5,
    prefix: Annotated[str, typer.Option(help="How every name begins.", envvar="EETUI_PREFIX")] = "",
    seed: Annotated[int, typer.Option(help="Other seeds give other names.")] = 42,
    data: Annotated[
        str | None,
        typer.Option(help="The data it was trained on, if not names.", envvar="EETUI_DATA"),
    ] = None,
    json: Annotated[bool, typer.Option("--json", help=JSON)] = False,
) -> int:
    """Generate names with the model in a checkpoint, one a line."""
    from eetui.tui.cli.sample import run

    return run(load, n, temperature, prefix, seed, data, as_json=json)


@app.command()
@taking(lambda: ModelOptions)
def bench(
    context: typer.Context,
    options: ModelOptions,
    repeats: Annotated[int, typer.Option(help="Measurements to take the median of.")] = 7,
    json: Annotated[bool, typer.Option("--json", help=JSON)] = False,
) -> int:
    """Measure a step, its parts, and how much of the core's peak it reaches."""
    from eetui.tui.cli.bench import run

    return run(options, repeats, as_json=json)


@app.command()
@taking(lambda: ModelOptions)
def ab(
    context: typer.Context,
    options: ModelOptions,
    setting: Annotated[
        str,
        typer.Argument(
            help="What to compare: a toggle (padding_skip) or two values of a setting "
            "(vector_width=4,16, batch=16,64, lr=.005,.01, engine=numba,native).",
            metavar="SETTING[=A,B]",
        ),
    ],
    metric: Annotated[
        Literal["time", "loss"],
        typer.Option(help="What decides: the time of a sample, or the loss after training."),
    ] = "time",
    seconds: Annotated[
        float | None,
        typer.Option(
            help="time: what the comparison takes at the most. loss: what every run trains for.",
            show_default="3 for the time; for the loss it is --steps that ends a run",
        ),
    ] = None,
    steps: Annotated[
        int | None,
        typer.Option(help="loss: steps of every run.", show_default="2,000"),
    ] = None,
    seeds: Annotated[
        int | None,
        typer.Option(help="loss: runs of each of the two.", show_default="16"),
    ] = None,
    json: Annotated[bool, typer.Option("--json", help=JSON)] = False,
) -> int:
    """Compare two values of a setting in pairs, and tell how sure the difference is."""
    from eetui.tui.cli.ab import AbOptions, run

    return run(setting, options, AbOptions(metric, seconds, steps, seeds), as_json=json)


@app.command()
@taking(lambda: ModelOptions)
def tune(
    context: typer.Context,
    options: ModelOptions,
    seconds: Annotated[
        float | None,
        typer.Option(help="What it takes at the most.", show_default="3"),
    ] = None,
    forget: Annotated[
        bool, typer.Option("--forget", help="Forget what was found: the engines choose again.")
    ] = False,
    json: Annotated[bool, typer.Option("--json", help=JSON)] = False,
) -> int:
    """Measure which toggles are the fastest on this CPU, and use them from now on."""
    from eetui.tui.cli import tune

    if forget:
        return tune.forget(as_json=json)
    return tune.run(options, seconds, as_json=json)


@app.command()
@taking(lambda: ModelOptions)
def lab(
    context: typer.Context,
    options: ModelOptions,
    lessons: Annotated[
        list[str] | None,
        typer.Argument(
            help="Lessons to do, or files of your own ending in .toml. Without any: a list.",
            metavar="[LESSON]...",
        ),
    ] = None,
    guess: Annotated[
        list[str] | None,
        typer.Option("--guess", help="Your answer, once for each lesson; else you are asked."),
    ] = None,
    results: Annotated[  # a name of its own: `export` is a command, which has defaults as a whole
        str | None,
        typer.Option("--export", help="Write the results to a .md or .json file.", metavar="FILE"),
    ] = None,
    json: Annotated[bool, typer.Option("--json", help=JSON)] = False,
) -> int:
    """Labs: guess what an optimization does, measure it here, and read why."""
    from eetui.tui.cli.lab import run

    return run(lessons or (), guess or (), options, results, as_json=json)


@app.command()
@taking(lambda: ModelOptions)
def ladder(
    context: typer.Context,
    options: ModelOptions,
    rounds: Annotated[
        int,
        typer.Option(help="Rounds of 8 pairs at the most: each rung beside the one below it."),
    ] = 11,
    ablate: Annotated[
        bool,
        typer.Option("--ablate", help="Also take each rung away alone from everything on."),
    ] = False,
    json: Annotated[bool, typer.Option("--json", help=JSON)] = False,
) -> int:
    """Climb from everything off to everything on, a toggle at a time, and measure each rung."""
    from eetui.tui.cli.ladder import run

    return run(options, rounds, ablate=ablate, as_json=json)


@app.command()
@taking(lambda: RaceOptions)
def race(
    context: typer.Context,
    options: RaceOptions,
    json: Annotated[bool, typer.Option("--json", help=JSON)] = False,
    jsonl: Annotated[
        bool,
        typer.Option("--jsonl", help="Print a JSON object a step: contestant, step and loss."),
    ] = False,
    report: Annotated[
        str | None,
        typer.Option(
            "--report", help="Write a report with charts into this folder.", metavar="FOLDER"
        ),
    ] = None,
    one_second: Annotated[
        bool,
        typer.Option(
            "--one-second",
            help="Measure the best loss within one second at d_model 16, 32, 64 and 128 as well.",
        ),
    ] = False,
    launch_model: Annotated[
        bool,
        typer.Option(
            "--launch-model",
            help="Measure a step here as well, against a model of a GPU's kernel launches.",
        ),
    ] = False,
    killer: Annotated[bool, typer.Option("--killer", hidden=True)] = False,
) -> int:
    """Race all ways of training this model, on the same data, each on its own clock."""
    from eetui.tui.cli.race import Extras, run

    extras = Extras(report=report, one_second=one_second, launch_model=launch_model or killer)
    return run(options, given(context), extras, as_json=json, as_lines=jsonl)


def _sweep_options() -> type[SweepOptions]:
    from eetui.tui.cli.sweep_options import SweepOptions

    return SweepOptions


@app.command()
@taking(_sweep_options)
def sweep(
    context: typer.Context,
    options: SweepOptions,
    shipped: Annotated[
        str | None,
        typer.Argument(
            help="A study that comes with the program: sweep.sh or time-to-2.",
            metavar="[STUDY]",
            show_default=False,
        ),
    ] = None,
    json: Annotated[bool, typer.Option("--json", help=JSON)] = False,
) -> int:
    """Sweep: many short runs over a space of settings, searched by Optuna.

    For example: eetui sweep --d-model 16,32,64 --lr 0.001..0.03 --batch 8..128 --aim loss@1s
    """
    from eetui.tui.cli.sweep import run

    return run(options, shipped, as_json=json)


@app.command()
def doctor(json: Annotated[bool, typer.Option("--json", help=JSON)] = False) -> int:
    """Tell what eetui finds on this machine: CPU, engines, terminal, versions and folders."""
    from eetui.tui.cli.doctor import run

    return run(as_json=json)


app.add_typer(runs)


@app.command()
def export(
    run: Run,
    file: Annotated[
        str | None, typer.Argument(help="NAME.eetui if not given.", metavar="FILE")
    ] = None,
    with_data: Annotated[
        bool,
        typer.Option("--with-data", help="Put in its documents, and the checkpoint it began with."),
    ] = False,
    store: File = None,
    json: Annotated[bool, typer.Option("--json", help=JSON)] = False,
) -> int:
    """Write a run into a small file that plays it again: configuration, changes and losses."""
    from eetui.tui.cli.capsule import export as write

    return write(run, file, store, with_data=with_data, as_json=json)


@app.command()
def replay(
    file: Annotated[str, typer.Argument(metavar="FILE", show_default=False)],
    check: Annotated[
        bool,
        typer.Option("--check", help="Train it without a screen and say whether it is the same."),
    ] = False,
    data: Annotated[
        str | None,
        typer.Option(help="Its data, if they did not come along.", metavar="FILE"),
    ] = None,
    checkpoint: Annotated[
        str | None,
        typer.Option(help="What it began with, if that did not come along.", metavar="FILE"),
    ] = None,
    speed: Annotated[
        float, typer.Option(help="Times the pace at which it was trained.", min=1, max=100)
    ] = 1,
    json: Annotated[bool, typer.Option("--json", help=f"With --check: {JSON}")] = False,
) -> int:
    """Play a run again that `eetui export` wrote, every toggle flipping as it did."""
    from eetui.tui.cli.capsule import check_file, play

    if check:
        return check_file(file, data, checkpoint, as_json=json)
    if json:
        raise UsageError("--json goes with --check.")
    return play(file, data, checkpoint, speed)
