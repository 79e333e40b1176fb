"""Undo, redo and branches: whatever was asked, the log leads to the same bits."""

from __future__ import annotations

import os
import random
from pathlib import Path

import numpy as np
import pytest

from eetui.core.config import ModelConfig
from eetui.core.data.dataset import Dataset, load_dataset
from eetui.core.errors import UsageError
from eetui.core.run.commands import (
    ApplyPreset,
    Branch,
    ChangeTemperature,
    Command,
    CycleOptimization,
    EndGhost,
    GoOn,
    Load,
    Pause,
    Redo,
    Restart,
    Resume,
    ReturnToNow,
    Rewind,
    Save,
    ScaleBatch,
    ScaleLearningRate,
    SetBatch,
    SetLearningRate,
    SetNames,
    SetOptimization,
    SetSteps,
    ToggleGhost,
    Travel,
    TravelBy,
    TravelOn,
    Undo,
)
from eetui.core.run.snapshot import Status
from tests.support.driven import TINY, TRAIN, Run

OTHER = ModelConfig(d_model=16, n_heads=2, block_size=4)
SEQUENCES = int(os.environ.get("EETUI_TEST_SEQUENCES", "100"))


@pytest.fixture(scope="module")
def few(names, tmp_path_factory) -> Dataset:
    """So few documents that a run is made in no time."""
    path = tmp_path_factory.mktemp("data") / "few.txt"
    path.write_text("\n".join(sorted(set(Path(names.path).read_text().split()))[::500]))
    return load_dataset(str(path))


@pytest.mark.parametrize(
    ("command", "label", "of"),
    [
        (SetBatch(7), "batch 7", lambda t: t.train.batch),
        (SetLearningRate(0.002), "lr 0.002", lambda t: t.train.learning_rate),
        (SetSteps(2000), "plan 2,000", lambda t: t.train.steps),
        (SetOptimization("fast_exp", False), "fast exp off", lambda t: t.optimizations.fast_exp),
        (SetNames(temperature=0.9), "temperature 0.9", lambda t: t.names.temperature),
        (ChangeTemperature(up=False), "temperature 0.4", lambda t: t.setup.temperature),
        (SetNames(prefix="k"), "prefix k", lambda t: t.names.prefix),
        (SetNames(prefix="k"), "prefix k", lambda t: t.setup.prefix),
    ],
)
def test_a_setting_goes_back_and_forth_on_the_present_weights(names, command, label, of) -> None:
    run = Run(names)
    run.train(10)
    before = of(run.trainer)
    run.ask(command)
    after = of(run.trainer)
    assert after != before
    run.train(10)
    bits = run.bits()
    assert run.controller.undo_stack.undo_label == label
    run.ask(Undo())
    assert (of(run.trainer), run.bits()) == (before, bits)
    assert run.controller.undo_stack.redo_label == label
    run.train(10)
    run.ask(Redo())
    assert of(run.trainer) == after
    assert run.trainer.state.step == 30
    run.train(5)
    run.check()


@pytest.mark.parametrize("to", [Restart(), Restart(OTHER, TRAIN), Load(Path("saved"))])
def test_a_run_that_was_left_comes_back_as_it_was(names, tmp_path, monkeypatch, to) -> None:
    monkeypatch.chdir(tmp_path)
    run = Run(names)
    run.train(20)
    run.ask(Save(Path("saved")), SetBatch(3))
    run.train(20)
    bits, setup, curve = run.bits(), run.trainer.setup, run.trainer.history.curve()
    run.ask(to)
    run.ask(Resume())
    run.train(7)
    left = run.bits()
    run.ask(Undo())
    assert (run.bits(), run.trainer.setup) == (bits, setup)
    assert run.trainer.history.curve().steps.tolist() == curve.steps.tolist()
    run.ask(Redo())
    assert run.bits() == left
    run.ask(Undo(), Undo())
    assert run.trainer.train.batch == 2
    run.ask(Resume())
    run.train(5)
    run.check()


def test_names_are_those_of_the_moment_that_a_run_goes_back_to(names: Dataset) -> None:
    run = Run(names)
    run.train(10)
    run.ask(SetNames(temperature=0.8, prefix="an"))
    run.train(10)
    run.ask(ChangeTemperature(up=True), SetNames(prefix=""))
    assert run.controller.undo_stack.undo_label == "no prefix"
    run.train(10)
    run.ask(Branch(2, 15))
    assert (run.trainer.names.temperature, run.trainer.names.prefix) == (0.8, "an")
    run.ask(Restart(ModelConfig(d_model=8, n_heads=2, block_size=2), TRAIN))
    assert run.trainer.names.prefix == run.trainer.setup.prefix == "a"  # for which there is room
    run.ask(Undo(), Undo())
    assert (run.trainer.names.temperature, run.trainer.names.prefix) == (0.9, "")
    with pytest.raises(UsageError):
        run.ask(SetNames(prefix="Ж"))
    assert (run.trainer.setup.temperature, run.trainer.setup.prefix) == (0.9, "")
    run.check()


def test_a_branch_has_the_weights_and_settings_of_then_and_can_be_undone(names) -> None:
    run = Run(names)
    run.train(30)
    bits = run.bits()
    run.train(10)
    run.ask(SetBatch(5))
    run.train(10)
    end = run.bits()
    entries = run.trainer.logbook.n_entries
    run.ask(Branch(entries - 1, 30))
    assert (run.bits(), run.trainer.train.batch) == (bits, 2)
    assert run.trainer.history.curve().steps.max() <= 30
    run.ask(Undo())
    assert (run.bits(), run.trainer.train.batch) == (end, 5)
    run.check()
    for never in (Branch(0, 51), Branch(99, 3), Branch(entries, 10)):
        with pytest.raises(UsageError):
            run.ask(never)
    assert run.bits() == end


