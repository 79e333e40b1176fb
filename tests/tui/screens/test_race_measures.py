"""Both studies on the race's screen: the race rests, and what was measured stays."""

from __future__ import annotations

import pytest

from eetui.core.errors import EngineError
from eetui.tui.screens.race import RaceScreen
from tests.support.screens import COMPACT, FULL, toasts, until
from tests.support.scripted_race import league, measures, measures_with_gpu
from tests.tui.screens.test_race import begin, publish, seen


@pytest.mark.parametrize("size", [FULL, COMPACT])
async def test_measuring_holds_the_race(screen, measuring, size):
    async with screen(size) as pilot:
        race = await begin(pilot, measuring)
        await pilot.press("m")
        assert measuring.n_measurements == 0  # as long as a slice is under way
        await publish(pilot, measuring, league(2.6))
        await until(pilot, lambda: measuring.n_measurements == 1)
        measuring.measured.put(measures(2, "a GPU's launches: d_model 32"))
        await until(pilot, lambda: "83.4" in seen(pilot, "#measures"))
        assert "a GPU's launches: d_model 32" in seen(pilot, "#head")
        assert "2.0869" in seen(pilot, "#measures")
        assert "native+matrix cannot: SME2" in seen(pilot, "#measures")
        assert "1,204" not in seen(pilot, "#measures").partition("launches")[2]
        measuring.measured.put(measures())
        measuring.measured.put(None)
        await until(pilot, lambda: "1,204" in seen(pilot, "#measures").partition("launches")[2])
        assert "4.17×" in seen(pilot, "#measures")  # 130 us of a GPU's launches over 31.2
        assert "measured" in seen(pilot, "#head")
        await pilot.press("escape")
        assert isinstance(pilot.app.screen, RaceScreen)
        race.leagues.put(league(5.0, ""))  # it goes on by itself
        race.leagues.put(None)
        await until(pilot, lambda: "the race is over" in seen(pilot, "#head"))
        await pilot.press("m")
        assert measuring.n_measurements == 1
        await pilot.press("r")
        await until(pilot, lambda: measuring.n_measurements == 2)
        assert len(measuring.races) == 1


@pytest.mark.parametrize("size", [FULL, COMPACT, (120, 60)])
async def test_a_gpu_that_is_here_stands_beside_the_model_of_one(screen, measuring, size):
    async with screen(size) as pilot:
        await begin(pilot, measuring, league(5.0, ""))
        measuring.races[0].leagues.put(None)
        await pilot.press("m")
        measuring.measured.put(measures_with_gpu())
        await until(pilot, lambda: " 256 " in seen(pilot, "#measures"))
        launches = seen(pilot, "#measures").partition("launches")[2]
        assert launches.count(" 200.0") == 5
        assert launches.count("4.17×") == 1
        assert ("here, torch+gpu" in launches) == (size[1] == 60)


async def test_a_measurement_that_fails_is_told_and_the_race_goes_on(screen, measuring):
    async with screen() as pilot:
        await begin(pilot, measuring)
        await pilot.press("m")
        await publish(pilot, measuring, league(2.6))
        measuring.measured.put(EngineError("The engine gave up."))
        await until(pilot, lambda: "The engine gave up." in toasts(pilot))
        await publish(pilot, measuring, league(2.7))
