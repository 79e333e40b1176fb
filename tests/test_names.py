"""A name means one thing: no two classes have the same one, and no two modules of the core."""

from __future__ import annotations

import ast
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).parents[1]
CORE, TUI = ROOT / "core", ROOT / "tui"
OF_EVERY_ENGINE = {"engine"}
"""Modules that the folder of each engine has."""


def repeated(names):
    return sorted(name for name, n in Counter(names).items() if n > 1)


def test_no_two_classes_have_one_name():
    """Classes inside of a class are named with it, such as a widget's messages."""
    modules = [ast.parse(path.read_text()) for top in (CORE, TUI) for path in top.rglob("*.py")]
    classes = [
        node.name for module in modules for node in module.body if type(node) is ast.ClassDef
    ]
    assert len(classes) > 100
    assert repeated(classes) == []


def test_no_two_modules_of_the_core_have_one_name():
    modules = [path.stem for path in CORE.rglob("*.py") if path.stem != "__init__"]
    assert len(modules) > 80
    assert set(repeated(modules)) <= OF_EVERY_ENGINE
