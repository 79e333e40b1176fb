"""The number of threads follows the pairs that were timed last, and each change of it is logged."""

from __future__ import annotations

import numpy as np
import pytest

from eetui.core.config import ModelConfig, TrainConfig
from eetui.core.data.dataset import load_dataset
from eetui.core.engines.numpy import NumpyEngine
from eetui.core.optimizations import AUTO_THREADS, Optimizations, find_optimization
from eetui.core.run.auto_threads import LEAST_WAIT_NS, AutoThreads
from eetui.core.run.commands import SetOptimization
from eetui.core.run.engine_choice import EngineChoice
from eetui.core.run.lifecycle import Lifecycle
from eetui.core.run.namestream import NameStream
from eetui.core.run.notices import Notices
from eetui.core.run.session import Session
from eetui.core.run.trainer import Trainer

PAIRS = 8


class Threaded(NumpyEngine):
    """An engine whose steps cost what a test says for each number of threads."""

    def __init__(self, cost_ns: dict[int, int]) -> None:
        super().__init__()
        self.cost_ns, self.clock_ns = cost_ns, 0

    def why_not(self, key, value):
        return "" if key != "threads" or value in self.cost_ns else "fewer cores"

    def run(self, state, dataset, model, train, optimizations, documents, rates, profile=False):
        self.clock_ns += self.cost_ns[optimizations.threads] * len(documents)
        one = NumpyEngine().default_optimizations()
        return super().run(state, dataset, model, train, one, documents, rates, profile)


@pytest.fixture(scope="module")
def dataset():
    return load_dataset()


@pytest.fixture
def following(dataset):
    """A trainer on such an engine, and what follows its threads on the engine's clock."""

    def make(cost_ns: dict[int, int]) -> tuple[Trainer, AutoThreads, Threaded]:
        engine = Threaded(cost_ns)
        model, train = ModelConfig(d_model=4, n_heads=1), TrainConfig(batch=2)
        on = NumpyEngine().default_optimizations()
        trainer = Trainer(dataset, model, train, engine, on, NameStream(0.5, ""))
        return trainer, AutoThreads(trainer, lambda: engine.clock_ns), engine

    return make


def follow(threads: AutoThreads, engine: Threaded) -> list[str]:
    """What is told while eight pairs become due."""
    told = []
    for _ in range(PAIRS):
        told.append(threads.follow())
        engine.clock_ns += 10**10
    return [words for words in told if words]


@pytest.mark.parametrize(
    ("one", "two", "best"), [(1000, 500, 2), (1000, 950, 1), (1000, 1000, 1), (1000, 3000, 1)]
)
def test_two_threads_train_where_they_are_faster_by_a_tenth(following, one, two, best):
    trainer, threads, engine = following({1: one, 2: two})
    told = follow(threads, engine)
    assert trainer.optimizations.threads == best
    assert len(told) == (best != 1)
    assert f"{(two if best == 1 else one) / (one if best == 1 else two):.2f}" in threads.told


def test_it_goes_back_as_soon_as_another_program_has_the_core(following):
    trainer, threads, engine = following({1: 1000, 2: 500})
    follow(threads, engine)
    engine.cost_ns[2] = 4000
    assert follow(threads, engine)[-1].startswith("Threads auto: 1, which took")
    assert trainer.optimizations.threads == 1
    changes = [entry.change for entry in trainer.log.entries]
    assert changes == [SetOptimization("threads", 2), SetOptimization("threads", 1)]


def test_stops_that_blocks_are_too_short_to_see_are_seen_in_the_training(following):
    trainer, threads, engine = following({1: 1000, 2: 500})
    follow(threads, engine)
    assert trainer.optimizations.threads == 2
    trainer.history.add(10, np.ones(10, np.float32), 10 * 3000, 10 * 3000)
    while not threads.follow():
        engine.clock_ns += 10**9
    assert trainer.optimizations.threads == 1
    told = []
    for _ in range(PAIRS):  # it is not tried again at once
        told.append(threads.follow())
        engine.clock_ns += LEAST_WAIT_NS // 2 // PAIRS
    assert not any(told)
    follow(threads, engine)
    assert trainer.optimizations.threads == 2


def test_more_cores_are_climbed_to_one_step_after_the_other(following):
    trainer, threads, engine = following({1: 1000, 2: 600, 4: 400, 8: 390})
    for _ in range(3):
        follow(threads, engine)
    assert trainer.optimizations.threads == 4


def test_one_core_and_what_is_not_due_take_no_time(following):
    _, threads, engine = following({1: 1000})
    assert follow(threads, engine) == []
    trainer, threads, engine = following({1: 1000, 2: 2000})
    follow(threads, engine)
    threads.follow()
    before = engine.clock_ns
    assert threads.follow() == ""
    assert engine.clock_ns == before
    assert trainer.state.step == 0  # a copy of the state was trained


def test_a_choice_of_auto_trains_with_the_present_number(dataset):
    trainer = Trainer(
        dataset, ModelConfig(d_model=4, n_heads=1), TrainConfig(), None, Optimizations(threads=2),
        NameStream(0.5, ""),
    )  # fmt: skip
    choice = EngineChoice(
        "native", (), trainer, Lifecycle(trainer, paused=True), Notices(), lambda task: None, None
    )
    choice.wanted = find_optimization("threads").applied(choice.wanted, AUTO_THREADS)
    assert choice.follows_threads
    assert choice.resolved.threads == 2


def test_a_session_says_what_it_knows_of_the_threads_where_they_are_its_own_choice(dataset):
    told = {}
    for threads in ("auto", "1"):
        session = Session(
            dataset, ModelConfig(d_model=8, n_heads=2), TrainConfig(batch=2, steps=50),
            engine="native", assignments=(f"threads={threads}",), measure_peak=False,
            stop_at_plan=True,
        )  # fmt: skip
        session.run()
        assert session.latest.step == 50
        told[threads] = session.latest.auto_threads
    assert told["auto"].startswith("Threads auto")
    assert told["1"] == ""


def test_what_does_not_last_is_tried_again_ever_more_seldom_and_what_lasts_at_once(following):
    """A trial takes 0.3 s. The waits double up to a minute, until a trial lasted for long."""
    trainer, threads, engine = following({1: 1000, 2: 500})
    changes = [(0.0, 1)]
    lasting = 0.0

    def until_it_changes() -> float:
        """Seconds since the last change of the number of threads."""
        while trainer.optimizations.threads == changes[-1][1]:
            since = engine.clock_ns / 1e9 - changes[-1][0]
            if changes[-1][1] == 2:
                engine.cost_ns[2] = 4000 if since >= lasting else 500
            engine.clock_ns += 10**8
            threads.follow()
        engine.cost_ns[2] = 500
        changes.append((engine.clock_ns / 1e9, trainer.optimizations.threads))
        return changes[-1][0] - changes[-2][0]

    until_it_changes()
    for wait in (4.0, 8.0, 16.0, 32.0, 60.0, 60.0):
        assert until_it_changes() == pytest.approx(0.3, abs=0.01)
        assert until_it_changes() == pytest.approx(wait, abs=0.2)
    lasting = 121.0
    assert until_it_changes() == pytest.approx(lasting, abs=3)
    assert until_it_changes() == pytest.approx(2.0, abs=0.2)
