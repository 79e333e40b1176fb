"""Random actions on all screens, at three sizes, with nonsense for every question."""

from __future__ import annotations

import asyncio
import os
from traceback import extract_tb

from textual.pilot import Pilot
from textual.widgets import Input

from eetui.core.config import ModelConfig, TrainConfig
from eetui.core.data.dataset import load_dataset
from eetui.core.run.session import Session
from eetui.tui.actions import ACTIONS, RACE_ACTIONS
from eetui.tui.app import EetuiApp
from tests.campaign.trial import HOSTILE, Setting

SIZES = ((120, 40), (80, 24), (61, 18))
OTHERS = (
    "up", "down", "left", "right", "enter", "escape", "tab", "shift+tab", "j", "k", "y", "n",
    "home", "end", "pagedown", "ctrl+p", "r", "m", "backspace",
)  # fmt: skip
NEVER = {"q", "ctrl+q", "ctrl+c"}
"""What leaves the program is tried by the trials of the terminal."""
PER_APP = 500
LOOKED_AT = 0.2
"""The share of keys after which every widget is waited for. `Pilot.press` waits for a quiet moment
after each, and a training has none."""


def actions(setting: Setting, n: int) -> None:
    """The program is alive after each of them, and so is its training."""
    before = os.getcwd()
    os.chdir(setting.fresh())
    try:
        done = 0
        while done < n:
            size = SIZES[(done // PER_APP) % len(SIZES)]
            asyncio.run(_act(setting, size, min(PER_APP, n - done)))
            done += PER_APP
    finally:
        os.chdir(before)


async def _act(setting: Setting, size: tuple[int, int], n: int) -> None:
    random, tally = setting.random, setting.tally
    data = load_dataset()
    model = ModelConfig(d_model=8, n_heads=2, vocab_size=data.vocab_size)
    session = Session(data, model, TrainConfig(batch=4, steps=10**6), engine="numpy")
    keys = [key for a in (*ACTIONS, *RACE_ACTIONS) for key in a.keys.split(",")]
    keys = [key for key in (*keys, *OTHERS) if key not in NEVER]
    app, done = EetuiApp(session), ""
    try:
        async with app.run_test(size=size) as pilot:
            for _ in range(n):
                tally.trials += 1
                done = await _one(pilot, random.choice(keys), setting)
                if not app.is_running:
                    tally.others.append(f"the program ended after {done}")
                    break
                if session.failure is not None and "finite" not in str(session.failure):
                    tally.others.append(f"the trainer stopped after {done}: {session.failure!r}")
                    break
    except Exception as error:
        where = [f"{f.filename[-40:]}:{f.lineno}" for f in extract_tb(error.__traceback__)[-4:]]
        said = f"{type(error).__name__} after {done}: {str(error)[:300]} ({', '.join(where)})"
        tally.tracebacks.append(said)
    finally:
        session.close()


async def _one(pilot: Pilot[int], key: str, setting: Setting) -> str:
    """Press a key, or type nonsense where there is something to type into; gives what was done."""
    random = setting.random
    focused = pilot.app.focused
    if isinstance(focused, Input) and random.random() < 0.7:
        text = random.choice(HOSTILE)[:300]
        focused.value = text
        await asyncio.wait_for(pilot.press("enter"), 60)
        return f"typing {text!a}"
    if random.random() < 0.02:
        await pilot.resize_terminal(random.randint(1, 200), random.randint(1, 60))
        return "a resize"
    pilot.app.simulate_key(key)
    if random.random() < LOOKED_AT:
        await asyncio.wait_for(pilot.pause(0.01), 60)
    else:
        await asyncio.sleep(0.002)  # as somebody types who does not look
    return f"key {key}"
