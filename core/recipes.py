"""Settings that sweeps have found, to be asked for by name: `eetui --preset one-second`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from eetui.core.errors import UsageError
from eetui.core.text import told

Given = int | float | str


@dataclass(frozen=True, slots=True)
class Recipe:
    """settings: by the names of the options of `eetui train`. found: what they reach. command: what
    measured that. docs/sweeps.md has the searches and the machine.

    Products are in bf16 wherever the CPU has it, and in float32 elsewhere.
    """

    name: str
    what: str
    settings: Mapping[str, Given]
    found: str
    command: str


RECIPES = (
    Recipe(
        name="one-second",
        what="the lowest held-out loss after 1 s of one core",
        settings={
            "d_model": 32,
            "heads": 4,
            "batch": 128,
            "lr": 0.005,
            "optimizer": "muon",
            "schedule": "cosine",
            "seconds": 1.0,
        },
        found="held-out loss 2.030 (2.028 to 2.032) from 16 seeds",
        command="eetui sweep --d-model 32 --heads 4 --batch 128 --lr 0.005 --set optimizer=muon "
        "--schedule cosine --set products=bf16 --aim loss@1s --seeds 16 --seed 1000 --workers 1",
    ),
    Recipe(
        name="best",
        what="the lowest held-out loss after 10 s of one core",
        settings={
            "d_model": 128,
            "heads": 16,
            "batch": 96,
            "lr": 0.0015,
            "optimizer": "muon",
            "seconds": 10.0,
        },
        found="held-out loss 1.974 (1.973 to 1.975) from 16 seeds",
        command="eetui sweep --d-model 128 --heads 16 --batch 96 --lr 0.0015 --set optimizer=muon "
        "--set products=bf16 --aim loss@10s --seeds 16 --seed 1000 --workers 1",
    ),
    Recipe(
        name="time-to-2",
        what="a training loss below 2.0 in the shortest time",
        settings={
            "d_model": 32,
            "heads": 8,
            "batch": 144,
            "lr": 0.0065,
            "optimizer": "muon",
            "schedule": "cosine",
            "steps": 1400,
        },
        found="a training loss below 2.0 after 0.58 s from 12 of 12 seeds",
        command="eetui train --d-model 32 --heads 8 --batch 144 --lr 0.0065 --schedule cosine "
        "--optimizer muon --steps 1400 --matrix bf16 --json",
    ),
)


def find_recipe(name: str) -> Recipe:
    """The recipe of that name; raises `UsageError` if there is none."""
    for recipe in RECIPES:
        if recipe.name == name:
            return recipe
    raise UsageError(
        f"There is no preset {told(name)}: there are {', '.join(r.name for r in RECIPES)}."
    )
