"""The session: commands go in, snapshots come out, and no step is lost or seen twice."""

from __future__ import annotations

import itertools
import random
import threading
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from eetui.core.config import ModelConfig, TrainConfig
from eetui.core.curves.reading import settings_at
from eetui.core.data.batches import documents_of, learning_rates
from eetui.core.data.dataset import load_dataset
from eetui.core.engines import availability, registry
from eetui.core.engines.availability import judge
from eetui.core.engines.native.engine import NativeEngine
from eetui.core.engines.numpy import NumpyEngine
from eetui.core.errors import EngineError
from eetui.core.measure import climb, timer
from eetui.core.measure.comparison import compare_ways
from eetui.core.model.state import TrainState
from eetui.core.optimizations import Optimizations, Value, find_optimization
from eetui.core.run.commands import (
    ChangeTemperature,
    CycleOptimization,
    GoOn,
    Load,
    MeasureAgain,
    Pause,
    Restart,
    Resume,
    Rewind,
    Save,
    ScaleBatch,
    ScaleLearningRate,
    SetBatch,
    SetLearningRate,
    SetNames,
    SetOptimization,
    SingleStep,
    TogglePause,
    UseEngine,
)
from eetui.core.run.session import Session
from eetui.core.run.snapshot import Snapshot, Status, Toggle
from tests.support.present import present

SMALL = ModelConfig(d_model=16)
LONG = TrainConfig(batch=4, steps=10**6)


class SlowToPrepare(NumpyEngine):
    """Stands for an engine that compiles: it gets ready when a test lets it."""

    name = "slow"

    def __init__(self) -> None:
        super().__init__()
        self.may_finish = threading.Event()
        self.ready_for: set[object] = set()
        self.breaks = ""

    def default_optimizations(self):
        return Optimizations()

    def is_ready(self, model, optimizations):
        return optimizations in self.ready_for

    def why_not(self, key, value):
        return "SME2: there is none." if value == "sme2" else ""

    def prepare(self, model, optimizations, progress=None):
        progress("Compiling ...")
        assert self.may_finish.wait(30)
        if self.breaks:
            raise EngineError(self.breaks)
        self.ready_for.add(optimizations)


class Diverges(NumpyEngine):
    """Loses its weights from step 3 on, unless the learning rate has been lowered."""

    def run(self, state, dataset, model, train, *more):
        report = super().run(state, dataset, model, train, *more)
        if train.learning_rate == LONG.learning_rate and state.step >= 3:
            state.params[5] = np.nan
        return report


@pytest.fixture
def slow(monkeypatch):
    engine = SlowToPrepare()
    create = registry.create
    monkeypatch.setattr(registry, "create", lambda name: engine if name == "slow" else create(name))
    return engine


def session(names, model=SMALL, train=LONG, engine="numpy", **options):
    return Session(names, model, train, engine=engine, measure_peak=False, **options)


def test_runs_the_plan_and_tells_every_step_once(names, live) -> None:
    train = TrainConfig(batch=4, steps=250)
    run = live(session(names, train=train, stop_at_plan=True))
    last = run.wait_for_end()
    assert (last.status, last.step) == (Status.FINISHED, 250)
    assert sorted(run.losses) == list(range(250))
    assert run.session.failure is None
    assert last.loss == pytest.approx(np.mean([run.losses[i] for i in range(150, 250)]), rel=1e-5)


def test_chunks_do_not_change_what_is_learned(names, live) -> None:
    train = TrainConfig(batch=4, steps=60)
    run = live(session(names, train=train, stop_at_plan=True))
    run.wait_for_end()
    state, engine = TrainState.create(SMALL, train.seed), NumpyEngine()
    training = names.with_held_out(train.held_out)
    whole = engine.run(
        state,
        training,
        SMALL,
        train,
        engine.default_optimizations(),
        documents_of(train, 0, 60, training.n_docs),
        learning_rates(train, 0, 60),
    )
    assert [run.losses[i] for i in range(60)] == pytest.approx(whole.losses.tolist(), rel=1e-6)
    assert np.array_equal(run.session.state.params, state.params)


