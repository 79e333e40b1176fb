"""A race as JSON-like values, for scripts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from eetui.core.curves.log_points import loss_points
from eetui.core.race.league import League
from eetui.core.race.standing import Standing
from eetui.core.race.studies.launch_model import SCENARIOS, LaunchResult
from eetui.core.race.studies.one_second import OneSecondResult
from eetui.core.race.studies.published import MACHINE, find_published

CURVE_POINTS = 100


def race_json(
    league: League,
    one_second: Sequence[OneSecondResult] | None = None,
    launches: Sequence[LaunchResult] | None = None,
) -> dict[str, Any]:
    """Everything that was measured; a study that is None has no key."""
    found = league_json(league)
    if one_second is not None:
        found["one_second"] = [one_second_json(result) for result in one_second]
    if launches is not None:
        found["killer_microsecond"] = [launch_json(launch) for launch in launches]
    return found


def league_json(league: League) -> dict[str, Any]:
    """The whole race; its table holds one object a contestant, in the league's order."""
    model, train, plan = league.model, league.train, league.plan
    return {
        "protocol": league.rules,
        "data": league.data,
        "held_out": league.train.held_out,
        "held_out_documents": league.n_held_out,
        "seed": train.seed,
        "d_model": model.d_model,
        "n_heads": model.n_heads,
        "n_layers": model.n_layers,
        "block_size": model.block_size,
        "activation": model.activation,
        "batch": train.batch,
        "learning_rate": train.learning_rate,
        "schedule": train.schedule,
        "planned_seconds": plan.seconds,
        "planned_steps": plan.steps,
        "turns": plan.turns,
        "threshold": plan.threshold,
        "speedup_over": league.base,
        "published_on": MACHINE,
        "energy": league.energy,
        "table": [standing_json(s, league) for s in league.standings],
    }


def standing_json(s: Standing, league: League) -> dict[str, Any]:
    """One row of the table; None if something was not measured."""
    figure = find_published(s.name, league.model.d_model, s.batch)
    seconds, losses = loss_points(s.curve, CURVE_POINTS)
    return {
        "contestant": s.name,
        "summary": s.summary,
        "other_model": s.model,
        "status": str(s.status),
        "reason": s.reason,
        "detail": s.detail,
        "us_per_sample": s.us_per_sample,
        "speedup": s.speedup,
        "samples": s.samples,
        "loss": s.loss,
        "held_out_loss": s.held_out,
        "parameters": s.n_params or None,
        "batch": s.batch or None,
        "steps": s.steps,
        "us_per_step": s.us_per_step,
        "seconds": s.seconds,
        "clock": "wall",
        "cpu_seconds": s.cpu_seconds,
        "compile_seconds": s.compile_seconds,
        "loss_ema": s.loss_ema,
        "loss_best": s.loss_best,
        "seconds_to_threshold": s.reached,
        "work": s.work and {"count": s.work.count, "unit": s.work.unit, "samples": s.work.samples},
        "joules_per_step": s.joules_per_step,
        "published_us_per_sample": figure and figure.us_per_sample,
        "published_program": figure and figure.program,
        "curve": {"seconds": seconds.tolist(), "loss": losses.tolist()},
        "names": [
            {"step": names.step, "seconds": names.seconds, "names": list(names.texts)}
            for names in s.names
        ],
    }


def one_second_json(result: OneSecondResult) -> dict[str, Any]:
    """One contestant at one width within a second."""
    return {
        "contestant": result.contestant,
        "d_model": result.d_model,
        "batch": result.batch,
        "learning_rate": result.learning_rate,
        "steps": result.steps,
        "seconds": result.seconds,
        "us_per_step": result.us_per_step,
        "loss": result.loss,
        "published_loss": result.published,
        "reason": result.reason,
    }


def launch_json(launch: LaunchResult) -> dict[str, Any]:
    """One width of the launch model; modelled_us_per_step is EEmicroGPT's model of a GPU."""
    return {
        "d_model": launch.d_model,
        "batch": launch.batch,
        "us_per_step": {s.name: s.us_per_step for s in launch.standings if s.us_per_step},
        "quickest": launch.best.name if launch.best else None,
        "modelled_us_per_step": {s.name: s.us_per_step for s in SCENARIOS},
    }
