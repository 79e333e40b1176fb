"""A name means one thing, and tests know none that begins with an underscore."""

from __future__ import annotations

import ast
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).parents[1]
CORE, TUI = ROOT / "core", ROOT / "tui"
OF_NUMBA = {Path("core/engines/numba/test_whole_program.py")}
"""Tests that take away parts of Numba which the program replaces and which have no public name."""
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


def test_no_two_modules_have_one_name():
    """A command and a screen have the name of what they show, so those two folders stand aside."""
    modules = [*CORE.rglob("*.py"), *TUI.glob("*.py"), *(TUI / "widgets").glob("*.py")]
    names = [path.stem for path in modules if not path.stem.startswith("__")]
    assert len(names) > 150
    assert set(repeated(names)) <= OF_EVERY_ENGINE


def test_no_test_replaces_what_is_private():
    """Ruff (SLF) sees `x._name`; these are names given as texts: setattr(x, "_name", y)."""
    tests = ROOT / "tests"
    found = []
    for path in tests.rglob("*.py"):
        calls = [n for n in ast.walk(ast.parse(path.read_text())) if isinstance(n, ast.Call)]
        replaced = [
            argument.value
            for call in calls
            if getattr(call.func, "attr", "") in {"setattr", "delattr", "object"}
            for argument in call.args
            if isinstance(argument, ast.Constant) and isinstance(argument.value, str)
        ]
        if path.relative_to(tests) not in OF_NUMBA:
            last = [name.rpartition(".")[2] for name in replaced]
            found += [n for n in last if n.startswith("_") and not n.endswith("__")]
    assert found == []
