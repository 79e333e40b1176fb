"""What can be compared by name, and what cannot."""

from __future__ import annotations

import pytest

from eetui.core.errors import UsageError
from eetui.core.measure.setting import OTHERS, parse_setting


@pytest.fixture
def parsed(scripted, subject):
    engine = scripted()
    engine.never["vector_width", 4] = "Four lanes are too few."
    return lambda text, *assignments: parse_setting(text, subject, engine, assignments)


def test_a_toggle_alone_compares_its_lowest_value_with_the_one_in_force(parsed):
    setting = parsed("padding_skip", "vector_width=8")
    assert (setting.key, setting.kind, setting.a.label, setting.b.label) == (
        *("padding_skip", "exact", "off", "on"),
    )
    assert setting.b.optimizations == setting.a.optimizations.with_value("padding_skip", True)
    assert setting.b.optimizations.vector_width == 8


def test_where_the_lowest_is_in_force_it_is_compared_with_the_next(parsed):
    setting = parsed("threads", "vector_width=8")
    assert (setting.a.label, setting.b.label) == ("1", "2")


def test_two_values_are_taken_as_they_stand(parsed):
    setting = parsed("vector-width = 8 , off")
    assert [arm.optimizations.vector_width for arm in (setting.a, setting.b)] == [8, 1]
    same = parsed("padding_skip=on,on", "vector_width=8")
    assert same.a == same.b


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("batch=16,64", (16, 64)),
        ("lr=.005,0.01", (0.005, 0.01)),
        ("layers=1,2", (1, 2)),
        ("d_model=8,16", (8, 16)),
        ("heads=1,2", (1, 2)),
        ("activation=relu,relu2", ("relu", "relu2")),
        ("engine=numpy,numpy", ("numpy", "numpy")),
    ],
)
def test_other_settings(parsed, text, values):
    setting = parsed(text, "vector_width=8") if "engine" not in text else parsed(text)
    read = {
        "batch": lambda s: s.train.batch,
        "lr": lambda s: s.train.learning_rate,
        "layers": lambda s: s.model.n_layers,
        "d_model": lambda s: s.model.d_model,
        "heads": lambda s: s.model.n_heads,
        "activation": lambda s: s.model.activation,
        "engine": lambda s: s.engine,
    }[setting.key]
    assert tuple(read(arm.subject) for arm in (setting.a, setting.b)) == values
    assert setting.kind == OTHERS[setting.key][0]


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("speed", "There is no setting 'speed': there are padding_skip"),
        ("", "There is no setting ''"),
        ("batch", "Say which values of batch"),
        ("batch=16", "Two values are compared"),
        ("batch=1,2,3", "Two values are compared"),
        ("batch=16,", "Two values are compared"),
        ("batch=16,many", "'many' is not a whole number"),
        ("batch=16,0", "batch must be between 1 and 512"),
        ("lr=fast,1", "'fast' is not a number"),
        ("d_model=8,9", "d_model must be a multiple of 4"),
        ("activation=relu,gelu", "activation is one of relu, relu2"),
        ("engine=native,fast", "There is no engine 'fast'"),
        ("padding_skip=on,maybe", "padding_skip is one of off, on"),
        ("vector_width=8,4", "Four lanes are too few"),
        ("products=tiles,amx", "There is no matrix unit here"),
    ],
)
def test_what_cannot_be_compared(parsed, refused, text, part):
    with refused(part):
        parsed(text, "vector_width=8")


def test_settings_of_earlier_versions_are_understood(parsed):
    setting = parsed("product_kernel=rows,tiles")
    assert (setting.key, setting.a.label, setting.b.label) == ("products", "rows", "tiles")
    assert setting.a.optimizations.products == "rows"
    assert parsed("product_kernel").key == "products"
    with pytest.raises(UsageError, match="matrix_engine is one of"):
        parsed("matrix_engine=off,nonsense")
