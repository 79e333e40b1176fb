"""The session: commands go in, snapshots come out, and no step is lost or seen twice."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from eetui.core.config import TrainConfig
from eetui.core.curves.reading import settings_at
from eetui.core.data.batches import documents_of, learning_rates
from eetui.core.data.dataset import load_dataset
from eetui.core.engines import registry
from eetui.core.engines.numpy import NumpyEngine
from eetui.core.measure import climb, timer
from eetui.core.model.state import TrainState
from eetui.core.optimizations import Optimizations
from eetui.core.run.commands import (
    ChangeTemperature,
    GoOn,
    Load,
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
    SingleStep,
    TogglePause,
    UseEngine,
)
from eetui.core.run.session import Session
from eetui.core.run.snapshot import Status
from tests.support.sessions import LONG, SMALL, batch_of, session


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
