"""The catalogue: every toggle is there, is parsed as it is written, and makes a new set."""

from __future__ import annotations

from dataclasses import fields

import pytest

from eetui.core.errors import UsageError
from eetui.core.optimizations import (
    CATALOGUE,
    Optimization,
    Optimizations,
    assigned,
    find_optimization,
    labels,
    parse_assignments,
)

each = pytest.mark.parametrize("entry", CATALOGUE, ids=lambda entry: entry.key)


def test_the_catalogue_and_the_toggles_are_the_same_list() -> None:
    assert [entry.key for entry in CATALOGUE] == [field.name for field in fields(Optimizations)]
    assert len({entry.hotkey for entry in CATALOGUE}) == len(CATALOGUE)
    for entry in CATALOGUE:
        assert getattr(Optimizations(), entry.key) in entry.values


def test_the_catalogue_is_what_the_docs_say() -> None:
    """Keys, values, defaults, and the author's gains on an Apple M5, in per cent of a step."""
    assert {e.key: (e.keys, e.values, getattr(Optimizations(), e.key)) for e in CATALOGUE} == {
        "padding_skip": ("p", (False, True), True),
        "fast_exp": ("e", (False, True), True),
        "vector_width": ("v", (1, 4, 8, 16), 16),
        "prefix_sharing": ("r", (False, True), False),
        "products": (
            "m i", ("rows", "tiles", "sme2", "amx-split", "amx", "bf16", "outer"), "tiles",
        ),
        "fused": ("f", (False, True), True),
        "adam": ("a", ("scalar", "vector", "fused"), "vector"),
        "flush_denormals": ("d", (False, True), True),
        "work_order": ("n", ("sample", "batch"), "batch"),
        "threads": ("T", (1, 2, 4, 8, 0), 1),
        "optimizer": ("M", ("adam", "muon"), "adam"),
    }  # fmt: skip
    gains = {(e.key, v): e.m5_gain_of(v) for e in CATALOGUE for v in e.values}
    assert {of: gain for of, gain in gains.items() if gain is not None} == {
        ("padding_skip", False): 34.0, ("padding_skip", True): 34.0,
        ("fast_exp", False): 11.0, ("fast_exp", True): 11.0, ("products", "tiles"): 9.0,
        ("fused", False): 5.0, ("fused", True): 5.0,
        ("work_order", "sample"): 5.0, ("work_order", "batch"): 5.0,
    }  # fmt: skip
    kinds = {(e.key, v): e.kind_of(v) for e in CATALOGUE for v in e.values}
    assert {of: kind for of, kind in kinds.items() if kind != "exact"} == {
        ("fast_exp", False): "rounding", ("fast_exp", True): "rounding",
        ("flush_denormals", False): "rounding", ("flush_denormals", True): "rounding",
        ("products", "amx"): "rounding", ("products", "bf16"): "rounding",
        ("optimizer", "adam"): "learning", ("optimizer", "muon"): "learning",
    }  # fmt: skip


@each
def test_a_label_is_read_back(entry: Optimization) -> None:
    written = [entry.label(value) for value in entry.values]
    assert len(set(written)) == len(written)
    for text, value in zip(written, entry.values, strict=True):
        for spelling in (text, text.upper(), f" {text} "):
            parsed = entry.parse(spelling)
            assert (parsed, type(parsed)) == (value, type(value))


@each
def test_a_value_makes_a_new_set(entry: Optimization) -> None:
    base = Optimizations()
    for value in entry.values:
        changed = base.with_value(entry.key, value)
        assert getattr(changed, entry.key) == value
        assert labels(changed) == labels(base) | {entry.key: entry.label(value)}
    assert base == Optimizations()


@pytest.mark.parametrize(
    ("text", "value"), [("true", True), ("no", False), ("1", True), ("0", False), ("Off", False)]
)
def test_a_switch_has_synonyms(text: str, value: bool) -> None:
    assert find_optimization("padding_skip").parse(text) is value


def test_assignments_apply_in_order() -> None:
    base = Optimizations()
    texts = ["padding_skip=off", "vector_width = 8", "fast_exp=no", "padding_skip=on"]
    wanted = Optimizations(padding_skip=True, fast_exp=False, vector_width=8)
    assert parse_assignments(texts, base) == wanted
    assert parse_assignments([], base) is base
    assert parse_assignments(["vector_width=off"], base).vector_width == 1


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("padding_skip", "--set takes KEY=VALUE"),
        ("tiling=on", "There is no optimization 'tiling': there are padding_skip, fast_exp"),
        ("=on", "There is no optimization ''"),
        ("padding_skip=maybe", "padding_skip is one of off, on, not 'maybe'"),
        ("vector_width=3", "vector_width is one of off, 4, 8, 16, not '3'"),
        ("vector_width=", "vector_width is one of"),
        ("matrix_engine=on", "matrix_engine is one of off, tile, sme2, amx-split, amx, not"),
        ("products=on", "products is one of rows, tiles, sme2, amx-split, amx, bf16, outer, not"),
    ],
)
def test_a_wrong_assignment_is_refused(text: str, why: str, refused) -> None:
    with refused(why):
        parse_assignments([text], Optimizations())


def test_a_wrong_value_is_refused(refused) -> None:
    with refused("vector_width cannot be 3"):
        Optimizations().with_value("vector_width", 3)
    with refused("vector_width cannot be 3"):
        Optimizations(vector_width=3)
    with refused("There is no optimization 'tiling'"):
        Optimizations().with_value("tiling", True)


def test_one_lane_may_be_written_as_a_number_but_is_no_switch() -> None:
    assert find_optimization("vector_width").parse("1") == 1
    with pytest.raises(UsageError):
        Optimizations().with_value("vector_width", True)


@pytest.mark.parametrize(
    ("texts", "products"),
    [
        (["product_kernel=rows"], "rows"),
        (["product_kernel=tiles"], "tiles"),
        (["matrix_engine=tile"], "outer"),
        (["matrix_engine=SME2"], "sme2"),
        (["matrix_engine=off"], "tiles"),
        # Each of the two left it to the other with these values, as files of before still do.
        (["product_kernel=rows", "matrix_engine=off"], "rows"),
        (["matrix_engine=amx", "product_kernel=tiles"], "amx"),
        (["product_kernel=rows", "product_kernel=tiles"], "tiles"),
        (["matrix_engine=tile", "matrix_engine=off"], "tiles"),
        (["products=outer", "matrix_engine=off"], "tiles"),
    ],
)
def test_two_former_settings_are_other_spellings_of_one(texts, products) -> None:
    assert parse_assignments(texts, Optimizations()).products == products
    assert assigned(texts) == {"products"}
