"""From options to a run: what was asked for, checked and put together."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

from eetui.core.config import (
    ModelConfig,
    TrainConfig,
    default_learning_rate,
    default_n_heads,
)
from eetui.core.data.dataset import load_dataset
from eetui.core.engines import registry
from eetui.core.engines.subject import Subject
from eetui.core.errors import UsageError
from eetui.core.files import named, require_writable
from eetui.core.measure.comparison import compare_ways
from eetui.core.model.sampling import require_samplable
from eetui.core.model.state import TrainState
from eetui.core.optimizations import Optimizations, parse_assignments
from eetui.core.run import checkpoint
from eetui.core.run.session import Session
from eetui.tui.cli.options import ModelOptions, RunOptions, ShapeOptions

T = TypeVar("T")

SHAPE = ("d_model", "heads", "layers", "block_size", "activation")


@dataclass(frozen=True, slots=True)
class Request:
    """All that a session or a measurement is made of."""

    subject: Subject
    assignments: tuple[str, ...]
    state: TrainState | None = None
    temperature: float = 0.5
    prefix: str = ""
    save: Path | None = None
    verdicts: bool = True

    def session(self, *, headless: bool) -> Session:
        """A session of this run; a headless one waits for its engine and ends with its plan."""
        subject = self.subject
        return Session(
            subject.dataset,
            subject.model,
            subject.train,
            engine=subject.engine,
            assignments=self.assignments,
            state=self.state,
            temperature=self.temperature,
            prefix=self.prefix,
            stop_at_plan=headless,
            stand_in=not headless,
            measure_peak=not headless,
            measure=None if headless else compare_ways,
            measure_flips=self.verdicts,
        )


def request_run(options: RunOptions, explicit: frozenset[str], default_steps: int) -> Request:
    """The run that `options` ask for; `explicit` names those given on the command line itself.

    Raises `UsageError` for anything that could not be trained, sampled or saved.
    """
    save = named(options.save) if options.save is not None else None
    if save is not None:
        require_writable(save)
    if options.load is None:
        request = request_model(options)
        request = replace(request, subject=_planned(options, request.subject, default_steps))
    else:
        request = _continued(options, explicit)
    request = replace(
        request,
        save=save,
        temperature=0.5 if options.temperature is None else options.temperature,
        prefix=options.prefix or "",
        verdicts=_or(options.verdicts, True),
    )
    subject = request.subject
    require_samplable(subject.model, subject.dataset, request.temperature, request.prefix)
    return request


def request_subject(options: ShapeOptions, default_d_model: int) -> Subject:
    """The data and the model that `options` ask for, with their batch and seed."""
    dataset = load_dataset(options.data)
    d_model = _or(options.d_model, default_d_model)
    model = ModelConfig(
        d_model=d_model,
        n_heads=_or(options.heads, default_n_heads(d_model)),
        n_layers=_or(options.layers, 1),
        block_size=_or(options.block_size, 16),
        vocab_size=dataset.vocab_size,
        activation=_or(options.activation, "relu"),
    )
    train = TrainConfig(
        batch=_or(options.batch, 16),
        seed=_or(options.seed, 42),
        learning_rate=default_learning_rate(d_model),
    )
    return Subject(dataset, model, train)


def request_model(options: ModelOptions) -> Request:
    """A new model on its data, with the training configuration as far as `options` have it."""
    _check_engine(options)
    subject = request_subject(options, default_d_model=32)
    engine = options.engine or registry.default()
    return Request(replace(subject, engine=engine), _assignments(options))


def _planned(options: RunOptions, subject: Subject, default_steps: int) -> Subject:
    train = replace(
        subject.train,
        learning_rate=_or(options.lr, subject.train.learning_rate),
        steps=_or(options.steps, default_steps),
        schedule=_or(options.schedule, subject.train.schedule),
        held_out=_or(options.held_out, subject.train.held_out),
    )
    return replace(subject, train=train)


def _continued(options: RunOptions, explicit: frozenset[str]) -> Request:
    """The run of a checkpoint: only the command line itself changes what it was made with."""
    _check_engine(options)
    assert options.load is not None
    loaded = checkpoint.load(options.load)
    model = loaded.model
    own: dict[str, Any] = dict(
        zip(
            SHAPE,
            (model.d_model, model.n_heads, model.n_layers, model.block_size, model.activation),
            strict=True,
        )
    )
    own["held_out"] = loaded.train.held_out
    for name in own:
        if name in explicit and getattr(options, name) != own[name]:
            raise UsageError(
                f"The checkpoint {options.load} has {name} {own[name]}, which cannot become "
                f"{getattr(options, name)}: leave --{name.replace('_', '-')} out."
            )
    dataset = load_dataset(options.data, model.block_size)
    loaded.require_vocabulary(dataset.vocabulary, dataset.name)
    wanted = {
        "batch": "batch",
        "seed": "seed",
        "lr": "learning_rate",
        "steps": "steps",
        "schedule": "schedule",
    }
    changes = {field: getattr(options, name) for name, field in wanted.items() if name in explicit}
    train = replace(loaded.train, **changes)
    if loaded.state.step >= train.steps:
        raise UsageError(
            f"The checkpoint {options.load} has done all its {loaded.state.step:,} steps: "
            "plan more with --steps."
        )
    engine = options.engine or registry.default()
    subject = Subject(dataset, model, train, engine)
    return Request(subject, _assignments(options), state=loaded.state)


def _check_engine(options: ModelOptions) -> None:
    """Refuse what no engine could do before anything is loaded for it."""
    registry.require(options.engine or registry.default())
    parse_assignments(list(_assignments(options)), Optimizations())


def _assignments(options: ModelOptions) -> tuple[str, ...]:
    """The toggles that are set; --matrix is the short way to one of them."""
    matrix = () if options.matrix in (None, "auto") else (f"matrix_engine={options.matrix}",)
    return (*matrix, *(options.assignments or ()))


def _or(value: T | None, default: T) -> T:
    return default if value is None else value
