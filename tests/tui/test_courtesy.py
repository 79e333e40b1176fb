"""On one core the training rests while the screen works, and never for long."""

from __future__ import annotations

from threading import Event, Thread
from time import monotonic

import pytest

from eetui.tui.courtesy import LONGEST_SECONDS, Courtesy
from tests.support.screens import shown, until
from tests.support.scripted import ScriptedSession
from tests.tui.conftest import Open


def test_the_training_waits_for_the_screen_on_a_single_core():
    courtesy, waited = Courtesy(n_cores=1), Event()

    def work() -> None:
        courtesy.wait()
        waited.set()

    courtesy.busy()
    thread = Thread(target=work)
    thread.start()
    assert not waited.is_set()
    courtesy.done()
    assert waited.wait(10)
    thread.join(10)


def test_it_rests_for_a_moment_at_the_most():
    courtesy = Courtesy(n_cores=1)
    courtesy.busy()
    started = monotonic()
    courtesy.wait()
    assert monotonic() - started > LONGEST_SECONDS * 0.9


def test_with_a_core_for_each_nobody_waits():
    courtesy = Courtesy(n_cores=2)
    courtesy.busy()
    started = monotonic()
    courtesy.wait()
    assert monotonic() - started < LONGEST_SECONDS


async def test_the_answer_to_a_key_does_not_wait_for_its_turn(
    screen: Open, monkeypatch: pytest.MonkeyPatch
):
    async with screen() as pilot:
        monkeypatch.setattr("eetui.tui.screens.run_screen.SECONDS_BETWEEN_SHOWINGS", 1e6)
        monkeypatch.setattr("eetui.tui.screens.run_screen.ANSWER_SECONDS", 1e5)
        await pilot.press("space")
        await until(pilot, lambda: "paused" in shown(pilot, "#status"))


async def test_a_flip_is_marked_before_the_session_has_answered(
    screen: Open, session: ScriptedSession, monkeypatch: pytest.MonkeyPatch
):
    async with screen() as pilot:
        monkeypatch.setattr(session, "submit", lambda command: None)
        assert "padding skip    ●" in shown(pilot, "#toggles")
        await pilot.press("p")
        assert "padding skip    ◌ on" in shown(pilot, "#toggles")
        session.publish(step=session.latest.step + 1)
        await until(pilot, lambda: "padding skip    ●" in shown(pilot, "#toggles"))
