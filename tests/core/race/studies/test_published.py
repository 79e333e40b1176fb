"""What others have published: found by who works the same way, and as it stands in the sources."""

from __future__ import annotations

from eetui.core.race import roster
from eetui.core.race.studies import published
from tests.support.present import present


def test_a_published_figure_is_found_by_its_contestant():
    for figure in published.FIGURES:
        for name in figure.contestants:
            assert name in roster.EVERYONE
            assert published.find_published(name, figure.d_model, figure.batch) is figure
    assert present(published.find_published("native", 16, 16)).us_per_sample == 3.0
    assert published.find_published("native", 16, 1) is None
    assert published.find_published("native", 24, 16) is None
    assert published.find_published("rnn", 16, 1) is None


def test_the_published_figures_are_those_of_their_sources():
    """Microseconds a sample by d_model and batch, program by program."""
    found: dict[str, list[tuple[int, int, float]]] = {}
    for figure in published.FIGURES:
        of = (figure.d_model, figure.batch, figure.us_per_sample)
        found.setdefault(figure.program, []).append(of)
    assert found == {
        "microgpt.py, CPython 3.14": [(16, 1, 49_000), (64, 1, 713_200)],
        "microgpt.py, PyPy 7.3.17": [(16, 1, 17_640), (64, 1, 301_400)],
        "microgpt.cpp": [(16, 1, 270), (64, 1, 3_260)],
        "rust-microgpt": [(16, 1, 118), (64, 1, 1_620)],
        "microjpt": [(16, 1, 31), (64, 1, 294)],
        "EEmicroGPT": [(16, 16, 3.0)],
        "EEmicroGPT, scalar": [(64, 16, 46.8)],
        "EEmicroGPT, SME2": [(64, 16, 36.8)],
        "MLX on the M5's GPU": [
            (16, 16, 72), (32, 16, 72), (64, 16, 72), (128, 16, 197), (256, 16, 204),
            (512, 16, 423), (16, 128, 21), (32, 128, 23), (64, 128, 36), (128, 128, 41),
        ],
    }  # fmt: skip
    assert {figure.source for figure in published.FIGURES if "microjpt" in figure.program} == {
        published.JPT
    }
    assert published.ONE_SECOND == {
        ("native", 16): 2.0869, ("native", 32): 2.0747, ("native", 64): 2.1384,
        ("native", 128): 2.2633, ("native+matrix", 64): 2.0974, ("native+matrix", 128): 2.1645,
    }  # fmt: skip
