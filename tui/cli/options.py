"""The options that commands share, each described once."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass, fields
from functools import cached_property
from typing import TYPE_CHECKING, Annotated, Any, Generic, Literal, TypeVar, get_type_hints

import typer

from eetui.core.config import MAX_BATCH, Activation, Order, Schedule
from eetui.core.engines.registry import ENGINES
from eetui.core.optimizations import CATALOGUE
from eetui.core.recipes import RECIPES

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

PREFIX = "EETUI_"

Matrix = Literal["off", "auto", "sme2", "amx", "amx-split", "bf16", "tile", "outer"]
Optimizer = Literal["adam", "muon"]

MODEL = "The model"
TRAINING = "The training"
DATA = "Data and files"
NAMES = "The generated names"
MACHINE = "The engine"
PRESET = "; ".join(f"{recipe.name}, {recipe.what}" for recipe in RECIPES)


def option(flag: str, help: str, panel: str, **more: Any) -> Any:
    """An option that an environment variable can give as well: --d-model is EETUI_D_MODEL."""
    variable = PREFIX + flag.lstrip("-").replace("-", "_").upper()
    return typer.Option(
        flag, help=help, rich_help_panel=panel, envvar=variable, show_envvar=False, **more
    )


def _engines(incomplete: str) -> list[str]:
    return [name for name in ENGINES if name.startswith(incomplete)]


def _assignments(incomplete: str) -> list[str]:
    pairs = (f"{e.key}={e.label(value)}" for e in CATALOGUE for value in e.values)
    return [pair for pair in pairs if pair.startswith(incomplete)]


@dataclass(frozen=True)
class EngineOptions:
    """What computes. None: not given."""

    engine: Annotated[
        str | None,
        option(
            "--engine",
            f"What computes: {' or '.join(ENGINES)}.",
            MACHINE,
            metavar="NAME",
            autocompletion=_engines,
        ),
    ] = None
    assignments: Annotated[
        list[str] | None,
        option(
            "--set",
            f"Set a toggle, such as padding_skip=off: {', '.join(e.key for e in CATALOGUE)}. "
            "Can be repeated.",
            MACHINE,
            metavar="KEY=VALUE",
            autocompletion=_assignments,
        ),
    ] = None
    matrix: Annotated[
        Matrix | None,
        option(
            "--matrix",
            "What computes the products: vector registers (off), a matrix unit, vector registers "
            "in bfloat16 (bf16), or a unit's algorithm in an emulated tile. auto takes a unit of "
            "this CPU from d_model 64 on.",
            MACHINE,
            show_default="auto",
        ),
    ] = None
    optimizer: Annotated[
        Optimizer | None,
        option(
            "--optimizer",
            "Adam for all weights, or Muon for the matrices of the blocks.",
            TRAINING,
            show_default="adam",
        ),
    ] = None


@dataclass(frozen=True)
class ShapeOptions:
    """What is trained on what: shape of the model, batch, seed and data. None: not given."""

    d_model: Annotated[
        int | None,
        option("--d-model", "Width of the model, a multiple of 4.", MODEL, show_default="32"),
    ] = None
    heads: Annotated[
        int | None,
        option("--heads", "Attention heads.", MODEL, show_default="4, from --d-model 128 on 8"),
    ] = None
    layers: Annotated[
        int | None, option("--layers", "Transformer blocks.", MODEL, show_default="1")
    ] = None
    block_size: Annotated[
        int | None, option("--block-size", "Longest document, in tokens.", MODEL, show_default="16")
    ] = None
    activation: Annotated[
        Activation | None,
        option("--activation", "ReLU or squared ReLU.", MODEL, show_default="relu"),
    ] = None
    batch: Annotated[
        int | None,
        option("--batch", f"Documents a step, 1 to {MAX_BATCH}.", TRAINING, show_default="16"),
    ] = None
    seed: Annotated[
        int | None, option("--seed", "Decides weights and batches.", TRAINING, show_default="42")
    ] = None
    data: Annotated[
        str | None,
        option(
            "--data",
            "A UTF-8 text file with one document a line, or 'karpathy'.",
            DATA,
            show_default="the shipped names",
            metavar="FILE",
        ),
    ] = None


@dataclass(frozen=True)
class ModelOptions(ShapeOptions, EngineOptions):
    """What is run: engine, toggles, shape of the model, batch, seed and data. None: not given."""


@dataclass(frozen=True)
class RunOptions(ModelOptions):
    """What a run of training takes in addition. None: not given."""

    steps: Annotated[
        int | None,
        option(
            "--steps",
            "Planned steps.",
            TRAINING,
            show_default="1,000,000 on the screen, else 10,000",
        ),
    ] = None
    seconds: Annotated[
        float | None, typer.Option(help="Training time, not --steps.", rich_help_panel=TRAINING)
    ] = None
    preset: Annotated[
        str | None,
        typer.Option(
            help=f"What sweeps have found: {PRESET}.", metavar="NAME", rich_help_panel=TRAINING
        ),
    ] = None
    lr: Annotated[
        float | None,
        option(
            "--lr",
            "Learning rate at the start.",
            TRAINING,
            show_default=".008 to .003 by --d-model",
        ),
    ] = None
    schedule: Annotated[
        Schedule | None, option("--schedule", "How it decays.", TRAINING, show_default="linear")
    ] = None
    order: Annotated[
        Order | None,
        option(
            "--order",
            "Of the documents: each once an epoch, or drawn with replacement.",
            TRAINING,
            show_default="shuffled",
        ),
    ] = None
    held_out: Annotated[
        float | None,
        option(
            "--held-out",
            "Share of the documents kept from training, to measure the loss on; 0 trains on all.",
            TRAINING,
            show_default="0.1, none of fewer than 20 documents",
        ),
    ] = None
    temperature: Annotated[
        float | None,
        option("--temperature", "Low is careful, high is wild.", NAMES, show_default="0.5"),
    ] = None
    prefix: Annotated[str | None, option("--prefix", "How every generated name begins.", NAMES)] = (
        None
    )
    verdicts: Annotated[
        bool | None,
        typer.Option(
            "--verdicts/--no-verdicts",
            help="Measure every flip of a toggle by itself; the key = measures it in any case.",
            rich_help_panel=MACHINE,
            envvar="EETUI_VERDICTS",
            show_envvar=False,
            show_default="verdicts",
        ),
    ] = None
    tune: Annotated[
        bool | None,
        typer.Option(
            "--tune/--no-tune",
            help="Find out in the background of the first start on the screen which toggles are "
            "the fastest on this CPU, in 3 s.",
            rich_help_panel=MACHINE,
            envvar="EETUI_TUNE",
            show_envvar=False,
            show_default="tune",
        ),
    ] = None
    save: Annotated[
        str | None,
        typer.Option(
            "--save",
            help="Write a checkpoint there when the run ends or is interrupted.",
            metavar="FILE",
            rich_help_panel=DATA,
        ),
    ] = None
    load: Annotated[
        str | None,
        typer.Option(
            "--load", help="Continue from a checkpoint.", metavar="FILE", rich_help_panel=DATA
        ),
    ] = None
    resume: Annotated[
        str | None,
        typer.Option(
            "--continue",
            help="Go on with a run that wrote itself down: its id, its name, or 'last'.",
            metavar="RUN",
            rich_help_panel=DATA,
        ),
    ] = None
    store: Annotated[
        str | None,
        option(
            "--store",
            "The file in which runs write themselves down, if not the one in your data folder.",
            DATA,
            metavar="FILE",
        ),
    ] = None
    no_store: Annotated[
        bool,
        option("--no-store", "Do not write this run down.", DATA),
    ] = False


Options = TypeVar("Options", bound="DataclassInstance")


class _Command(Generic[Options]):
    """A function of (context, options, ...) as Typer wants it: with the fields of the options.

    Typer reads a command's options from its signature, which takes a while to make: it is made when
    it is asked for, so for the command that is called alone.
    """

    def __init__(self, function: Callable[..., Any], options: Callable[[], type[Options]]) -> None:
        self.__name__, self.__doc__ = function.__name__, function.__doc__
        self._function, self._options = function, options

    def __call__(self, context: typer.Context, **values: Any) -> Any:
        kind = self._options()
        own = {field.name: values.pop(field.name) for field in fields(kind)}
        return self._function(context, kind(**own), **values)

    @cached_property
    def __signature__(self) -> inspect.Signature:
        kind, keyword = self._options(), inspect.Parameter.KEYWORD_ONLY
        names = {kind.__name__: kind}
        hints = get_type_hints(self._function, localns=names, include_extras=True)
        options = get_type_hints(kind, include_extras=True)
        _, _, *others = inspect.signature(self._function).parameters.values()
        parameters = [
            inspect.Parameter("context", keyword, annotation=typer.Context),
            *(
                inspect.Parameter(
                    field.name, keyword, default=field.default, annotation=options[field.name]
                )
                for field in fields(kind)
            ),
            *(p.replace(kind=keyword, annotation=hints[p.name]) for p in others),
        ]
        return inspect.Signature(parameters)

    @cached_property
    def __annotations__(self) -> dict[str, Any]:  # type: ignore[override]
        return {name: p.annotation for name, p in self.__signature__.parameters.items()}


def taking(
    options: Callable[[], type[Options]],
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Turn a function of (context, options, ...) into a command with the fields of the options.

    options: gives their class when it is needed.
    """
    return lambda function: _Command(function, options)


def given(context: typer.Context) -> frozenset[str]:
    """Names of the options that stand on the command line itself."""
    sources = ((name, context.get_parameter_source(name)) for name in context.params)
    return frozenset(name for name, source in sources if source and source.name == "COMMANDLINE")
