"""`--preset`: what a sweep has found in place of the options that are not given."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from eetui.core.engines import registry
from eetui.core.errors import UsageError
from eetui.core.optimizations import assigned
from eetui.core.recipes import Recipe, find_recipe
from eetui.tui.cli.options import RunOptions
from eetui.tui.cli.output import complain

ENDINGS = frozenset({"steps", "seconds"})


def by_recipe(options: RunOptions, explicit: frozenset[str]) -> RunOptions:
    """`options` with those of the preset, which count less than the command line and more than
    the environment and the configuration file. Says on stderr what they are."""
    assert options.preset is not None
    recipe = find_recipe(options.preset)
    if options.load is not None or options.resume is not None:
        raise UsageError("--preset is for a new run: leave it out of one that goes on.")
    kept = explicit | (ENDINGS if explicit & ENDINGS else frozenset())
    taken: dict[str, Any] = {k: v for k, v in recipe.settings.items() if k not in kept}
    if "seconds" in taken:
        taken["steps"] = None
    in_bf16, numbers = _products(options, explicit)
    if in_bf16:
        taken["matrix"] = "bf16"
    complain(_told(recipe, taken, numbers))
    return replace(options, **taken)


def _products(options: RunOptions, explicit: frozenset[str]) -> tuple[bool, str]:
    """Whether in bf16: where this CPU has it and nobody asks for others; and what is said of it."""
    if "matrix" in explicit or "products" in assigned(options.assignments or ()):
        return False, "products as you set them"
    engine = registry.create(options.engine or registry.default())
    if why := engine.why_not("products", "bf16"):
        return False, f"products in float32 ({why.rstrip('.')})"
    return True, "products in bf16, which this CPU has"


def _told(recipe: Recipe, taken: dict[str, Any], numbers: str) -> str:
    shown = {key: value for key, value in taken.items() if key != "matrix" and value is not None}
    words = [f"{key} {value}" for key, value in shown.items()]
    return (
        f"preset {recipe.name}: {', '.join(words)}, {numbers}. "
        f"Unchanged and in bf16 it came to: {recipe.found}."
    )
