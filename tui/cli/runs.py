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
from eetui.core.data.dataset import Dataset, load_dataset
from eetui.core.engines import registry
from eetui.core.errors import UsageError
from eetui.core.files import named, require_writable
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

    dataset: Dataset
    model: ModelConfig
    train: TrainConfig
    engine: str
    assignments: tuple[str, ...]
    state: TrainState | None = None
    temperature: float = 0.5
    prefix: str = ""
    save: Path | None = None

    def session(self, *, headless: bool) -> Session:
        """A session of this run; a headless one waits for its engine and ends with its plan."""
        return Session(
            self.dataset,
            self.model,
            self.train,
            engine=self.engine,
            assignments=self.assignments,
            state=self.state,
            temperature=self.temperature,
            prefix=self.prefix,
            stop_at_plan=headless,
            stand_in=not headless,
            measure_peak=not headless,
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
        train = _train(options, request.train, request.model.d_model, default_steps)
        request = replace(request, train=train)
    else:
        request = _continued(options, explicit)
    request = replace(
        request,
        save=save,
        temperature=0.5 if options.temperature is None else options.temperature,
        prefix=options.prefix or "",
    )
    require_samplable(request.model, request.dataset, request.temperature, request.prefix)
    return request


def request_shape(options: ShapeOptions, default_d_model: int) -> tuple[Dataset, ModelConfig]:
    """The data and the model that `options` ask for, the data cut to its block size."""
    dataset = load_dataset(options.data)
    d_model = _or(options.d_model, default_d_model)
    model = ModelConfig(  # checked before the data are cut by it
        d_model=d_model,
        n_heads=_or(options.heads, default_n_heads(d_model)),
        n_layers=_or(options.layers, 1),
        block_size=_or(options.block_size, 16),
        vocab_size=dataset.vocab_size,
        activation=_or(options.activation, "relu"),
    )
    return dataset.with_block_size(model.block_size), model


def request_model(options: ModelOptions) -> Request:
    """A new model on its data, with the training configuration as far as `options` have it."""
    _check_engine(options)
    dataset, model = request_shape(options, default_d_model=32)
    return Request(
        dataset=dataset,
        model=model,
        train=TrainConfig(
            batch=_or(options.batch, 16),
            seed=_or(options.seed, 42),
            learning_rate=default_learning_rate(model.d_model),
        ),
        engine=options.engine or registry.default(),
        assignments=_assignments(options),
    )


def _train(options: RunOptions, base: TrainConfig, d_model: int, default_steps: int) -> TrainConfig:
    return replace(
        base,
        learning_rate=_or(options.lr, default_learning_rate(d_model)),
        steps=_or(options.steps, default_steps),
        schedule=_or(options.schedule, base.schedule),
        held_out=_or(options.held_out, base.held_out),
    )


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
    return Request(
        dataset=dataset,
        model=model,
        train=train,
        engine=options.engine or registry.default(),
        assignments=_assignments(options),
        state=loaded.state,
    )


def _check_engine(options: ModelOptions) -> None:
    """Refuse what no engine could do before anything is loaded for it."""
    registry.require(options.engine or registry.default())
    parse_assignments(list(_assignments(options)), Optimizations())


def _assignments(options: ModelOptions) -> tuple[str, ...]:
    """The toggles that are set; --matrix is the short way to one of them."""
    chosen = {None: (), "auto": (), "off": ("products=tiles",), "tile": ("products=outer",)}
    matrix = chosen.get(options.matrix, (f"products={options.matrix}",))
    return (*matrix, *(options.assignments or ()))


def _or(value: T | None, default: T) -> T:
    return default if value is None else value
