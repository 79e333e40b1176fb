"""The terminal's driver hears the signals of a shell's job control."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Iterator

import pytest
from textual.app import App

from eetui.tui.terminal import TerminalDriver

CONTROL = (signal.SIGTSTP, signal.SIGCONT)


@pytest.fixture
def stops(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[int]]:
    """The signals that the program sends to itself, which would stop the tests."""
    before = {number: signal.getsignal(number) for number in CONTROL}
    sent: list[int] = []
    monkeypatch.setattr(os, "kill", lambda pid, number: sent.append(number))
    yield sent
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.parametrize(
    ("signals", "expected"),
    [((signal.SIGTSTP,), [signal.SIGSTOP]), (CONTROL, [])],
    ids=["stops", "woken before it stops"],
)
async def test_a_stop_that_is_taken_back_in_time_does_not_happen(
    stops: list[int], signals: tuple[signal.Signals, ...], expected: list[int]
) -> None:
    driver = TerminalDriver(App())
    with driver.no_automatic_restart():  # it draws nothing here that a stop would take away
        for number in signals:
            signal.raise_signal(number)
        await asyncio.sleep(0)
        await asyncio.sleep(0)
    assert stops == expected
