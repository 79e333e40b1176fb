"""kill -9 while a checkpoint is being saved."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from time import sleep

import numpy as np

from eetui.core.config import ModelConfig, TrainConfig
from eetui.core.errors import EetuiError
from eetui.core.model.state import TrainState
from eetui.core.optimizations import Optimizations
from eetui.core.run import checkpoint
from tests.campaign.trial import Setting

MODEL = ModelConfig(d_model=64, n_heads=4, vocab_size=27)


def kills(setting: Setting, n: int) -> None:
    """What was there before or after is there, whole, and the next save clears what is left."""
    folder, tally = setting.fresh(), setting.tally
    path = folder / "run.safetensors"
    checkpoint.save(path, _made(0))
    for i in range(n):
        tally.trials += 1
        pid = os.fork()
        if pid == 0:
            _save_for_ever(path, i)
        sleep(setting.random.uniform(0.002, 0.06))
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        try:
            state = checkpoint.load(path).state
            if not (state.params == np.float32(state.step)).all():
                tally.lost.append(f"kill {i}: a mixture of two states")
        except EetuiError as error:
            tally.lost.append(f"kill {i}: {error}")
        checkpoint.save(path, _made(i))
        if left := sorted(p.name for p in folder.iterdir() if p != path):
            tally.others.append(f"kill {i}: {left} were left")


def _save_for_ever(path: Path, i: int) -> None:
    step = 1000 * i
    while True:
        checkpoint.save(path, _made(step := step + 1))


def _made(step: int) -> checkpoint.Checkpoint:
    state = TrainState.create(MODEL, 1)
    state.params[:] = step
    state.step = step
    vocabulary = tuple(map(chr, range(97, 123)))
    return checkpoint.Checkpoint(state, MODEL, TrainConfig(), Optimizations(), vocabulary, "names")
