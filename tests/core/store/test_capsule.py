"""A capsule is a run in a few kilobytes that comes out the same."""

from __future__ import annotations

import json
import zlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from eetui.core.config import ModelConfig, TrainConfig
from eetui.core.data.dataset import Dataset, load_dataset
from eetui.core.errors import UsageError
from eetui.core.model.state import TrainState
from eetui.core.run import checkpoint
from eetui.core.run.commands import (
    Command,
    Load,
    Pause,
    Resume,
    SetBatch,
    SetLearningRate,
    SetOptimization,
    SetSteps,
    Undo,
)
from eetui.core.run.log import Entry
from eetui.core.run.session import Session
from eetui.core.run.snapshot import Snapshot
from eetui.core.store import capsule as capsules
from eetui.core.store.capsule import Capsule, pack, read_capsule
from eetui.core.store.check import Sameness, check
from eetui.core.store.recorder import Recorder
from eetui.core.store.store import Store

from ...conftest import Refused

MODEL = ModelConfig(d_model=8, n_heads=2)
TRAIN = TrainConfig(batch=4, steps=300)


@pytest.fixture(scope="module")
def store_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("store") / "runs.sqlite"


@pytest.fixture(scope="module")
def capsule(store_path: Path, names: Dataset) -> Capsule:
    """Of a run with three changes on the way."""
    given: dict[int, Command] = {
        30: SetLearningRate(0.002),
        60: SetBatch(9),
        90: SetOptimization("padding_skip", False),
    }
    session = Session(names, MODEL, TRAIN, engine="numpy", measure_peak=False, stop_at_plan=True)

    def see(snapshot: Snapshot) -> None:
        for step in [step for step in given if snapshot.step >= step]:
            session.submit(given.pop(step))

    recorder = Recorder(store_path, session, names)
    session.run(recorder.watching(see), recorder.observe)
    recorder.close()
    with Store(store_path) as store:
        made = pack(store, "last")
    return read_capsule(made.to_bytes(), "it")


def test_it_is_a_few_kilobytes_and_comes_out_the_same_to_the_bit(
    capsule: Capsule, names: Dataset
) -> None:
    assert len(capsule.to_bytes()) < 10_000
    assert len(capsule.log.entries) == 4
    assert len(capsule.losses.steps) == 300
    steps: list[int] = []
    found = check(capsule, names, steps.append)
    assert (found.sameness, found.expected, found.passed) == (Sameness.BIT, True, True)
    assert steps[-1] == found.steps == 300


def test_another_change_is_found(capsule: Capsule, names: Dataset) -> None:
    entries = [
        Entry(entry.step, SetBatch(10) if isinstance(entry.change, SetBatch) else entry.change)
        for entry in capsule.log.entries
    ]
    other = replace(capsule, log=replace(capsule.log, entries=tuple(entries)))
    found = check(other, names)
    assert found.sameness is not Sameness.BIT
    assert not found.passed


def test_a_loss_in_its_last_bit_is_found(capsule: Capsule, names: Dataset) -> None:
    values = capsule.losses.values.copy()
    values[200] = np.nextafter(np.float32(values[200]), np.float32(9))
    losses = replace(capsule.losses, values=values)
    found = check(replace(capsule, losses=losses), names)
    assert (found.sameness, found.passed) == (Sameness.CLASS, False)


def test_another_instruction_set_is_held_to_the_class(capsule: Capsule, names: Dataset) -> None:
    nudged = replace(capsule.losses, values=capsule.losses.values + 1e-6)
    elsewhere = replace(capsule, instruction_set="Neon x4", losses=nudged)
    found = check(elsewhere, names)
    assert (found.sameness, found.expected, found.passed) == (Sameness.CLASS, False, True)
    assert "Neon x4" in found.why_not
    far = replace(elsewhere, losses=replace(nudged, values=nudged.values + 0.2))
    assert check(far, names).sameness is Sameness.OTHER


