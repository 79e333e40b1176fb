"""The bars of a climb: to scale, as wide as they are told to be, nothing told by colour alone."""

from __future__ import annotations

from dataclasses import replace

import pytest

from eetui.tui import waterfall
from eetui.tui.waterfall import COST, FULL, MARK, SAVED, BarRole
from tests.support.scripted import RUNG_US, ladder, saved

WIDTH = 50


def bars(climbed):
    on = waterfall.scale(climbed, WIDTH)
    return {rung.label: waterfall.bar(rung, on) for rung in climbed.climbed}


def drawn(bar) -> str:
    return "".join(text for text, _ in bar)


@pytest.mark.parametrize("width", [1, 10, 37, 120])
def test_every_bar_has_the_width_of_its_scale(width):
    climbed = ladder()
    on = waterfall.scale(climbed, width)
    for rung in climbed.rungs:
        assert len(drawn(waterfall.bar(rung, on))) == width


def test_twice_as_fast_is_the_same_length_anywhere():
    on = waterfall.scale(ladder(), 1000)
    lengths = [on.column(us) - on.column(us / 2) for us in (3000, 900, 90)]
    assert lengths == pytest.approx([lengths[0]] * 3)


def test_the_slowest_fills_the_scale_and_the_quickest_can_be_seen():
    by_label = bars(ladder())
    assert drawn(by_label["everything off"]) == FULL * WIDTH
    assert drawn(by_label["Adam: fused"]).strip()


def test_what_is_saved_reaches_back_to_the_rung_below():
    by_label = bars(ladder())
    four, eight = drawn(by_label["vector width: 4"]), drawn(by_label["vector width: 8"])
    assert eight.rstrip().endswith(SAVED)
    assert len(eight.rstrip()) == len(four.rstrip(f" {SAVED}"))


def test_a_rung_that_costs_is_drawn_as_such():
    climbed = ladder(2)
    slower = replace(climbed.rungs[1], us=7000.0, gain=saved(3713, 7000), m5_gain=None)
    climbed = replace(climbed, rungs=(climbed.rungs[0], slower, *climbed.rungs[2:]))
    bar = bars(climbed)["padding skip"]
    assert drawn(bar).endswith(COST)
    assert BarRole.COST in {role for _, role in bar}
    assert SAVED not in drawn(bar)


def test_the_authors_gain_has_a_mark_where_there_is_one():
    climbed = ladder()
    for rung in climbed.climbed:
        marked = MARK in drawn(bars(climbed)[rung.label])
        assert marked == (rung.m5_gain is not None)
    on = waterfall.scale(climbed, WIDTH)
    at = drawn(bars(climbed)["padding skip"]).index(MARK)
    assert at == int(on.column(RUNG_US[0] * 0.66))


def test_the_scale_holds_still_while_the_top_is_to_come():
    early = waterfall.scale(ladder(2, "round 1 of 11"), WIDTH)
    assert early == waterfall.scale(ladder(), WIDTH)


def test_pairs_that_disagree_have_a_warning_and_no_figure():
    climbed = ladder()
    assert waterfall.disturbed(climbed) == ""
    unknown = replace(saved(100, 50), is_known=False)
    noisy = replace(climbed.rungs[1], gain=unknown)
    climbed = replace(climbed, rungs=(climbed.rungs[0], noisy, *climbed.rungs[2:]))
    assert (
        waterfall.disturbed(climbed) == "? at 1: the pairs disagree, something else uses the core."
    )
    assert (waterfall.gain(unknown), waterfall.alone(unknown)) == ("?", "?")
    assert SAVED not in drawn(bars(climbed)["padding skip"])
    assert waterfall.together(replace(climbed, together=unknown)) == "together ?"


def test_words():
    climbed = ladder()
    bottom, skip, *_ = climbed.rungs
    assert (waterfall.gain(bottom.gain), waterfall.gain(skip.gain)) == ("", "53.5 %")
    assert (waterfall.spread(bottom.gain), waterfall.spread(skip.gain)) == ("", "±0.5 %")
    assert (waterfall.factor(climbed, bottom), waterfall.factor(climbed, skip)) == (
        *("1.00×", "2.15×"),
    )
    assert (waterfall.on_m5(bottom), waterfall.on_m5(skip)) == ("", "34 %")
    assert waterfall.together(ladder(5)) == ""
    assert waterfall.together(climbed) == ("96.4× together (65.1× to 186×), 3,713 → 38.5 us/step")


@pytest.mark.parametrize(
    ("before", "after", "spread", "words"),
    [
        (100, 99.8, 0.5, ("none", "±0.5 %", "none ±0.5 %")),
        (100, 88.8, 1.8, ("11 %", "±2 %", "11 ±2 %")),
        (100, 66, 0.5, ("34.0 %", "±0.5 %", "34.0 ±0.5 %")),
        (100, 66, 12.0, ("30 %", "±10 %", "30 ±10 %")),
        (100, 111.5, 0.2, ("-11.5 %", "±0.2 %", "-11.5 ±0.2 %")),
    ],
)
def test_no_digit_that_the_interval_does_not_carry(before, after, spread, words):
    told = saved(before, after, spread)
    assert (waterfall.gain(told), waterfall.spread(told), waterfall.alone(told)) == words