def test_undo_after_a_divergence_goes_on_from_the_last_good_step(names) -> None:
    run = Run(names)
    run.train(20)
    run.ask(SetLearningRate(0.5))
    run.train(3)
    run.trainer.state.params[0] = np.nan
    run.train(1)
    assert run.controller.lifecycle.status is Status.DIVERGED
    run.ask(Undo())
    assert run.controller.lifecycle.status is Status.PAUSED
    assert run.trainer.train.learning_rate == TRAIN.learning_rate
    assert run.trainer.state.is_finite
    run.ask(Resume())
    run.train(20)
    run.check()


def test_a_preset_sets_all_toggles_and_there_is_a_way_back(names) -> None:
    run = Run(names)
    on = run.controller.choice.wanted
    run.ask(SetOptimization("fast_exp", False))
    own = run.controller.choice.wanted
    run.ask(ApplyPreset("off"))
    off = run.controller.choice.wanted
    assert not off.padding_skip
    assert run.controller.undo_stack.undo_label == "all together off"
    run.ask(Undo())
    assert run.controller.choice.wanted == own
    run.ask(Redo())
    assert run.controller.choice.wanted == off
    run.ask(ApplyPreset("on"))
    assert run.controller.choice.wanted == on
    run.ask(ApplyPreset("back"))
    assert run.controller.choice.wanted == own


def test_the_way_back_from_presets_leads_to_what_was_before_the_first(names) -> None:
    run = Run(names)
    on = run.controller.choice.wanted
    run.ask(ApplyPreset("off"), ApplyPreset("eemicrogpt"), ApplyPreset("back"))
    assert run.controller.choice.wanted == on
    run.ask(ApplyPreset("off"), SetOptimization("fast_exp", True))
    own = run.controller.choice.wanted
    run.ask(ApplyPreset("eemicrogpt"), ApplyPreset("back"))
    assert run.controller.choice.wanted == own


def test_without_a_preset_there_is_no_way_back(names) -> None:
    with pytest.raises(UsageError, match="nothing to go back to"):
        Run(names).ask(ApplyPreset("back"))
    with pytest.raises(UsageError, match="no preset"):
        ApplyPreset("fastest")


def test_a_setting_changes_before_there_is_an_engine_as_well(few) -> None:
    run = Run(few, waits=False)
    assert run.trainer.engine is None
    run.controller.execute(SetBatch(5))
    run.controller.execute(SetLearningRate(0.01))
    run.settle()
    run.train(5)
    assert (run.trainer.train.batch, run.trainer.train.learning_rate) == (5, 0.01)
    run.ask(Undo(), Undo())
    assert run.trainer.train == TRAIN
    run.check()


def test_there_may_be_nothing_to_undo_or_redo(names, refused) -> None:
    run = Run(names)
    with refused("nothing to undo"):
        run.ask(Undo())
    run.ask(SetBatch(2))  # no change
    with refused("nothing to undo"):
        run.ask(Undo())
    run.ask(SetBatch(3), Undo(), SetBatch(4))
    with refused("nothing to redo"):
        run.ask(Redo())


def random_command(rng: random.Random, run: Run, saved: Path) -> Command:
    step, entries = run.trainer.state.step, run.trainer.log.entries
    at = rng.randrange(len(entries) + 1)
    last = entries[at].step if at < len(entries) else step
    commands: list[Command] = [
        SetBatch(rng.randint(1, 6)),
        ScaleBatch(rng.random() < 0.3),
        SetLearningRate(rng.choice((0.001, 0.01))),
        ScaleLearningRate(rng.random() < 0.5),
        GoOn(rng.randint(1, 50)),
        SetSteps(rng.randint(1, 300)),
        CycleOptimization(rng.choice(("fast_exp", "padding_skip", "prefix_sharing", "adam"))),
        ApplyPreset(rng.choice(("off", "eemicrogpt", "on"))),
        Restart(),
        Restart(rng.choice((TINY, OTHER)), TRAIN),
        Rewind(),
        Load(saved),
        Branch(at, rng.randint(0, last)),
        ChangeTemperature(rng.random() < 0.5),
        SetNames(rng.choice((None, 0.3, 1.5)), rng.choice((None, "", "k", "an"))),
        Travel(rng.randint(0, step)), TravelOn(rng.random() < 0.8), TravelBy(rng.randint(-9, 9)),
        ReturnToNow(),
        ToggleGhost(), ToggleGhost(),
        EndGhost(rng.randint(1, 4)),
        Undo(), Undo(), Undo(), Redo(), Redo(), Pause(),
    ]  # fmt: skip
    return rng.choice(commands)


@pytest.mark.parametrize("part", range(4))
def test_whatever_is_asked_the_surviving_log_gives_the_same_bits(part, few, tmp_path) -> None:
    for seed in range(part, SEQUENCES, 4):
        rng, saved = random.Random(seed), tmp_path / f"{seed}.safetensors"
        run = Run(few)
        for i in range(12):
            run.train(rng.randint(0, 15))
            if i == 3 and run.trainer.state.is_finite:
                run.ask(Save(saved))  # once: the log names a file that stays as it is
            try:
                run.ask(random_command(rng, run, saved))
                if rng.random() < 0.8:
                    run.ask(Resume())
            except UsageError:
                continue
        run.train(5)
        run.check()
