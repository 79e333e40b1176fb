"""How the rows of a league look: letters, glyphs, words, and the ways to sort them."""

from __future__ import annotations

from collections.abc import Callable
from string import ascii_letters

from eetui.core.race.league import League
from eetui.core.race.standing import ContestantStatus, Standing
from eetui.tui import figures

GLYPHS = {
    ContestantStatus.WAITING: "○",
    ContestantStatus.COMPILING: "◌",
    ContestantStatus.RUNNING: "▶",
    ContestantStatus.OUT_OF_TIME: "■",
    ContestantStatus.FINISHED: "✓",
    ContestantStatus.SKIPPED: "»",
    ContestantStatus.CANNOT: "∅",
    ContestantStatus.FAILED: "✗",
}
OTHER_MODEL = "†"

_UNITS = {"autograd nodes": "nodes", "matrix operations": "ops"}
_LAST = float("inf")

Key = Callable[[Standing], float]

ORDERS: dict[str, Key] = {
    "us/sample": lambda s: s.us_per_sample or _LAST,
    "loss": lambda s: _LAST if s.loss is None else s.loss,
    "held-out loss": lambda s: _LAST if s.held_out is None else s.held_out,
    "time to the threshold": lambda s: _LAST if s.reached is None else s.reached,
    "line-up": lambda s: 0.0,
}
"""What a league can be sorted by; contestants without that figure come last, in line-up order."""


def ordered(league: League, order: str) -> list[Standing]:
    """The standings in one of `ORDERS`; those that cannot race come last."""
    key = ORDERS[order]
    return sorted(league.standings, key=lambda s: (s.status is ContestantStatus.CANNOT, key(s)))


def marks(league: League) -> dict[str, str]:
    """A letter for every contestant, the same in the table and on the chart."""
    return {s.name: ascii_letters[i] for i, s in enumerate(league.standings)}


def status(standing: Standing) -> str:
    """Glyph and word: '▶ running'."""
    return f"{GLYPHS[standing.status]} {standing.status}"


def work(standing: Standing) -> tuple[str, str]:
    """What a sample costs: ('57,012', 'nodes'), ('21', 'ops for 16'); empty if unknown."""
    work = standing.work
    if work is None:
        return "", ""
    shared = f" for {work.samples}" if work.samples > 1 else ""
    return figures.count(work.count), f"{_UNITS[work.unit]}{shared}"


def about(league: League) -> tuple[str, str]:
    """What is raced: who and how long, and the model's shape and data."""
    plan = league.plan
    length = "" if plan.seconds is None else f", {plan.seconds:g} s each"
    shape = f"d_model {league.model.d_model}, batch {league.train.batch}, {league.data}"
    return f"{len(league.standings)} contestants{length}", shape
