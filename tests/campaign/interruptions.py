"""Signals at random moments, to every command."""

from __future__ import annotations

import os
import signal
import subprocess
from contextlib import suppress
from pathlib import Path
from time import monotonic, sleep

from eetui.core.errors import EetuiError
from eetui.core.run import checkpoint
from tests.campaign.trial import ENDINGS, GRACE, PATIENCE, Setting, judge, lines_of, start

TRAIN = ["train", "--d-model", "16", "--steps", "100000000"]


def interruptions(setting: Setting, n: int) -> None:
    """The program ends with 128 and the signal's number, and what was trained is saved."""
    random, tally = setting.random, setting.tally
    trained = setting.folder / "trained.safetensors"
    done = start(["train", "--engine", "numpy", "--steps", "5", "--save", str(trained)], setting)
    done.communicate(timeout=PATIENCE)
    for i in range(n):
        save = setting.fresh() / "run.safetensors"
        commands = (
            [*TRAIN, "--jsonl", "--save", str(save)],
            [*TRAIN, "--engine", "numpy", "--jsonl", "--save", str(save)],
            [*TRAIN, "--engine", "numpy", "--json", "--save", str(save)],
            ["sample", "--load", str(trained), "--n", "20000"],
            ["bench", "--repeats", "50"],
            ["ladder", "--engine", "numpy"],
            ["race", "--contestants", "native,scalar", "--seconds", "30", "--json"],
            ["doctor"],
        )
        arguments = random.choice(commands[:3] if i % 2 else commands)
        number = random.choice(ENDINGS)
        process = start(arguments, setting)
        wait = random.uniform(0.0, 4.0)
        code, out, err = _signalled(process, number, wait)
        name = f"{' '.join(arguments[:4])}, {number.name} after {wait:.2f} s"
        killed_early = code == -number and not out  # before Python had come to the program
        code = 128 + number if killed_early else code
        judge(tally, name, code, "", err.decode("utf-8", "replace"), allowed=(128 + number,))
        if arguments[0] == "train" and not killed_early and code not in (1000,):
            _check_saved(setting, name, save, out if "--jsonl" in arguments else b"", code, err)


def _signalled(
    process: subprocess.Popen[bytes], number: signal.Signals, wait: float
) -> tuple[int, bytes, bytes]:
    """(code, stdout, stderr) of a program that gets a signal after `wait` seconds."""
    try:
        out, err = process.communicate(timeout=wait)
    except subprocess.TimeoutExpired:
        process.send_signal(number)
        try:
            out, err = process.communicate(timeout=GRACE + PATIENCE)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGABRT)  # upon which faulthandler writes the stacks
            with suppress(subprocess.TimeoutExpired):
                process.wait(GRACE)
            os.killpg(process.pid, signal.SIGKILL)
            out, err = process.communicate()
            return 1000, out, err
    return process.returncode, out, err


def _check_saved(
    setting: Setting, name: str, save: Path, out: bytes, code: int, err: bytes
) -> None:
    lost = setting.tally.lost
    steps = [line["step"] for line in lines_of(out)]
    if steps != [*range(1, len(steps) + 1)]:
        lost.append(f"{name}: the lines have gaps")
    if b"Interrupted at step" not in err and not steps:
        return  # it had not begun to train
    try:
        step = checkpoint.load(save).state.step
    except EetuiError as error:
        lost.append(f"{name}: {error} (code {code}, {err[-200:]!r})")
        return
    if steps and step != len(steps):
        lost.append(f"{name}: {len(steps)} lines, and step {step} was saved")


def wait_for(met: object, seconds: float) -> bool:
    """Whether `met()` became true within so many seconds."""
    deadline = monotonic() + seconds
    while not met():  # type: ignore[operator]
        if monotonic() > deadline:
            return False
        sleep(0.01)
    return True
