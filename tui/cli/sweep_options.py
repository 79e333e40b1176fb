"""The options of `eetui sweep`: what varies, what is looked for, and who trains."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

import typer

from eetui.core.errors import UsageError
from eetui.core.sweep.space import KEYS
from eetui.core.sweep.sweep_plan import PRUNERS, SAMPLERS, Pruner, Sampler
from eetui.core.text import told

SPACE = "What varies: one value, a list 16,32,64 or a range 0.001..0.03"

Values = str | None
SEARCH = "The search"
WORKERS = "Who trains"
DATA = "Data and files"


def _option(flag: str, help: str, panel: str, **more: Any) -> Any:
    return typer.Option(flag, help=help, rich_help_panel=panel, **more)


def _setting(flag: str, help: str) -> Any:
    return _option(flag, help, SPACE, metavar="VALUES")


@dataclass(frozen=True)
class SpaceOptions:
    """Settings as texts; None: not given. The environment and the configuration file have no part
    in them, since both are about one run."""

    d_model_values: Annotated[Values, _setting("--d-model", "Width; a range doubles.")] = None
    heads_values: Annotated[Values, _setting("--heads", "Attention heads; a range doubles.")] = None
    layers_values: Annotated[Values, _setting("--layers", "Transformer blocks.")] = None
    block_size_values: Annotated[Values, _setting("--block-size", "Longest document.")] = None
    activation_values: Annotated[Values, _setting("--activation", "relu, relu2.")] = None
    batch_values: Annotated[Values, _setting("--batch", "Documents a step; a range doubles.")] = (
        None
    )
    lr_values: Annotated[Values, _setting("--lr", "Learning rate; a range is logarithmic.")] = None
    schedule_values: Annotated[Values, _setting("--schedule", "linear, cosine, constant.")] = None
    beta1_values: Annotated[Values, _setting("--beta1", "Adam's first moment.")] = None
    beta2_values: Annotated[Values, _setting("--beta2", "Adam's second moment.")] = None
    engine_values: Annotated[Values, _setting("--engine", "What computes.")] = None
    steps_values: Annotated[
        Values, _setting("--steps", "Steps of a run; several with the aim loss@steps.")
    ] = None
    others: Annotated[
        list[str] | None,
        _option(
            "--set",
            f"Any setting, such as padding_skip=on,off: {', '.join(KEYS)}. Can be repeated.",
            SPACE,
            metavar="KEY=VALUES",
        ),
    ] = None

    def texts(self) -> dict[str, str]:
        """The texts by setting."""
        given: dict[str, str] = {
            name.removesuffix("_values"): value
            for name, value in vars(self).items()
            if name.endswith("_values") and value is not None
        }
        for text in self.others or ():
            key, sign, values = text.partition("=")
            if not sign:
                raise UsageError(
                    f"--set takes KEY=VALUES, such as padding_skip=on,off, not {told(text)}."
                )
            given[key.strip()] = values
        return given


@dataclass(frozen=True)
class SweepOptions(SpaceOptions):
    """What a sweep takes beside. None: not given."""

    aim: Annotated[
        str | None,
        _option(
            "--aim",
            "loss@2000 (steps), loss@1s (seconds of training), loss@steps, time@2.0 (to a loss).",
            SEARCH,
            show_default="loss@2000",
        ),
    ] = None
    runs: Annotated[
        int | None,
        _option(
            "--runs",
            "Points to try, each from all its seeds.",
            SEARCH,
            show_default="100, or all of a small grid",
        ),
    ] = None
    seeds: Annotated[
        int | None, _option("--seeds", "Seeds of each point.", SEARCH, show_default="1")
    ] = None
    first_seed: Annotated[
        int | None, _option("--seed", "The first of the seeds.", SEARCH, show_default="42")
    ] = None
    run_seconds: Annotated[
        float | None,
        _option(
            "--seconds",
            "Training time of a run at the most, with the aims loss and time@.",
            SEARCH,
            show_default="3 with time@",
        ),
    ] = None
    within: Annotated[
        float | None,
        _option("--within", "Seconds after which no more runs begin.", SEARCH),
    ] = None
    sampler: Annotated[
        Sampler | None,
        _option(
            "--sampler",
            f"Optuna's: {', '.join(SAMPLERS)}.",
            SEARCH,
            show_default="grid for a small space of lists, else tpe",
        ),
    ] = None
    pruner: Annotated[
        Pruner | None,
        _option(
            "--pruner",
            f"Optuna's, which ends what is losing: {', '.join(PRUNERS)}.",
            SEARCH,
            show_default="none for a grid, wilcoxon with several seeds, else median",
        ),
    ] = None
    study: Annotated[
        str | None,
        _option(
            "--study",
            "Where the study is kept: FILE.db, journal:FILE, a database's URL, or a name. Without "
            "a space it goes on.",
            DATA,
            metavar="WHERE",
            show_default="sweeps.sqlite in your data folder",
        ),
    ] = None
    data: Annotated[
        str | None,
        _option(
            "--data",
            "A UTF-8 text file with one document a line, or 'karpathy'.",
            DATA,
            show_default="the shipped names",
            metavar="FILE",
        ),
    ] = None
    store: Annotated[
        str | None,
        _option(
            "--store",
            "The file in which the runs are kept, if not the one in your data folder.",
            DATA,
            metavar="FILE",
        ),
    ] = None
    no_store: Annotated[bool, _option("--no-store", "Keep no runs, only their figures.", DATA)] = (
        False
    )
    results: Annotated[
        list[str] | None,
        _option(
            "--export",
            "Write the trainings to a .csv, .json or .parquet file. Can be repeated.",
            DATA,
            metavar="FILE",
        ),
    ] = None
    on: Annotated[
        str | None,
        _option(
            "--on",
            "A Dask cluster: the address of its scheduler, tcp://host:8786, or 'local' for Dask's "
            "own on this machine.",
            WORKERS,
            metavar="WHERE",
        ),
    ] = None
    tls: Annotated[
        str | None,
        _option(
            "--tls",
            "A folder with ca.pem, cert.pem and key.pem, for a scheduler at tls://.",
            WORKERS,
            metavar="FOLDER",
        ),
    ] = None
    workers: Annotated[
        int | None,
        _option(
            "--workers", "Processes, each with one thread.", WORKERS, min=1, max=1024,
            show_default="one a core",
        ),
    ] = None  # fmt: skip
