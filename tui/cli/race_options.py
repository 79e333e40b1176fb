"""The options of `eetui race`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

import typer

from eetui.core.race.roster import EVERYONE
from eetui.tui.cli.options import MODEL, TRAINING, ShapeOptions, option

RACE = "The race"


def _contestants(incomplete: str) -> list[str]:
    """Completions of the last name in a list."""
    before, comma, last = incomplete.rpartition(",")
    return [f"{before}{comma}{name}" for name in EVERYONE if name.startswith(last)]


@dataclass(frozen=True)
class RaceOptions(ShapeOptions):
    """What a race takes in addition. None: not given.

    Its plan has no part in the environment and the configuration file, which are about training.
    """

    d_model: Annotated[
        int | None,
        option("--d-model", "Width of the model, a multiple of 4.", MODEL, show_default="16"),
    ] = None
    batch: Annotated[
        int | None,
        option(
            "--batch",
            "Documents a step of those who can take several.",
            TRAINING,
            show_default="16, by microgpt's rules always 1",
        ),
    ] = None
    contestants: Annotated[
        str | None,
        typer.Option(
            "--contestants",
            help=f"Who races, such as scalar,native: {', '.join(EVERYONE)}.",
            metavar="A,B",
            rich_help_panel=RACE,
            show_default="all but those on a GPU",
            autocompletion=_contestants,
        ),
    ] = None
    protocol: Annotated[
        Literal["equal", "microgpt"],
        typer.Option(
            "--protocol",
            help="equal: the same initial weights, each with the batch it is made for. microgpt: "
            "Karpathy's weights, order of documents and schedule, one document a step.",
            rich_help_panel=RACE,
        ),
    ] = "equal"
    seconds: Annotated[
        float | None,
        typer.Option(
            "--seconds",
            help="Training time of each contestant at the most.",
            rich_help_panel=RACE,
            show_default="5, or no limit if there are steps",
        ),
    ] = None
    planned_steps: Annotated[
        int | None,
        typer.Option(
            "--steps",
            help="Steps of each contestant, over which the learning rate falls to zero.",
            rich_help_panel=RACE,
            show_default="no limit and a constant rate, by microgpt's rules 1,000",
        ),
    ] = None
    rate: Annotated[
        float | None,
        typer.Option(
            "--lr",
            help="Learning rate at the start.",
            rich_help_panel=TRAINING,
            show_default=".008 to .003 by --d-model, by microgpt's rules .01",
        ),
    ] = None
    threshold: Annotated[
        float,
        typer.Option(
            "--threshold", help="Tell when a loss below this was reached.", rich_help_panel=RACE
        ),
    ] = 2.0
    turns: Annotated[
        bool,
        typer.Option(
            "--turns",
            help="One contestant after another, instead of slices in turn.",
            rich_help_panel=RACE,
        ),
    ] = False
