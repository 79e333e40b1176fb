"""Disks that are full, folders that may not be written, places that are no files."""

from __future__ import annotations

import os
import resource
from collections.abc import Callable
from functools import partial
from pathlib import Path

from eetui.core.errors import EetuiError
from eetui.core.run import checkpoint
from tests.campaign.trial import Setting, judge, run_in_fork

NOBODY = 65534
TRAIN = ("train", "--engine", "numpy", "--d-model", "16")


def disks(setting: Setting, n: int) -> None:
    """The run says in a sentence what is wrong; a good checkpoint that was there is still there."""
    random, tally = setting.random, setting.tally
    for i in range(n):
        folder = setting.fresh()
        folder.chmod(0o777)
        save = folder / "run.safetensors"
        train = [
            "train",
            "--engine",
            "numpy",
            "--d-model",
            "16",
            "--steps",
            "4",
            "--save",
            str(save),
        ]
        code, _, err = run_in_fork(train, setting)
        assert code == 0, err
        before = save.read_bytes()
        way = ("full", "read-only", "gone", "name", "state", "pipe")[i % 6]
        limits: Callable[[], None] | None = None
        target = save
        if way == "full":
            most = random.randrange(len(before))
            limits = partial(resource.setrlimit, resource.RLIMIT_FSIZE, (most, most))
        elif way == "read-only":
            folder.chmod(0o555)
            save.chmod(0o666)
            limits = _as_nobody
        elif way == "gone":
            target = folder / "none" / "run"
        elif way == "name":
            target = folder / ("ä" * random.randrange(100, 300))
        elif way == "state":
            target = folder / "run.safetensors" / "below"
        else:
            os.mkfifo(target := folder / "pipe")
        arguments = [*TRAIN, "--steps", "9", "--save", str(target), "--load", str(save)]
        code, out, err = run_in_fork(arguments, setting, limits)
        judge(tally, f"disk {i}, {way}", code, out, err)
        _check_kept(setting, folder, save, before, f"disk {i}, {way}", code)


def _as_nobody() -> None:
    os.setgid(NOBODY)
    os.setuid(NOBODY)


def _check_kept(
    setting: Setting, folder: Path, save: Path, before: bytes, name: str, code: int
) -> None:
    folder.chmod(0o755)
    try:
        checkpoint.load(save)
    except EetuiError as error:
        setting.tally.lost.append(f"{name}: {error}")
        return
    if code != 0 and save.read_bytes() != before:
        setting.tally.lost.append(f"{name}: replaced although it failed")
    if left := [p.name for p in folder.glob(".eetui-*")]:
        setting.tally.others.append(f"{name}: {left} were left")
