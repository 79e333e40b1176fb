"""`eetui tune`: the fastest toggles of this CPU, measured and kept."""

from __future__ import annotations

from typing import Any

from eetui.core.engines import tuned
from eetui.core.errors import UsageError
from eetui.core.measure.tuning import SECONDS, Trial, TuneProgress, tune
from eetui.tui import verdicts
from eetui.tui.cli.console import data, waiting
from eetui.tui.cli.options import ModelOptions
from eetui.tui.cli.output import print_json
from eetui.tui.cli.runs import request_model

MOST_SECONDS = 600.0


def run(options: ModelOptions, seconds: float | None, *, as_json: bool = False) -> int:
    """Tune for what `options` ask for, keep what was found and print it; gives the exit code."""
    seconds = SECONDS if seconds is None else seconds
    if not 0 < seconds <= MOST_SECONDS:
        raise UsageError(f"seconds must be above 0 and at most {MOST_SECONDS:g}, not {seconds:g}.")
    request = request_model(options)
    if request.assignments:
        raise UsageError("A tuning sets the toggles itself: leave out --set and --matrix.")
    engine = request.subject.create_engine()
    with waiting() as tell:
        for tuning in tune(request.subject, engine, seconds):
            if tell and tuning.doing:
                tell(tuning.doing)
    assert tuning.found is not None
    tuned.keep(tuning.found)
    if as_json:
        print_json(_facts(tuning, tuning.found))
    else:
        _print(tuning, tuning.found)
    return 0


def forget(*, as_json: bool = False) -> int:
    """Go back to the engines' own choice; gives the exit code."""
    tuned.forget()
    if as_json:
        print_json({"forgotten": True})
    else:
        data().print("What was tuned here is forgotten: the engines choose again.")
    return 0


def _facts(tuning: TuneProgress, found: tuned.TunedToggles) -> dict[str, Any]:
    return {
        "engine": found.engine,
        "d_model": found.d_model,
        "toggles": dict(found.toggles),
        "change_percent": found.change_percent,
        "low": found.low,
        "high": found.high,
        "trials": [
            {
                "toggle": trial.entry.key,
                "value": trial.value,
                "beside": trial.beside,
                "change_percent": trial.verdict.estimate,
                "low": trial.verdict.low,
                "high": trial.verdict.high,
                "pairs": trial.verdict.pairs,
                "taken": trial.is_taken,
            }
            for trial in tuning.trials
        ],
        "path": str(tuned.tuned_path()),
    }


def _print(tuning: TuneProgress, found: tuned.TunedToggles) -> None:
    console = data()
    for trial in tuning.trials:
        console.print(_line(trial))
    console.print()
    if not found.toggles:
        console.print(f"Nothing is faster at d_model {found.d_model} than the engine's own choice.")
        return
    low, high = -found.high, -found.low
    console.print(
        f"Used from now on at d_model {found.d_model}: {tuned.written(found)}   "
        f"(a sample takes {low:.1f} to {high:.1f} % less)"
    )


def _line(trial: Trial) -> str:
    entry = trial.entry
    change = f"{entry.label(trial.beside)} → {entry.label(trial.value)}"
    taken = "taken" if trial.is_taken else ""
    return f"{entry.name:<16} {change:<20} {verdicts.finding(trial.verdict):<34} {taken}".rstrip()
