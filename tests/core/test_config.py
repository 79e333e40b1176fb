"""Legal configurations construct and count their weights; the others say why they are not."""

from __future__ import annotations

from dataclasses import FrozenInstanceError, fields
from math import inf, nan
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eetui.core.config import (
    ACTIVATIONS,
    SCHEDULES,
    ModelConfig,
    TrainConfig,
    default_learning_rate,
    default_n_heads,
)
from eetui.core.errors import UsageError
from eetui.core.model.state import layout


@st.composite
def models(draw: st.DrawFn) -> ModelConfig:
    d_model = draw(st.integers(1, 128)) * 4
    return ModelConfig(
        d_model=d_model,
        n_heads=draw(st.sampled_from([h for h in range(1, d_model + 1) if d_model % h == 0])),
        n_layers=draw(st.integers(1, 8)),
        block_size=draw(st.integers(2, 64)),
        vocab_size=draw(st.integers(2, 256)),
        activation=draw(st.sampled_from(ACTIVATIONS)),
    )


@given(model=models())
def test_the_layout_holds_exactly_the_parameters(model: ModelConfig) -> None:
    tensors = layout(model)
    assert sum(tensor.size for tensor in tensors) == model.n_params
    ends = [0, *(tensor.offset + tensor.size for tensor in tensors)]
    assert [tensor.offset for tensor in tensors] == ends[:-1]
    assert model.head_dim * model.n_heads == model.d_model


@pytest.mark.parametrize(
    ("d_model", "n_params", "mflop"),
    [(16, 4_192, 2.3), (32, 14_528, 8.5), (64, 53_632, 32.5), (128, 205_568, 127)],
)
def test_the_known_sizes(d_model: int, n_params: int, mflop: float) -> None:
    model = ModelConfig(d_model=d_model)
    assert model.n_params == n_params
    assert 16 * model.flops_per_document(6.5) / 1e6 == pytest.approx(mflop, rel=0.025)


@given(
    batch=st.integers(1, 512),
    learning_rate=st.floats(1e-12, 9.99),
    steps=st.integers(1, 10**12),
    schedule=st.sampled_from(SCHEDULES),
    seed=st.integers(0, 2**63 - 1),
)
def test_legal_training_constructs(**values: Any) -> None:
    train = TrainConfig(**values)
    assert {key: getattr(train, key) for key in values} == values


@pytest.mark.parametrize(
    ("values", "why"),
    [
        ({"d_model": 0}, "multiple of 4"),
        ({"d_model": 30, "n_heads": 2}, "multiple of 4"),
        ({"d_model": 516}, "multiple of 4 between 4 and 512, not 516"),
        ({"d_model": 32, "n_heads": 5}, "5 does not divide 32"),
        ({"n_heads": 0}, "n_heads must divide"),
        ({"n_heads": -4}, "n_heads must divide"),
        ({"n_layers": 0}, "n_layers"),
        ({"n_layers": 9}, "n_layers"),
        ({"block_size": 1}, "block_size"),
        ({"block_size": 65}, "block_size"),
        ({"vocab_size": 1}, "vocab_size"),
        ({"vocab_size": 257}, "vocab_size"),
        ({"activation": "gelu"}, "activation must be one of relu, relu2, not 'gelu'"),
    ],
)
def test_an_illegal_model_is_refused(values: dict[str, Any], why: str, refused) -> None:
    with refused(why):
        ModelConfig(**values)


@pytest.mark.parametrize(
    ("values", "why"),
    [
        ({"batch": 0}, "batch must be between 1 and 512, not 0"),
        ({"batch": 513}, "batch"),
        ({"learning_rate": 0.0}, "learning rate"),
        ({"learning_rate": -1.0}, "learning rate"),
        ({"learning_rate": 10.0}, "learning rate"),
        ({"learning_rate": nan}, "learning rate"),
        ({"learning_rate": inf}, "learning rate"),
        ({"steps": 0}, "steps"),
        ({"steps": 10**12 + 1}, "steps"),
        ({"schedule": "step"}, "schedule must be one of linear, constant, cosine, not 'step'"),
        ({"beta1": 1.0}, "beta1"),
        ({"beta2": -0.1}, "beta2"),
        ({"eps": 0.0}, "eps"),
        ({"seed": -1}, "seed"),
        ({"seed": 2**63}, "seed"),
    ],
)
def test_illegal_training_is_refused(values: dict[str, Any], why: str, refused) -> None:
    with refused(why):
        TrainConfig(**values)


def test_configurations_do_not_change() -> None:
    with pytest.raises(FrozenInstanceError):
        ModelConfig().d_model = 64  # type: ignore[misc]
    with pytest.raises(FrozenInstanceError):
        TrainConfig().batch = 1  # type: ignore[misc]


@given(d_model=st.integers(1, 128).map(lambda quarter: 4 * quarter))
def test_the_defaults_of_a_size_are_legal(d_model: int) -> None:
    ModelConfig(d_model=d_model, n_heads=default_n_heads(d_model))
    TrainConfig(learning_rate=default_learning_rate(d_model))


def test_the_defaults_of_the_known_sizes() -> None:
    assert [default_n_heads(d) for d in (16, 32, 64, 128)] == [4, 4, 4, 8]
    rates = [default_learning_rate(d) for d in (16, 32, 64, 128)]
    assert rates == [0.008, 0.007, 0.005, 0.003]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("d_model", 8.0), ("n_heads", True), ("block_size", "16"), ("vocab_size", None),
        ("activation", ["relu"]), ("batch", True), ("learning_rate", "0.1"), ("steps", 1e3),
        ("learning_rate", float("nan")), ("learning_rate", 10**400), ("beta1", True),
        ("eps", float("nan")), ("seed", 10**4000), ("schedule", 1), ("batch", 10**400),
    ],
)  # fmt: skip
def test_values_of_another_kind_are_refused_in_one_sentence(field, value):
    kind = ModelConfig if field in {f.name for f in fields(ModelConfig)} else TrainConfig
    with pytest.raises(UsageError, match=r"\.$") as error:
        kind(**{field: value})
    assert len(str(error.value)) < 200
