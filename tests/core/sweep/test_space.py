"""Spaces: any setting by name, lists and ranges, and what no point could have."""

from __future__ import annotations

import pytest

from eetui.core.config import TrainConfig
from eetui.core.optimizations import CATALOGUE
from eetui.core.sweep.space import (
    KEYS,
    TRAIN,
    Space,
    configured,
    make_space,
    parse_dimension,
)


@pytest.mark.parametrize(
    ("name", "text", "values"),
    [
        ("d_model", "16,32,64", (16, 32, 64)),
        ("batch", "8..128", (8, 16, 32, 64, 128)),
        ("batch", "10..100", (10, 20, 40, 80)),
        ("layers", "1..3", (1, 2, 3)),
        ("heads", "1..8", (1, 2, 4, 8)),
        ("padding_skip", "off,on", ("off", "on")),
        ("activation", "relu,relu2", ("relu", "relu2")),
        ("batch", "8,8,16", (8, 16)),
    ],
)
def test_lists_and_ranges_of_sizes(name, text, values):
    assert parse_dimension(name, text).values == values


def test_rates_lie_on_a_log_scale_and_betas_on_a_linear_one():
    rate, beta = parse_dimension("lr", "0.001..0.03"), parse_dimension("beta1", "0.8..0.95")
    assert (rate.key, rate.scale, rate.values) == ("learning_rate", "log", (0.001, 0.03))
    assert (beta.scale, beta.values) == ("linear", (0.8, 0.95))


def test_every_field_and_every_toggle_can_vary():
    for key, default in TRAIN.items():
        assert parse_dimension(key, str(default)).values == (default,)
    for entry in CATALOGUE:
        text = ",".join(entry.label(value) for value in entry.values)
        assert len(parse_dimension(entry.key, text).values) == len(entry.values)
    assert {"seed", "vocab_size"}.isdisjoint(KEYS)


@pytest.mark.parametrize(
    ("given", "part"),
    [
        ({"d_modle": "16"}, "no setting 'd_modle'"),
        ({"seed": "1,2"}, "--seeds"),
        ({"lr": "fast"}, "takes numbers"),
        ({"lr": "nan,0.1"}, "takes numbers"),
        ({"batch": "16..8"}, "must rise"),
        ({"batch": "0..600"}, "begin at 1"),
        ({"batch": "16,1024"}, "batch must be between"),
        ({"d_model": "18,32"}, "multiple of 4"),
        ({"heads": "3", "d_model": "16,32"}, "divide"),
        ({"activation": "relu..relu2"}, "no ranges"),
        ({"activation": "tanh"}, "activation must be one of"),
        ({"padding_skip": "maybe"}, "padding_skip is one of"),
        ({"lr": "0..0.1"}, "begin above 0"),
        ({"engine": "abacus"}, "no engine"),
    ],
)
def test_what_no_point_could_have_is_refused(given, part, refused):
    with refused(part):
        make_space(given)


def test_a_space_of_lists_knows_its_legal_points():
    space = make_space({"d_model": "12,16", "heads": "3,4", "lr": "0.01"})
    assert space.size == 4
    assert space.points() == [
        {"d_model": 12, "n_heads": 3},
        {"d_model": 12, "n_heads": 4},
        {"d_model": 16, "n_heads": 4},
    ]
    assert make_space({"lr": "0.01..0.02"}).size is None


def test_heads_and_rate_follow_the_width_unless_they_are_set():
    assert configured({"d_model": 128}).model.n_heads == 8
    assert configured({"d_model": 128}).train.learning_rate == 0.003
    assert configured({"d_model": 128, "n_heads": 2, "learning_rate": 0.1}).train == TrainConfig(
        learning_rate=0.1
    )
    assert configured({"padding_skip": "off"}, seed=7).assignments == (
        "padding_skip=off",
        "threads=1",
    )


def test_a_space_survives_json():
    space = make_space({"d_model": "16,32", "lr": "0.001..0.03", "padding_skip": "on"})
    assert Space.from_json(space.to_json()) == space
