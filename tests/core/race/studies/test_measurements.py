"""The best loss within one second, and a GPU's launches."""

from __future__ import annotations

import pytest

from eetui.core.data.dataset import load_dataset
from eetui.core.race import roster
from eetui.core.race.studies import launch_model, one_second, published
from tests.core.race.conftest import Fake
from tests.support.present import present


class Each(Fake):
    """Starts afresh in every race, and remembers what it was asked to do."""

    def start(self, task):
        self.done = 0
        self.tasks = [*getattr(self, "tasks", []), task]
        return super().start(task)


def test_as_many_steps_as_fit_into_a_second(clock):
    native = Each("native", clock, us=250)
    results = [*one_second.measure([native], load_dataset(), d_models=(16, 64), clock=clock)]
    assert [r.d_model for r in results] == [16, 64]
    for result in results:
        assert result.steps == 4000
        assert result.seconds == pytest.approx(1.0)
        assert result.us_per_step == pytest.approx(250)
        assert result.loss == 1.0
    assert [r.published for r in results] == [2.0869, 2.1384]
    trial, run, *_ = native.tasks
    assert trial.train.schedule == "constant"
    assert (run.train.schedule, run.train.steps) == ("linear", 4000)
    assert native.tasks[3].model.d_model == 64
    assert [r.learning_rate for r in results] == [0.008, 0.005]


def test_who_cannot_is_told(clock):
    missing = Each("native+matrix", clock, missing="There is no unit.")
    (result,) = one_second.measure([missing], load_dataset(), d_models=(16,), clock=clock)
    assert (result.loss, result.steps, result.reason) == (None, 0, "There is no unit.")


def test_a_step_here_beside_a_gpus_launches(clock):
    fakes = [
        Each("native", clock, us=50),
        Each("torch+gpu", clock, us=600),
        Each("native+matrix", clock, us=40),
    ]
    launches = [*launch_model.measure(fakes, load_dataset(), d_models=(16, 32), clock=clock)]
    assert [launch.d_model for launch in launches] == [16, 32]
    for launch in launches:
        assert present(launch.best).name == "native+matrix"
        assert [s.name for s in launch.gpus] == ["torch+gpu"]
        assert launch.gpus[0].us_per_step == pytest.approx(600)
        factors = [launch.factor(scenario) for scenario in launch_model.SCENARIOS]
        assert factors == pytest.approx([130 / 40, 410 / 40, 610 / 40])


def test_the_model_of_a_gpu_is_eemicrogpts():
    assert [s.us_per_step for s in launch_model.SCENARIOS] == [130, 410, 610]


def test_only_gpus_that_are_there_join(monkeypatch, clock):
    gpus = {name: Fake(name, clock, missing="None here.") for name in roster.ON_GPU}
    gpus["jax+gpu"].missing = ""
    monkeypatch.setattr(launch_model, "create", gpus.__getitem__)
    native = Fake("native", clock)
    assert launch_model.widths([native]) == (16, 32, 64, 128)
    everyone = launch_model.with_gpus([native])
    assert [c.name for c in everyone] == ["native", "jax+gpu"]
    assert launch_model.widths(everyone) == (16, 32, 64, 128, 256, 512)


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