def batch_of(snapshot: Snapshot) -> Toggle:
    """The batch as it stands among the toggles."""
    return next(toggle for toggle in snapshot.toggles if toggle.key == "batch")


def test_changing_batch_and_rate_in_mid_run_loses_no_step(names, live) -> None:
    run = live(session(names))
    run.wait_for(lambda s: s.step > 20)
    for batch in (1, 9, 2):
        run.session.submit(SetBatch(batch))
        run.wait_for(lambda s, b=batch: s.train.batch == b and batch_of(s).label == str(b))
    run.session.submit(ScaleBatch(up=True))
    run.session.submit(SetLearningRate(0.001))
    seen = run.wait_for(lambda s: s.train.batch == 4 and s.train.learning_rate == 0.001)
    run.wait_for(lambda s: s.step > seen.step + 20)
    run.close()
    assert sorted(run.losses) == list(range(run.session.state.step))
    assert {"batch 1", "batch 9", "batch 2", "batch 4", "lr 0.001"} <= {
        e.label for e in run.session.latest.events
    }
    batches = [e for e in run.session.latest.events if e.key == "batch"]
    assert [e.before for e in batches[1:]] == [e.label for e in batches[:-1]]
    assert settings_at(run.session.latest.events, 1)["batch"] == "batch 4"


def test_rate_and_temperature_move_by_steps_and_stay_in_range(names, live) -> None:
    run = live(session(names, paused=True))
    for up in (False, False, True):
        run.session.submit(ScaleLearningRate(up))
    run.wait_for(lambda s: s.train.learning_rate == pytest.approx(LONG.learning_rate / 1.25))
    for _ in range(30):
        run.session.submit(ChangeTemperature(up=True))
    assert run.wait_for(lambda s: s.temperature >= 2.0).temperature == 2.0
    for _ in range(30):
        run.session.submit(ChangeTemperature(up=False))
    assert run.wait_for(lambda s: s.temperature <= 0.1).temperature == 0.1


def effect_of(key: str):
    """What a snapshot says of the last flip of a toggle."""
    return lambda snapshot: next(t.effect for t in snapshot.toggles if t.key == key)


def measured(key: str):
    """Whether the last verdict on a toggle is over."""
    return lambda s: (e := effect_of(key)(s)) and e.verdict is not None and e.verdict.over


def test_the_verdict_on_a_flip_comes_by_itself_and_no_step_is_lost(names, live) -> None:
    run = live(session(names, measure=compare_ways))
    run.wait_for(lambda s: s.step > 50)
    run.session.submit(SetBatch(64))
    last = run.wait_for(measured("batch"))
    effect = effect_of("batch")(last)
    assert (effect.before, effect.after, effect.is_measuring) == (str(LONG.batch), "64", False)
    assert effect.verdict.words == "faster"  # a sample costs less in a larger batch
    seen = [effect_of("batch")(s) for s in run.snapshots]
    assert any(e is not None and e.is_measuring for e in seen)
    flip = next(event for event in last.events if event.key == "batch")
    assert 0 < flip.paused < last.seconds
    run.wait_for(lambda s: s.step > last.step)
    run.session.submit(Pause())
    stopped = run.wait_for(lambda s: s.status is Status.PAUSED)
    assert sorted(run.losses) == [*range(stopped.step)]


