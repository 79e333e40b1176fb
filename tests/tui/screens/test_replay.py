"""A capsule on the screen: its own keys in the key bar; keys that change a run are refused."""

from __future__ import annotations

import pytest

from eetui.core.config import ModelConfig, TrainConfig
from eetui.core.data.dataset import load_dataset
from eetui.core.run.session import Session
from eetui.core.store.capsule import pack
from eetui.core.store.playback import SPEEDS, Playback
from eetui.core.store.recorder import Recorder
from eetui.core.store.store import Store
from eetui.tui.screens.replay import ReplayScreen
from tests.support.screens import COMPACT, FULL, NotedApp, until


@pytest.fixture
def playback(tmp_path) -> Playback:
    """A run of 400 steps, which takes longer to play than the test to press its keys."""
    path = tmp_path / "runs.sqlite"
    names = load_dataset()
    session = Session(
        names,
        ModelConfig(d_model=8, n_heads=2),
        TrainConfig(batch=4, steps=400),
        engine="numpy",
        measure_peak=False,
        stop_at_plan=True,
    )
    recorder = Recorder(path, session, names)
    session.run(recorder.watching(lambda _: None), recorder.observe)
    recorder.close()
    with Store(path) as store:
        return Playback(pack(store, "last"), names)


@pytest.mark.parametrize("size", [FULL, COMPACT])
async def test_the_keys_of_a_replay(playback, size):
    app = NotedApp(playback, None, ReplayScreen(playback))
    async with app.run_test(size=size, notifications=True) as pilot:
        await until(pilot, lambda: playback.latest.step > 0)
        bound = [each.binding for each in app.screen.active_bindings.values()]
        bar = {each.description for each in bound if each.show}
        assert bar == {"pause", "slower", "faster", "view", "help", "quit"}
        await pilot.press("b")
        await until(pilot, lambda: any("only plays" in each for each in app.notices))
        await pilot.press(">")
        await until(pilot, lambda: any(f"{SPEEDS[1]:g}×" in each for each in app.notices))
