"""From what a person asks for to a study that can run: a new one, or one that is gone on with."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from eetui.core.data.dataset import Dataset, load_dataset
from eetui.core.engines import registry
from eetui.core.errors import UsageError
from eetui.core.sweep.aim import parse_aim
from eetui.core.sweep.shipped import STUDIES, shipped_plan
from eetui.core.sweep.space import Space, make_space
from eetui.core.sweep.storage import default_path, find_place
from eetui.core.sweep.study import Study, create_study, open_study
from eetui.core.sweep.sweep_plan import (
    PRUNERS,
    SAMPLERS,
    Pruner,
    Sampler,
    SweepPlan,
    extended,
    make_plan,
)
from eetui.core.sweep.worker import load_data
from eetui.core.text import told

STEPS = "steps"


@dataclass(frozen=True, slots=True)
class SweepRequest:
    """space: texts by setting. shipped: a study that comes with the program, or None. study: where
    it is kept. seconds: of a run at the most; within: of the whole. None: not given."""

    space: Mapping[str, str]
    shipped: str | None = None
    aim: str | None = None
    runs: int | None = None
    seeds: int | None = None
    seed: int | None = None
    seconds: float | None = None
    within: float | None = None
    sampler: Sampler | None = None
    pruner: Pruner | None = None
    study: str | None = None
    data: str | None = None


def prepare(request: SweepRequest) -> tuple[Study, Dataset]:
    """The study and its data; raises `UsageError` for anything that could not be trained."""
    if not request.space and request.shipped is None:
        return _gone_on(request)
    dataset = load_dataset(request.data)
    plan = _plan(request, dataset)
    return create_study(find_place(request.study), plan), dataset


def _gone_on(request: SweepRequest) -> tuple[Study, Dataset]:
    """A study where it stopped, with as many runs as are given."""
    if request.study is None:
        raise UsageError(
            "Say what varies, such as --lr 0.001..0.03, or go on with a study: --study NAME "
            f"(they are in {default_path()})."
        )
    fixed = {
        "aim": request.aim,
        "seeds": request.seeds,
        "seed": request.seed,
        "seconds": request.seconds,
        "sampler": request.sampler,
        "pruner": request.pruner,
    }
    given = [name for name, value in fixed.items() if value is not None]
    if given:
        raise UsageError(
            f"A study goes on with its own {given[0]}: leave --{given[0]} out, or give a space to "
            "begin a new one."
        )
    study = open_study(find_place(request.study))
    plan = study.plan
    dataset = load_data(request.data or plan.data, plan.fingerprint)
    if request.runs is not None or request.within != plan.seconds:
        study.change_plan(replace(extended(plan, request.runs, None), seconds=request.within))
    return study, dataset


def _plan(request: SweepRequest, dataset: Dataset) -> SweepPlan:
    more: dict[str, Any] = {
        "runs": request.runs,
        "seeds": request.seeds,
        "seed": request.seed,
        "seconds": request.within,
        "sampler": request.sampler,
        "pruner": request.pruner,
        "data": dataset.source,
        "fingerprint": dataset.fingerprint,
    }
    if request.shipped is not None:
        if request.space or request.aim is not None or request.seconds is not None:
            raise UsageError(f"{request.shipped} has its own space and aim: leave others out.")
        plan = shipped_plan(request.shipped, **more)
        return replace(plan, space=_with_engine(plan.space))
    space = dict(request.space)
    several = any(sign in space.get(STEPS, "") for sign in (",", ".."))
    steps = None if several or STEPS not in space else space.pop(STEPS)
    if steps is not None and not steps.isdecimal():
        raise UsageError("--steps takes a whole number, a list 500,1000 or a range 500..4000.")
    aim = parse_aim(
        request.aim or "loss",
        None if steps is None else int(steps),
        request.seconds,
        by_point=several,
    )
    made = _with_engine(make_space(space))
    if not made.dimensions and (request.seeds or 1) == 1:
        raise UsageError(
            "Nothing varies: give a list or a range, such as --lr 0.001..0.03, or several --seeds."
        )
    given = {key: value for key, value in more.items() if value is not None}
    return make_plan(made, aim, **given)


def _with_engine(space: Space) -> Space:
    """The space with the engine by name: a worker elsewhere must not choose another one."""
    named = {dimension.key for dimension in space.dimensions} | dict(space.fixed).keys()
    if "engine" in named:
        return space
    return replace(space, fixed=(*space.fixed, ("engine", registry.default())))


NUMBERS = {"runs": int, "seeds": int, "seed": int, "seconds": float, "within": float}
WORDS = ("aim", "study", "data")


def read_request(text: str) -> SweepRequest:
    """What is typed on the screen: the options of `eetui sweep`, a study of the program, or the
    name of one that is to go on. Raises `UsageError` for anything else."""
    try:
        words = shlex.split(text)
    except ValueError as error:
        raise UsageError("A quotation mark has no partner.") from error
    space: dict[str, str] = {}
    found: dict[str, Any] = {}
    if words and not words[0].startswith("--"):
        name = " ".join(words)
        return SweepRequest({}, shipped=name) if name in STUDIES else SweepRequest({}, study=name)
    for flag, value in zip(words[::2], words[1::2], strict=False):
        key = flag.removeprefix("--").replace("-", "_")
        if key == "set":
            key, _, value = value.partition("=")
        if key in NUMBERS:
            try:
                found[key] = NUMBERS[key](value)
            except ValueError:
                raise UsageError(f"--{key} takes a number, not {told(value)}.") from None
        elif key == "sampler":
            found[key] = _one_of(key, value, SAMPLERS)
        elif key == "pruner":
            found[key] = _one_of(key, value, PRUNERS)
        elif key in WORDS:
            found[key] = value
        else:
            space[key] = value
    if len(words) % 2 or not all(flag.startswith("--") for flag in words[::2]):
        raise UsageError("A sweep reads as on the command line: --lr 0.001..0.03 --aim loss@1s.")
    return SweepRequest(space, **found)


def _one_of(key: str, value: str, choices: Sequence[str]) -> str:
    if value not in choices:
        raise UsageError(f"--{key} is one of {', '.join(choices)}, not {told(value)}.")
    return value