def test_a_verdict_can_be_asked_for_while_the_training_pauses(names, live) -> None:
    run = live(session(names, paused=True, measure=compare_ways, measure_flips=False))
    run.wait_for(lambda s: s.is_ready)
    run.session.submit(CycleOptimization("padding_skip"))
    effect = effect_of("padding_skip")(run.wait_for(effect_of("padding_skip")))
    assert (effect.verdict, effect.is_measuring) == (None, False)
    run.session.submit(MeasureAgain("padding_skip"))
    last = run.wait_for(measured("padding_skip"))
    effect = effect_of("padding_skip")(last)
    assert (effect.before, effect.after) == ("on", "off")
    assert last.step == 0
    run.session.submit(MeasureAgain("batch"))
    effect = effect_of("batch")(run.wait_for(measured("batch")))
    assert (effect.before, effect.after) == (str(LONG.batch // 2), str(LONG.batch))


def test_a_flip_at_the_end_of_the_plan_is_measured_all_the_same(names, live) -> None:
    run = live(session(names, train=replace(LONG, steps=60), measure=compare_ways))
    run.wait_for(lambda s: s.status is Status.FINISHED)
    run.session.submit(CycleOptimization("padding_skip"))
    run.wait_for(measured("padding_skip"))


def test_a_measurement_that_fails_leaves_the_training_alone(names, live) -> None:
    def broken(*arguments):
        raise EngineError("The clock is broken.")
        yield

    run = live(session(names, measure=broken))
    run.wait_for(lambda s: s.step > 5)
    run.session.submit(SetBatch(8))
    told = run.wait_for(lambda s: s.notice and "clock is broken" in s.notice.text)
    run.wait_for(lambda s: s.step > told.step)


def test_both_clocks_are_told(names, live) -> None:
    run = live(session(names, engine=registry.default()))
    seen = run.wait_for(lambda s: s.step > 500 and s.engine == registry.default())
    assert seen.clock == "cpu"
    assert seen.cpu_seconds > 0
    assert seen.core_share > 0
    assert seen.seconds_left > 0
    assert seen.samples_per_second > 0


def test_pause_step_and_resume(names, live) -> None:
    run = live(session(names, paused=True))
    assert run.wait_for(lambda s: s.status is Status.PAUSED).step == 0
    run.session.submit(SingleStep())
    assert run.wait_for(lambda s: s.step > 0).step == 1
    run.session.submit(TogglePause())
    run.wait_for(lambda s: s.status is Status.RUNNING and s.step > 10)
    run.session.submit(SingleStep())
    stopped = run.wait_for(lambda s: s.status is Status.PAUSED).step
    run.session.submit(SetBatch(5))
    assert run.wait_for(lambda s: s.train.batch == 5).step == stopped


def test_a_climb_of_its_subject_leaves_the_run_as_it_is(names, live, monkeypatch) -> None:
    monkeypatch.setattr(timer, "MID_RUN_SECONDS", 0.02)
    monkeypatch.setattr(climb, "WAITS", 0)
    run = live(session(names))
    run.wait_for(lambda s: s.step > 0)
    run.session.submit(Pause())
    before = run.wait_for(lambda s: s.status is Status.PAUSED)
    *_, last = climb.climb(run.session.subject, rounds=1)
    assert (last.engine, last.model, last.batch) == ("numpy", SMALL, LONG.batch)
    assert [rung.key for rung in last.climbed] == ["", "padding_skip"]
    after = run.session.latest
    assert (after.step, after.optimizations) == (before.step, before.optimizations)
    run.session.submit(Resume())
    run.wait_for(lambda s: s.step > before.step)


def test_the_subject_is_what_trains_now(names, live, slow) -> None:
    run = live(session(names, engine="slow"))
    assert not run.wait_for(lambda s: s.step > 0).is_ready
    before = run.session.subject
    assert (before.model, before.train, before.engine) == (SMALL, LONG, "numpy")
    assert before.dataset.fingerprint == names.fingerprint
    slow.may_finish.set()
    run.wait_for(lambda s: s.is_ready)
    run.session.submit(Restart(replace(SMALL, block_size=8), replace(LONG, seed=7)))
    run.wait_for(lambda s: s.model.block_size == 8)
    subject = run.session.subject
    assert (subject.engine, subject.train.seed) == ("slow", 7)
    assert subject.dataset.block_size == 8


def test_a_stand_in_trains_until_the_engine_is_ready(names, live, slow) -> None:
    run = live(session(names, engine="slow"))
    before = run.wait_for(lambda s: s.step > 3)
    assert before.engine == "numpy"
    assert before.message == "Compiling ..."
    assert all(t.blocked for t in before.toggles if t.key != "batch")
    run.session.submit(CycleOptimization("fast_exp"))
    assert "not ready" in run.wait_for(lambda s: s.notice).notice.text
    slow.may_finish.set()
    after = run.wait_for(lambda s: s.engine == "slow")
    assert after.step >= before.step
    assert [e.key for e in after.events] == ["engine"]
    run.close()
    assert sorted(run.losses) == list(range(run.session.state.step))


def test_without_a_stand_in_the_first_step_is_the_engines(names, live, slow) -> None:
    run = live(session(names, engine="slow", stand_in=False))
    assert run.wait_for(lambda s: s.message == "Compiling ...").step == 0
    slow.may_finish.set()
    assert run.wait_for(lambda s: s.step > 0).engine == "slow"
    assert run.session.latest.events[0].step == 0


def test_an_engine_that_cannot_start_is_said_and_training_goes_on(names, live, slow) -> None:
    slow.breaks = "The compiler is missing."
    slow.may_finish.set()
    run = live(session(names, engine="slow"))
    text = run.wait_for(lambda s: s.notice).notice.text
    assert text == "The compiler is missing. Training goes on with the numpy engine."
    step = run.session.latest.step
    run.wait_for(lambda s: s.step > step)


def test_an_engine_that_cannot_start_ends_a_headless_run(names, live, slow) -> None:
    slow.breaks = "The compiler is missing."
    slow.may_finish.set()
    run = live(session(names, engine="slow", stand_in=False, stop_at_plan=True))
    assert run.wait_for_end().status is Status.FAILED
    assert str(run.session.failure) == "The compiler is missing."


def test_a_toggle_that_must_compile_is_pending_while_the_old_one_runs(names, live, slow) -> None:
    slow.may_finish.set()
    run = live(session(names, engine="slow"))
    run.wait_for(lambda s: s.engine == "slow")
    slow.may_finish.clear()
    run.session.submit(CycleOptimization("fast_exp"))
    pending = run.wait_for(lambda s: s.toggles[1].pending)
    assert (pending.toggles[1].label, pending.toggles[1].pending) == ("on", "off")
    run.wait_for(lambda s: s.step > pending.step + 5)
    slow.may_finish.set()
    done = run.wait_for(lambda s: not s.optimizations.fast_exp)
    assert (done.toggles[1].label, done.toggles[1].pending) == ("off", "")
    assert done.events[-1].label == "fast exp off"


def test_a_blocked_toggle_says_why(names, live, slow) -> None:
    slow.may_finish.set()
    run = live(session(names, engine="slow"))
    run.wait_for(lambda s: s.engine == "slow")
    run.session.submit(SetOptimization("products", "sme2"))
    assert run.wait_for(lambda s: s.notice).notice.text == "SME2: there is none."
    assert run.session.latest.optimizations.products == "tiles"


def test_an_impossible_assignment_is_refused(names, live, slow) -> None:
    slow.may_finish.set()
    run = live(
        session(
            names,
            engine="slow",
            assignments=["products=sme2"],
            stand_in=False,
            stop_at_plan=True,
        )
    )
    run.wait_for_end()
    assert str(run.session.failure) == "products=sme2 is not possible here: SME2: there is none."


def test_divergence_pauses_and_going_back_halves_the_rate(names, live, monkeypatch) -> None:
    monkeypatch.setattr(registry, "create", lambda name: Diverges())
    run = live(session(names, paused=True))
    run.wait_for(lambda s: s.status is Status.PAUSED)
    run.session.submit(SingleStep())
    run.wait_for(lambda s: s.step == 1)
    run.session.submit(Resume())
    bad = run.wait_for(lambda s: s.status is Status.DIVERGED)
    assert f"at step {bad.step}." in bad.message
    assert np.isfinite(bad.curve.loss).all()
    run.session.submit(Resume())
    assert "diverged" in run.wait_for(lambda s: s.notice).notice.text
    run.session.submit(Rewind())
    back = run.wait_for(lambda s: s.status is Status.PAUSED)
    assert back.step == 1
    assert back.train.learning_rate == bad.train.learning_rate / 2
    run.session.submit(Resume())
    run.wait_for(lambda s: s.step > back.step + 10 and np.isfinite(s.loss))


def test_divergence_ends_a_headless_run_with_an_error(names, live) -> None:
    state = TrainState.create(SMALL, 0)
    state.params[:] = np.inf
    run = live(session(names, state=state, stop_at_plan=True))
    assert run.wait_for_end().status is Status.DIVERGED
    assert "at step 0: lower" in str(run.session.failure)


def test_a_crash_is_shown_and_a_restart_trains_again(names, live, monkeypatch) -> None:
    run = live(session(names))
    run.wait_for(lambda s: s.step > 3)
    with monkeypatch.context() as patch:

        def crash(*_: object, **__: object) -> None:
            raise RuntimeError("the kernel fell over")

        patch.setattr(NumpyEngine, "run", crash)
        failed = run.wait_for(lambda s: s.status is Status.FAILED)
        assert "the kernel fell over" in failed.message
        assert "Traceback" in failed.error
    run.session.submit(Restart())
    again = run.wait_for(lambda s: s.status is Status.RUNNING and s.step > 3)
    assert again.error == ""


def test_a_finished_plan_can_go_on(names, live) -> None:
    run = live(session(names, train=replace(LONG, steps=30)))
    done = run.wait_for(lambda s: s.status is Status.FINISHED)
    assert (done.step, done.learning_rate) == (30, 0.0)
    run.session.submit(GoOn())
    more = run.wait_for(lambda s: s.status is Status.FINISHED and s.step > 30)
    assert (more.step, more.train.steps) == (60, 60)


def test_a_new_shape_starts_a_new_run(names, live) -> None:
    run = live(session(names))
    run.wait_for(lambda s: s.step > 20)
    run.session.submit(Restart(replace(SMALL, d_model=20, block_size=8), replace(LONG, seed=7)))
    seen = run.wait_for(lambda s: s.model.d_model == 20 and s.step > 0)
    assert seen.n_params == seen.model.n_params
    assert seen.curve.steps[0] < 20
    assert len(seen.events) == 0


def test_a_checkpoint_continues_exactly(names, live, tmp_path: Path) -> None:
    train = TrainConfig(batch=4, steps=80)
    whole = live(session(names, train=train, stop_at_plan=True))
    whole.wait_for_end()
    run = live(session(names, train=replace(train, steps=80), paused=True))
    run.wait_for(lambda s: s.status is Status.PAUSED)
    for _ in range(40):
        run.session.submit(SingleStep())
    run.session.submit(Save(tmp_path / "half.safetensors"))
    run.wait_for(lambda s: s.notice and "Saved step 40" in s.notice.text)
    run.session.submit(Restart())
    run.wait_for(lambda s: s.step > 45)
    run.session.submit(Load(tmp_path / "half.safetensors"))
    run.wait_for(lambda s: s.notice and "At step 40" in s.notice.text)
    assert run.session.latest.step == 40
    run.session.submit(Resume())
    run.wait_for(lambda s: s.status is Status.FINISHED)
    run.close()
    assert np.array_equal(run.session.state.params, whole.session.state.params)


def test_a_checkpoint_of_other_data_is_refused(names, live, tmp_path: Path) -> None:
    digits = tmp_path / "digits.txt"
    digits.write_text("123\n456\n" * 10)
    other = live(session(load_dataset(str(digits)), paused=True))
    other.session.submit(Save(tmp_path / "digits.safetensors"))
    other.wait_for(lambda s: s.notice)
    run = live(session(names, paused=True))
    run.session.submit(Load(tmp_path / "digits.safetensors"))
    assert "start with --data and the data" in run.wait_for(lambda s: s.notice).notice.text


def test_names_come_with_their_step_and_milestones_stay(names, live) -> None:
    run = live(session(names))
    seen = run.wait_for(lambda s: {m.step for m in s.milestones} >= {0, 10, 100})
    assert all(n.is_new == (n.text not in names.documents) for n in seen.names)
    assert seen.names[0].step == 0
    run.session.submit(SetNames(prefix="ka"))
    run.session.submit(SetNames(temperature=0.1))
    cold = run.wait_for(lambda s: s.temperature == 0.1 and s.names[-1].text.startswith("ka"))
    assert cold.prefix == "ka"


@pytest.mark.parametrize(
    ("ask", "answer"),
    [
        (lambda s: s.submit(SetNames(temperature=0.0)), "temperature"),
        (lambda s: s.submit(SetNames(prefix="Ж")), "Ж"),
        (lambda s: s.submit(SetNames(prefix="a" * 40)), "at most 15"),
        (lambda s: s.submit(Rewind(7)), "step 7 were not kept"),
        (lambda s: s.submit(Load(Path("nowhere.safetensors"))), "nowhere.safetensors"),
        (lambda s: s.submit(Save(Path("no/such/folder/x.safetensors"))), "no/such/folder"),
        (lambda s: s.submit(UseEngine("native", Optimizations())), "decides what trains"),
    ],
)
def test_a_bad_request_is_one_sentence_and_nothing_changes(names, live, ask, answer) -> None:
    run = live(session(names, paused=True))
    before = run.wait_for(lambda s: s.status is Status.PAUSED and s.message == "")
    ask(run.session)
    notice = run.wait_for(lambda s: s.notice).notice
    assert answer in notice.text
    assert notice.severity == "error"
    after = run.session.latest
    assert (after.train, after.prefix) == (before.train, before.prefix)
    run.session.submit(Resume())
    run.wait_for(lambda s: s.step > 5)


def test_snapshots_are_few_and_never_go_backwards(names, live) -> None:
    run = live(session(names, train=replace(LONG, steps=1500), stop_at_plan=True))
    last = run.wait_for_end()
    steps = [s.step for s in run.snapshots]
    assert steps == sorted(steps)
    assert len(run.snapshots) < 10 + 25 * max(last.seconds * 3, 1)


def test_a_sample_behind_the_names_is_counted_and_begun_anew(names, live) -> None:
    run = live(session(names))
    seen = run.wait_for(lambda s: s.statistics.n > 50)
    assert 0 < seen.statistics.new_share <= 1
    assert 0 < seen.statistics.distinct_share <= 1
    assert 0 < seen.statistics.mean_length <= SMALL.block_size
    run.session.submit(Pause())
    run.wait_for(lambda s: s.status is Status.PAUSED)
    run.session.submit(SetNames(temperature=0.2))
    assert run.wait_for(lambda s: s.temperature == 0.2).statistics.n == 0


def test_a_flip_tells_how_far_it_moves_the_gradient(names, live) -> None:
    run = live(session(names))
    run.wait_for(lambda s: s.step > 20)
    run.session.submit(CycleOptimization("padding_skip"))
    effect = effect_of("padding_skip")
    moved = effect(run.wait_for(effect)).gradient_change
    assert moved is not None
    assert moved < 1e-4
    run.session.submit(SetBatch(8))
    batch = batch_of(run.wait_for(lambda s: batch_of(s).effect)).effect
    assert present(batch).gradient_change is None


def ways_of_products() -> list[Value]:
    """The values of the toggle on this machine, or a skipped test if there is but one."""
    try:
        engine = registry.create("native")
    except EngineError as error:
        pytest.skip(str(error))
    entry = find_optimization("products")
    return list(judge(engine, entry, engine.default_optimizations()).values)


def test_a_thousand_switches_of_the_products_lose_no_step(names, monkeypatch) -> None:
    values, rng, used = ways_of_products(), random.Random(1), []
    run = NativeEngine.run

    def recorded(self, state, dataset, model, train, optimizations, *more):
        used.append(optimizations.products)
        return run(self, state, dataset, model, train, optimizations, *more)

    monkeypatch.setattr(NativeEngine, "run", recorded)
    switched = session(names, train=TrainConfig(steps=10**6), engine="native", stand_in=False)
    steps: list[int] = []
    values_of: list[np.ndarray] = []

    def observe(first_step: int, losses: np.ndarray) -> None:
        """Called after every chunk: ask for another engine before the next."""
        steps.extend(range(first_step, first_step + len(losses)))
        values_of.append(losses)
        others = [value for value in values if value != used[-1]]
        switched.submit(SetOptimization("products", rng.choice(others)))
        if len(used) > 1000:
            switched.close()

    switched.run(observe=observe)
    assert switched.failure is None
    assert all(a != b for a, b in itertools.pairwise(used[:1001]))
    assert set(used) == set(values)
    assert steps == list(range(len(steps)))
    assert len(steps) == switched.state.step
    assert np.isfinite(np.concatenate(values_of)).all()


def test_the_first_cycle_says_why_the_other_values_are_not_there(names, live) -> None:
    run = live(session(names, engine="native", stand_in=False))
    assert ways_of_products()
    engine = registry.create("native")
    entry = find_optimization("products")
    missing = judge(engine, entry, engine.default_optimizations()).reason
    run.wait_for(lambda s: s.step)
    run.session.submit(CycleOptimization("products"))
    last = run.wait_for(lambda s: s.optimizations.products != "tiles")
    assert (last.notice.text if last.notice else "") == missing
    run.session.submit(CycleOptimization("products"))
    value = last.optimizations.products
    again = run.wait_for(lambda s: s.optimizations.products != value)
    assert again.notice == last.notice


def test_another_shape_takes_the_products_that_suit_it(names, live, monkeypatch) -> None:
    values = ways_of_products()
    monkeypatch.setattr(availability, "AUTOMATIC", ("outer",))
    assert "outer" in values
    wide = ModelConfig(d_model=64)
    run = live(session(names, model=wide, train=TrainConfig(), engine="native", stand_in=False))
    assert run.wait_for(lambda s: s.step).optimizations.products == "outer"
    run.session.submit(Restart(SMALL))
    run.wait_for(lambda s: s.model.d_model == 16 and s.optimizations.products == "tiles")
    run.session.submit(SetOptimization("products", "tiles"))
    run.session.submit(Restart(wide))
    last = run.wait_for(lambda s: s.model.d_model == 64 and s.step)
    assert last.optimizations.products == "tiles"  # somebody has chosen by now


class Wanders(NumpyEngine):
    """Its loss is far above chance from step 300 on, and always finite."""

    def run(self, state, dataset, model, train, *more):
        first = state.step
        report = super().run(state, dataset, model, train, *more)
        steps = np.arange(first, first + len(report.losses))
        report.losses[(steps >= 300) & (steps != 450)] += 4.0
        return report


def test_a_loss_that_stays_far_above_its_start_is_a_divergence(names, live, monkeypatch) -> None:
    create = registry.create
    monkeypatch.setattr(
        registry, "create", lambda name: Wanders() if name == "wanders" else create(name)
    )
    run = live(session(names, engine="wanders", stop_at_plan=True))
    last = run.wait_for_end()
    assert last.status is Status.DIVERGED
    assert "has stayed 3 nats above its start for 200 steps" in last.message
    assert "with half the learning rate" in last.message
    assert last.step >= 650  # step 450 was near its start again
    assert last.step < 800
    assert sorted(run.losses) == [*range(last.step)]


def test_the_answer_to_a_command_does_not_wait_for_the_next_chunk():
    session = Session(load_dataset(), SMALL, LONG, engine="numpy")
    told: list[float | None] = []  # the rate of a snapshot, None for a chunk

    def observe(_first: int, _losses: np.ndarray) -> None:
        told.append(None)
        if told.count(None) == 3:
            session.submit(SetLearningRate(0.002))
        elif told.count(None) == 4:
            session.close()

    session.run(lambda snapshot: told.append(snapshot.train.learning_rate), observe)
    third = [at for at, rate in enumerate(told) if rate is None][2]
    changed = told.index(0.002)
    assert changed < [at for at, rate in enumerate(told) if rate is None][3]
    assert changed > third
