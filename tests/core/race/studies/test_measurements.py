"""The best loss within one second, and a GPU's launches."""

from __future__ import annotations

import pytest

from eetui.core.data.dataset import load_dataset
from eetui.core.race import roster
from eetui.core.race.studies import launch_model, one_second
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
    assert (result.seconds, result.us_per_step, result.published) == (0.0, None, None)


def test_four_widths_are_tried_after_a_fifth_of_a_second_each(clock):
    native = Each("native", clock, us=2000)
    widths = [r.d_model for r in one_second.measure([native], load_dataset(), clock=clock)]
    assert widths == [16, 32, 64, 128]
    assert clock.now / 1e9 == pytest.approx(
        4 * (7 + 0.2 + 7 + 1.0), rel=1e-9
    )  # it compiles for 7 s


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
