"""Presets of settings: each can be trained, and the docs have what measured it."""

from __future__ import annotations

import shlex
from itertools import pairwise
from pathlib import Path

import pytest

from eetui.core.recipes import RECIPES, find_recipe
from eetui.core.sweep.space import configured, key_of

DOC = Path(__file__).parents[2] / "docs" / "sweeps.md"


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda recipe: recipe.name)
def test_a_recipe_can_be_trained_and_is_found_by_its_name(recipe):
    settings = {key_of(k): v for k, v in recipe.settings.items() if k != "seconds"}
    made = configured(settings)
    assert made.model.d_model == recipe.settings["d_model"]
    assert {"steps", "seconds"} & recipe.settings.keys()
    assert find_recipe(recipe.name) is recipe


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda recipe: recipe.name)
def test_the_docs_have_what_a_recipe_reaches_and_the_command(recipe):
    text = " ".join(DOC.read_text().split())
    assert recipe.command in text
    assert recipe.found in text


def test_an_unknown_one_is_refused_by_naming_all(refused):
    with refused("one-second, best, time-to-2"):
        find_recipe("two-seconds")


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda recipe: recipe.name)
def test_the_command_that_measured_it_has_its_settings(recipe):
    words = shlex.split(recipe.command)
    told = dict(pairwise(words))
    told |= dict(word.split("=") for word in words if "=" in word)
    for key, value in recipe.settings.items():
        if key == "seconds":
            assert told["--aim"] == f"loss@{value:g}s"
        elif key == "optimizer":
            assert told.get("--optimizer", told.get("optimizer")) == value
        else:
            assert told[f"--{key.replace('_', '-')}"] == str(value)
