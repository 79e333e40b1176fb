"""The form of a run: what it refuses, what it changes live, and what it asks before."""

from __future__ import annotations

from textual.widgets import Input, Select, Static

from eetui.core.run.commands import Restart, SetBatch, SetLearningRate, SetSteps
from eetui.tui.screens.confirm import Confirm
from eetui.tui.screens.run_form import RunForm
from tests.support.present import present
from tests.support.screens import main_screen, until


async def fill(pilot, **values):
    """Open the form and put values into its fields."""
    await pilot.press("c")
    await until(pilot, lambda: isinstance(pilot.app.screen, RunForm))
    await pilot.pause()
    for name, value in values.items():
        field = pilot.app.screen.query_one(f"#{name}")
        assert isinstance(field, Input | Select)
        field.value = value
    await pilot.pause()


def verdict(pilot) -> str:
    return str(pilot.app.screen.query_one("#verdict", Static).render())


async def test_an_illegal_shape_is_refused_in_one_sentence(screen, session):
    async with screen() as pilot:
        await fill(pilot, d_model="33")
        assert verdict(pilot) == "d_model must be a multiple of 4 between 4 and 512, not 33."
        await pilot.press("enter")
        assert isinstance(pilot.app.screen, RunForm)
        pilot.app.screen.query_one("#d_model", Input).value = "x"
        await until(pilot, lambda: verdict(pilot) == "d_model must be a whole number, not 'x'.")
        assert session.commands == []


async def test_live_changes_keep_the_weights(screen, session):
    async with screen() as pilot:
        await fill(pilot, learning_rate="0.003", batch="64", steps="20,000")
        assert "goes on with its weights" in verdict(pilot)
        await pilot.press("enter")
        await until(pilot, lambda: len(session.commands) == 3)
        assert session.commands == [
            SetLearningRate(0.003),
            SetBatch(64),
            SetSteps(20_000),
        ]


async def test_a_change_of_shape_asks_and_starts_a_new_run(screen, session):
    async with screen() as pilot:
        await fill(pilot, d_model="64", activation="relu2", seed="7")
        assert verdict(pilot) == "53,632 parameters. Starts a new run from step 0."
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(pilot.app.screen, Confirm))
        await pilot.press("n")
        await until(pilot, lambda: isinstance(pilot.app.screen, RunForm))
        assert session.commands == []
        await pilot.press("enter", "y")
        await until(pilot, lambda: bool(session.commands))
        (restart,) = session.commands
        assert isinstance(restart, Restart)
        model = present(restart.model)
        assert (model.d_model, model.activation) == (64, "relu2")
        assert present(restart.train).seed == 7
        await until(pilot, lambda: main_screen(pilot).snapshot.model.d_model == 64)


async def test_escape_changes_nothing(screen, session):
    async with screen() as pilot:
        await fill(pilot, d_model="64")
        await pilot.press("escape")
        await pilot.pause()
        assert session.commands == []
