"""The README says what the program is: its table of toggles is the catalogue."""

from __future__ import annotations

from pathlib import Path

from eetui.core.optimizations import CATALOGUE, Optimization
from eetui.core.run.toggles import BATCH_WHAT

README = Path(__file__).parents[1] / "README.md"
HEAD = "| key | toggle | promise | what it does |"


def promise(entry: Optimization) -> str:
    others = [f"{kind} with {entry.label(value)}" for value, kind in entry.kinds]
    return ", ".join([entry.kind, *others])


def table() -> list[str]:
    keys = {e.key: e.keys.replace(" ", "` `") for e in CATALOGUE}
    rows = [f"| `{keys[e.key]}` | {e.name} | {promise(e)} | {e.what} |" for e in CATALOGUE]
    return [*rows, f"| `b` `B` | batch size | learning | {BATCH_WHAT} |"]


def test_the_table_of_toggles_is_the_catalogue() -> None:
    lines = README.read_text().splitlines()
    start = lines.index(HEAD) + 2
    assert lines[start : lines.index("", start)] == table()
