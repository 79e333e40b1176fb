"""Foreign text in every place where text enters."""

from __future__ import annotations

import asyncio
import json
import os
from dataclasses import replace
from pathlib import Path

from textual.widgets import Input

from eetui.core.config import ModelConfig, TrainConfig
from eetui.core.data.dataset import load_dataset
from eetui.core.model.state import TrainState
from eetui.core.optimizations import Optimizations
from eetui.core.run import checkpoint
from eetui.core.run.session import Session
from eetui.tui.app import EetuiApp
from tests.campaign.trial import HOSTILE, Setting, judge, run_in_fork, unprintable
from tests.support.screens import everything

TRAIN = ["train", "--engine", "numpy", "--d-model", "8", "--steps", "2", "--batch", "2"]


def foreign(setting: Setting, n: int) -> None:
    """It is shown as text, and nothing in it moves a cursor; JSON has the text itself."""
    places = (_as_documents, _as_a_file_name, _as_metadata, _as_an_argument, _on_the_screen)
    for i in range(n):
        places[i % len(places)](setting, HOSTILE[(i // len(places)) % len(HOSTILE)], i)


def _as_documents(setting: Setting, text: str, i: int) -> None:
    data = setting.fresh() / "data.txt"
    data.write_bytes((text.encode("utf-8", "surrogatepass") + b"\n") * 5)
    for more in ([], ["--json"]):
        code, out, err = run_in_fork([*TRAIN, "--data", str(data), *more], setting)
        judge(setting.tally, f"documents {ascii(text)[:60]}", code, out, err)
        if more and code == 0:
            json.loads(out)


def _as_a_file_name(setting: Setting, text: str, i: int) -> None:
    name = text.replace("/", "_").replace("\0", "_")[:80] + ".txt"
    data = setting.fresh() / name
    try:
        data.write_text("anna\nbert\nclaire\n" * 3)
    except (OSError, UnicodeEncodeError):
        name = os.fsdecode(b"\xff\xfe.txt")
        data = data.with_name(name)
        data.write_text("anna\nbert\nclaire\n" * 3)
    save = data.with_name("run.safetensors")
    code, out, err = run_in_fork([*TRAIN, "--data", str(data), "--save", str(save)], setting)
    judge(setting.tally, f"file name {ascii(text)[:60]}", code, out, err)
    if code or not save.exists():
        setting.tally.lost.append(f"file name {ascii(text)[:60]}: code {code}, not saved")


def _as_metadata(setting: Setting, text: str, i: int) -> None:
    path = setting.fresh() / "run.safetensors"
    checkpoint.save(path, _made("names"))
    content = path.read_bytes()
    size = int.from_bytes(content[:8], "little")
    header = json.loads(content[8 : 8 + size])
    header["__metadata__"][("data", "version", "format", "step", "optimizations")[i // 5 % 5]] = (
        text
    )
    new = json.dumps(header).encode()
    path.write_bytes(len(new).to_bytes(8, "little") + new + content[8 + size :])
    data = path.with_name("data.txt")
    data.write_text("xyz\n")
    code, out, err = run_in_fork(["sample", "--load", str(path), "--data", str(data)], setting)
    judge(setting.tally, f"metadata {ascii(text)[:60]}", code, out, err)


def _as_an_argument(setting: Setting, text: str, i: int) -> None:
    text = text.replace("\0", "")
    option = ("--data", "--save", "--load", "--prefix", "--engine", "--set")[i // 5 % 6]
    code, out, err = run_in_fork([*TRAIN, option, text], setting)
    judge(setting.tally, f"{option} {ascii(text)[:60]}", code, out, err)


def _on_the_screen(setting: Setting, text: str, i: int) -> None:
    """As a prefix, as paths that are saved and opened, and as what the data are called."""
    setting.tally.trials += 1
    before = os.getcwd()
    os.chdir(setting.fresh())
    try:
        shown = asyncio.run(_shown(text))
    except Exception as error:
        setting.tally.tracebacks.append(f"screen {ascii(text)[:60]}: {error!r}"[:300])
    else:
        if dirty := unprintable(shown):
            setting.tally.others.append(f"screen {ascii(text)[:60]}: shows {dirty}")
    finally:
        os.chdir(before)


async def _shown(text: str) -> str:
    Path("odd.txt").write_bytes(("abc\n" + text.replace("\0", "")).encode("utf-8", "replace"))
    data = replace(load_dataset("odd.txt"), name=text)
    model = ModelConfig(d_model=8, n_heads=2, vocab_size=data.vocab_size)
    session = Session(data, model, TrainConfig(batch=2), engine="numpy", prefix="a")
    app = EetuiApp(session)
    shown = []
    async with app.run_test(size=(100, 34)) as pilot:
        app.notify(text, title=text)
        await pilot.pause(0.2)
        for key in ("slash", "s", "o"):
            app.simulate_key(key)
            await pilot.pause(0.05)
            if isinstance(app.focused, Input):
                app.focused.value = text
                app.simulate_key("enter")
            await pilot.pause(0.1)
            shown.append(everything(app.screen))
    session.close()
    return "\n".join(shown)


def _made(name: str) -> checkpoint.Checkpoint:
    data = load_dataset()
    model = ModelConfig(d_model=8, n_heads=2, vocab_size=data.vocab_size)
    state = TrainState.create(model, 1)
    return checkpoint.Checkpoint(
        state, model, TrainConfig(), Optimizations(), data.vocabulary, name
    )
