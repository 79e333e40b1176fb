"""`eetui race`: the league as a table or as JSON, or every loss as a line."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import dataclass

from eetui.core.digits import finite
from eetui.core.errors import EetuiError, UsageError
from eetui.core.files import named
from eetui.core.race import roster
from eetui.core.race.contestant import Contestant, Task
from eetui.core.race.energy import open_meter
from eetui.core.race.lane import Losses, Observe, RacePlan
from eetui.core.race.league import League, compete
from eetui.core.race.microgpt import DEFAULT_STEPS
from eetui.core.race.report.folder import require_folder, write_report
from eetui.core.race.report.to_json import race_json
from eetui.core.race.standing import ContestantStatus
from eetui.core.race.studies.measures import Measures, measure
from eetui.core.race.tasks import DEFAULT_SECONDS, make_task
from eetui.core.text import visible
from eetui.tui.cli.console import waiting
from eetui.tui.cli.output import complain, print_json
from eetui.tui.cli.race_options import RaceOptions
from eetui.tui.cli.runs import request_subject
from eetui.tui.signals import Interrupted

DEFAULT_D_MODEL = 16


@dataclass(frozen=True, slots=True)
class Extras:
    """What to make of a race apart from its table."""

    report: str | None = None
    one_second: bool = False
    launch_model: bool = False


@dataclass(slots=True)
class Outcome:
    """Everything that was measured."""

    league: League
    measures: Measures
    interruption: Interrupted | None = None


def run(
    options: RaceOptions,
    explicit: frozenset[str],
    extras: Extras,
    *,
    as_json: bool = False,
    as_lines: bool = False,
) -> int:
    """Race as `options` say and print the result; returns the exit code, 130 after Ctrl-C."""
    if as_json and as_lines:
        raise UsageError("Use either --json or --jsonl.")
    folder = None if extras.report is None else named(extras.report)
    if folder is not None:
        require_folder(folder)
    names = None if options.contestants is None else roster.parse_names(options.contestants)
    plan = _plan(options)
    contestants = roster.line_up(names)
    task = _task(options, explicit)
    with waiting(quiet=as_lines and sys.stdout.isatty()) as tell:
        outcome = _race(task, contestants, plan, extras, tell, _print_lines if as_lines else None)
    measures = outcome.measures
    if folder is not None:
        write_report(folder, outcome.league, measures.one_second, measures.launches)
    if as_json:
        # What was not asked for has no key.
        found = race_json(outcome.league, measures.one_second or None, measures.launches or None)
        print_json(found)
    elif not as_lines:
        from eetui.tui.cli.race_table import print_launches, print_league, print_one_second

        print_league(outcome.league)
        if measures.one_second:
            print_one_second(measures.one_second)
        if measures.launches:
            print_launches(measures.launches)
    if folder is not None:
        complain(f"The report is in {visible(str(folder))}.")
    return _exit_code(outcome)


def _plan(options: RaceOptions) -> RacePlan:
    """The protocol may fix the number of steps; otherwise time is the limit."""
    steps, seconds = options.planned_steps, options.seconds
    if steps is None and options.protocol == "microgpt":
        steps = DEFAULT_STEPS
    if seconds is None and steps is None:
        seconds = DEFAULT_SECONDS
    return RacePlan(seconds, steps, options.threshold, options.turns)


def _task(options: RaceOptions, explicit: frozenset[str]) -> Task:
    subject = request_subject(options, DEFAULT_D_MODEL)
    # A batch from the configuration file is about training, not against microgpt's rules.
    of_race = options.protocol == "equal" or "batch" in explicit
    return make_task(
        options.protocol,
        subject,
        batch=options.batch if of_race else None,
        learning_rate=options.rate,
        steps=options.planned_steps,
    )


def _race(
    task: Task,
    contestants: list[Contestant],
    plan: RacePlan,
    extras: Extras,
    tell: Callable[[str], None] | None,
    observe: Observe | None,
) -> Outcome:
    """Race, then measure what else was asked for; Ctrl-C keeps the results so far."""
    outcome: Outcome | None = None
    try:
        with open_meter() as meter:
            for league in compete(task, contestants, plan, observe=observe, meter=meter):
                outcome = Outcome(league, Measures()) if outcome is None else outcome
                outcome.league = league
                if tell:
                    tell(_progress(league))
        assert outcome is not None
        if extras.one_second or extras.launch_model:
            for measures in measure(
                task.dataset,
                task.train.seed,
                with_one_second=extras.one_second,
                with_launches=extras.launch_model,
            ):
                outcome.measures = measures
                if tell:
                    tell(measures.doing)
    except Interrupted as interruption:
        if outcome is None:
            raise
        outcome.interruption = interruption
    return outcome


def _progress(league: League) -> str:
    at_work = league.at_work
    over = sum(s.is_over for s in league.standings)
    words = f"{over} of {len(league.standings)} done, {league.doing}"
    if at_work is None or at_work.loss is None:
        return words
    return f"{words}: {at_work.seconds:.1f} s, loss {at_work.loss:.3f}"


def _print_lines(name: str, first_step: int, losses: Losses) -> None:
    sys.stdout.writelines(
        json.dumps({"contestant": name, "step": step, "loss": finite(loss)}) + "\n"
        for step, loss in enumerate(losses.tolist(), start=first_step + 1)
    )
    sys.stdout.flush()


def _exit_code(outcome: Outcome) -> int:
    """0, or 1 if a contestant failed or none could race, or that of a signal."""
    if outcome.interruption is not None:
        complain("Interrupted: this is how far the race had come.")
        return outcome.interruption.exit_code
    failed = [s for s in outcome.league.standings if s.status is ContestantStatus.FAILED]
    if failed:
        raise EetuiError(f"{failed[0].name} failed: {failed[0].reason}")
    if not any(s.steps for s in outcome.league.standings):
        raise EetuiError(f"Nobody could race: {outcome.league.standings[0].reason}")
    return 0
