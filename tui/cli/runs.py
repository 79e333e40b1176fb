"""From options to a run: what was asked for, checked and put together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from eetui.core.config import (
    ModelConfig,
    TrainConfig,
    default_learning_rate,
    default_n_heads,
)
from eetui.core.data.dataset import load_dataset
from eetui.core.engines import registry
from eetui.core.engines.subject import Subject
from eetui.core.errors import EetuiError, UsageError
from eetui.core.files import named, require_writable
from eetui.core.measure.limit import Limit
from eetui.core.model.sampling import require_samplable
from eetui.core.model.state import TrainState
from eetui.core.optimizations import Optimizations, labels, parse_assignments
from eetui.core.run import checkpoint
from eetui.core.run.session import Session
from eetui.core.run.time_plan import FIRST_PLAN
from eetui.tui.cli.options import ModelOptions, RunOptions, ShapeOptions
from eetui.tui.cli.output import complain
from eetui.tui.cli.recipe_options import by_recipe

if TYPE_CHECKING:
    from eetui.core.run.effects import Measure
    from eetui.core.run.first_tuning import Tune
    from eetui.core.store.recorder import Recorder
    from eetui.core.store.resume import Resumed

T = TypeVar("T")

FREE = ("batch", "seed", "lr", "steps", "schedule", "order")
"""What may be another when a checkpoint goes on."""
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
    tune: bool = True
    store: Path | None = None
    resumed: Resumed | None = None
    opened: Path | None = None
    seconds: float | None = None

    def session(self, *, headless: bool) -> Session:
        """A session of this run; a headless one waits for its engine and ends with its plan."""
        subject = self.subject
        measure: Measure | None = None
        tune: Tune | None = None
        if not headless:
            from eetui.core.measure.comparison import compare_ways
            from eetui.core.measure.tuning import tune_beside

            measure, tune = compare_ways, tune_beside if self.tune else None
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
            stand_in=not headless and self.seconds is None,  # its steps would take the seconds
            measure_peak=not headless,
            measure=measure,
            measure_flips=self.verdicts,
            seconds=self.seconds,
            tune=tune,
        )

    def recorder(self, session: Session) -> Recorder | None:
        """What writes the session down as it goes; None if it is not to be."""
        if self.store is None:
            return None
        from eetui.core.store.recorder import Recorder

        return Recorder(self.store, session, self.subject.dataset, self.resumed, self.opened)


def request_run(
    options: RunOptions, explicit: frozenset[str], default_steps: int, *, extend: bool = False
) -> Request:
    """The run that `options` ask for; `explicit` names those given on the command line itself.

    extend: a run of the store whose plan is done goes on for as many steps again.
    Raises `UsageError` for anything that could not be trained, sampled or saved.
    """
    _check_ending(options, explicit)
    if options.preset is not None:
        options = by_recipe(options, explicit)
    save = named(options.save) if options.save is not None else None
    if save is not None:
        require_writable(save)
    store = _store(options)
    if options.resume is not None:
        request = _resumed(options, explicit, extend)
    elif options.load is not None:
        request = _continued(options, explicit)
    else:
        request = request_model(options)
        request = replace(request, subject=_planned(options, request.subject, default_steps))
    request = replace(
        request,
        save=save,
        store=store,
        seconds=options.seconds,
        temperature=_or(options.temperature, request.temperature),
        prefix=_or(options.prefix, request.prefix),
        verdicts=_or(options.verdicts, True),
        tune=_or(options.tune, True),
    )
    subject = request.subject
    require_samplable(subject.model, subject.dataset, request.temperature, request.prefix)
    return request


def _check_ending(options: RunOptions, explicit: frozenset[str]) -> None:
    """Refuse seconds that end no run, or beside steps."""
    if options.seconds is None:
        return
    Limit(seconds=options.seconds)
    if "steps" in explicit:
        raise UsageError("A run ends after --steps or after --seconds: give one of the two.")
    if options.load is not None or options.resume is not None:
        raise UsageError("--seconds are for a new run: one that goes on has its --steps.")


def _store(options: RunOptions) -> Path | None:
    """The file in which the run is to write itself down; raises `UsageError` for a named one.

    Where the usual one cannot be used, that is said, and the run goes on without.
    """
    if options.no_store:
        if options.resume is not None:
            raise UsageError("A run of the store goes on in it: leave --no-store out.")
        return None
    from eetui.core.store.store import Store, find_store

    path = find_store(options.store)
    try:
        Store(path).close()
    except EetuiError as error:
        if options.store is not None or options.resume is not None:
            raise
        complain(f"{str(error).rstrip('.')}; this run is not written down.")
        return None
    return path


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
        steps=_or(options.steps, default_steps) if options.seconds is None else FIRST_PLAN,
        schedule=_or(options.schedule, subject.train.schedule),
        held_out=_or(options.held_out, subject.train.held_out),
        order=_or(options.order, subject.train.order),
    )
    return replace(subject, train=train)


def _continued(options: RunOptions, explicit: frozenset[str]) -> Request:
    """The run of a checkpoint: only the command line itself changes what it was made with."""
    _check_engine(options)
    assert options.load is not None
    loaded = checkpoint.load(options.load)
    dataset = load_dataset(options.data, loaded.model.block_size)
    loaded.require_vocabulary(dataset.vocabulary, dataset.name)
    train = _changed(options, explicit, loaded, f"checkpoint {options.load}", FREE)
    subject = Subject(dataset, loaded.model, train, options.engine or registry.default())
    opened = named(options.load).absolute()
    return Request(subject, _assignments(options), state=loaded.state, opened=opened)


def _resumed(options: RunOptions, explicit: frozenset[str], extend: bool) -> Request:
    """A run of the store where it stopped, with its own engine and toggles if none are given."""
    from eetui.core.store.resume import resume
    from eetui.core.store.store import Store, find_store

    _check_engine(options)
    assert options.resume is not None
    if options.load is not None:
        raise UsageError("Use either --continue or --load.")
    with Store(find_store(options.store)) as store:
        found = resume(store, options.resume)
    for name in ("seed", "schedule", "order", "data"):
        if name in explicit:
            raise UsageError(f"A run goes on with its own {name}: leave --{name} out.")
    shown = f"run {found.run.name}"
    if extend and found.state.step >= found.setup.train.steps:
        options = replace(options, steps=found.state.step + found.setup.train.steps)
        explicit |= {"steps"}
    train = _changed(options, explicit, found.checkpoint, shown, ("batch", "lr", "steps"))
    engine = options.engine or found.setup.engine or registry.default()
    assignments = _assignments(options)
    if not assignments and engine == found.setup.engine:
        assignments = tuple(f"{k}={v}" for k, v in labels(found.setup.optimizations).items())
    subject = Subject(found.dataset, found.setup.model, train, engine)
    return Request(
        subject,
        assignments,
        state=found.state,
        resumed=found,
        temperature=found.setup.temperature,
        prefix=found.setup.prefix,
    )


def _changed(
    options: RunOptions,
    explicit: frozenset[str],
    loaded: checkpoint.Checkpoint,
    shown: str,
    free: Sequence[str],
) -> TrainConfig:
    """The training configuration of what goes on, with the `free` options that are given."""
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
                f"The {shown} has {name} {own[name]}, which cannot become "
                f"{getattr(options, name)}: leave --{name.replace('_', '-')} out."
            )
    changes = {
        "learning_rate" if name == "lr" else name: getattr(options, name)
        for name in free
        if name in explicit
    }
    train = replace(loaded.train, **changes)
    if loaded.state.step >= train.steps:
        raise UsageError(
            f"The {shown} has done all its {loaded.state.step:,} steps: plan more with --steps."
        )
    return train


def _check_engine(options: ModelOptions) -> None:
    """Refuse what no engine could do before anything is loaded for it."""
    registry.require(options.engine or registry.default())
    parse_assignments(list(_assignments(options)), Optimizations())


def _assignments(options: ModelOptions) -> tuple[str, ...]:
    """The toggles that are set; --matrix and --optimizer are short ways to two of them."""
    chosen = {None: (), "auto": (), "off": ("products=tiles",), "tile": ("products=outer",)}
    matrix = chosen.get(options.matrix, (f"products={options.matrix}",))
    optimizer = () if options.optimizer is None else (f"optimizer={options.optimizer}",)
    return (*matrix, *optimizer, *(options.assignments or ()))


def _or(value: T | None, default: T) -> T:
    return default if value is None else value