def test_an_engine_that_is_not_here_is_replaced(
    capsule: Capsule, names: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    from eetui.core.engines import registry
    from eetui.core.errors import EngineError

    create = registry.create

    def without(name: str) -> object:
        if name == "numpy":
            raise EngineError("There is no NumPy.")
        return create(name)

    monkeypatch.setattr(registry, "create", without)
    found = check(capsule, names)
    assert (found.sameness, found.passed) == (Sameness.CLASS, True)
    assert "engine numpy is not here" in found.why_not


def test_the_documents_can_come_along(store_path: Path, tmp_path: Path, refused: Refused) -> None:
    text = tmp_path / "words.txt"
    text.write_text("\n".join(f" wörd{i % 31}🙂 " for i in range(70)), "utf-8")
    dataset = load_dataset(str(text))
    session = Session(
        dataset, MODEL, TrainConfig(batch=2, steps=20), engine="numpy", measure_peak=False,
        stop_at_plan=True,
    )  # fmt: skip
    recorder = Recorder(store_path, session, dataset)
    session.run(recorder.watching(), recorder.observe)
    recorder.close()
    with Store(store_path) as store:
        alone = pack(store, "last")
        made = pack(store, "last", with_documents=True)
    text.unlink()
    found = read_capsule(made.to_bytes(), "it")
    assert found.dataset is not None
    assert found.dataset.fingerprint == dataset.fingerprint
    assert check(found, found.dataset).sameness is Sameness.BIT
    assert alone.dataset is None
    with refused("holds other documents"):
        check(alone, load_dataset())


@pytest.mark.parametrize("share", [0.0, 0.001, 0.5, 0.99])
def test_a_cut_file_is_refused(capsule: Capsule, refused: Refused, share: float) -> None:
    content = capsule.to_bytes()
    with refused("it is"):
        read_capsule(content[: int(len(content) * share)], "it")


@pytest.mark.parametrize(
    "change",
    [
        {"format": "other"},
        {"version": 3},
        {"losses": [[1, 2], [3.0]]},
        {"losses": [[1], ["x"]]},
        {"losses": 3},
        {"pace": [[1e400], [1]]},
        {"log": {}},
        {"name": 7},
        {"documents": [1]},
        {"weights": None},
    ],
    ids=str,
)
def test_what_makes_no_sense_is_refused(
    capsule: Capsule, refused: Refused, change: dict[str, object]
) -> None:
    values = json.loads(zlib.decompress(capsule.to_bytes()))
    with refused("it "):
        read_capsule(zlib.compress(json.dumps(values | change).encode()), "it")


def test_a_bomb_is_refused(refused: Refused) -> None:
    with refused("too large"):
        read_capsule(zlib.compress(bytes(1 << 28)), "it")


def test_what_unpacks_to_more_than_four_times_the_limit_is_refused(
    capsule: Capsule, refused: Refused, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = capsule.to_bytes()
    size = len(zlib.decompress(content))
    monkeypatch.setattr(capsules, "MOST_BYTES", -(-size // 4))
    assert read_capsule(content, "it").log == capsule.log
    monkeypatch.setattr(capsules, "MOST_BYTES", (size - 1) // 4)
    with refused("too large"):
        read_capsule(content, "it")


@given(st.binary(max_size=200))
def test_any_bytes_are_refused_in_a_sentence(content: bytes) -> None:
    with pytest.raises(UsageError):
        read_capsule(content, "it")


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory, names: Dataset) -> Path:
    """A checkpoint of a run of its own."""
    path: Path = tmp_path_factory.mktemp("saved") / "begun.safetensors"
    begun = Session(names, MODEL, TRAIN, engine="numpy", measure_peak=False, stop_at_plan=True)
    begun.run()
    checkpoint.save(path, begun.checkpoint)
    return path


def continued(store_path: Path, names: Dataset, saved: Path, how: str) -> None:
    """A run of 40 steps that begins with the checkpoint, and has a change on the way."""
    longer = replace(TRAIN, steps=340)
    state = checkpoint.load(saved).state if how == "begun" else None
    session = Session(
        names, MODEL, longer, engine="numpy", measure_peak=False, stop_at_plan=True, state=state
    )
    given: list[Command] = [SetBatch(7)]
    if how == "opened":
        given = [Load(saved), SetSteps(340), Resume(), SetBatch(7)]
    for command in given:
        session.submit(command)
    opened = saved if how == "begun" else None
    recorder = Recorder(store_path, session, names, opened=opened)
    session.run(recorder.watching(), recorder.observe)
    recorder.close()


@pytest.mark.parametrize("how", ["begun", "opened"])
def test_a_run_from_a_checkpoint_comes_out_the_same_with_that(
    tmp_path: Path, names: Dataset, saved: Path, refused: Refused, how: str
) -> None:
    mine = tmp_path / "mine.safetensors"
    mine.write_bytes(saved.read_bytes())
    continued(tmp_path / "runs.sqlite", names, mine, how)
    with Store(tmp_path / "runs.sqlite") as store:
        alone, whole = (
            read_capsule(pack(store, "last", with_documents=with_data).to_bytes(), "it")
            for with_data in (False, True)
        )
        assert alone.state is None
        assert whole.state is not None
        for capsule in (alone, whole):
            found = check(capsule, names)
            assert (found.sameness, found.steps) == (Sameness.BIT, 340)
        mine.rename(tmp_path / "moved.safetensors")
        assert check(whole, names).passed
        with refused("name it with --checkpoint"):
            check(alone, names)
        assert check(alone, names, start=str(tmp_path / "moved.safetensors")).passed
        with refused("not where it was"):
            pack(store, "last", with_documents=True)
    other = tmp_path / "other.safetensors"
    loaded = checkpoint.load(saved)
    checkpoint.save(other, replace(loaded, state=TrainState.create(loaded.model, 9)))
    with refused("not the checkpoint"):
        check(alone, names, start=str(other))


def test_a_run_that_left_a_checkpoint_again_needs_none(
    tmp_path: Path, names: Dataset, saved: Path
) -> None:
    session = Session(names, MODEL, TRAIN, engine="numpy", measure_peak=False, stop_at_plan=True)
    for command in (Pause(), Load(saved), Undo(), Resume()):
        session.submit(command)
    recorder = Recorder(tmp_path / "runs.sqlite", session, names)
    session.run(recorder.watching(), recorder.observe)
    recorder.close()
    with Store(tmp_path / "runs.sqlite") as store:
        capsule = pack(store, "last", with_documents=True)
    assert capsule.state is None
    assert check(capsule, names).sameness is Sameness.BIT


def test_fresh_weights_take_no_checkpoint(
    capsule: Capsule, names: Dataset, saved: Path, refused: Refused
) -> None:
    with refused("leave --checkpoint out"):
        check(capsule, names, start=str(saved))


@pytest.mark.parametrize(
    "change",
    [
        {"step": -1},
        {"step": 299},
        {"params": "AAAA"},
        {"params": "no base64!"},
        {"m": 3},
        {"more": 1},
    ],
    ids=str,
)
def test_a_state_that_makes_no_sense_is_refused(
    tmp_path: Path, names: Dataset, saved: Path, refused: Refused, change: dict[str, object]
) -> None:
    continued(tmp_path / "runs.sqlite", names, saved, "begun")
    with Store(tmp_path / "runs.sqlite") as store:
        values = json.loads(zlib.decompress(pack(store, "last", with_documents=True).to_bytes()))
    values["state"] |= change
    with refused("it is a damaged capsule"):
        read_capsule(zlib.compress(json.dumps(values).encode()), "it")


def test_capsules_of_the_first_version_are_read(capsule: Capsule) -> None:
    values = json.loads(zlib.decompress(capsule.to_bytes()))
    del values["state"]
    old = read_capsule(zlib.compress(json.dumps(values | {"version": 1}).encode()), "it")
    assert old.log == capsule.log
