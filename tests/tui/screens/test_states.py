"""The banner and the panes when the run is not simply running."""

from __future__ import annotations

from eetui.core.model.statistics import SampleStatistics
from eetui.core.run.commands import (
    Branch,
    Pause,
    Redo,
    Restart,
    ReturnToNow,
    Rewind,
    Travel,
    TravelBy,
    TravelOn,
)
from eetui.core.run.snapshot import NameSample, Status, Visit
from eetui.tui.widgets.loss_chart import LossChart
from tests.support.screens import COMPACT, FULL, main_screen, shown, until
from tests.support.scripted import snapshot, toggles


async def test_compiling_shows_a_line_that_moves_and_nothing_else_does(screen, session):
    async with screen() as pilot:
        main = main_screen(pilot)
        place = main.query_one("#loss").region
        session.publish(message="Compiling the kernels for d_model 32 ...")
        await until(pilot, lambda: "Compiling the kernels" in shown(pilot, "#plan"))
        before = shown(pilot, "#plan")
        session.publish(step=4240)
        await until(pilot, lambda: "4,240" in shown(pilot, "#status"))
        await until(pilot, lambda: shown(pilot, "#plan") != before)
        assert main.query_one("#loss").region == place
        session.publish(message="")
        await until(pilot, lambda: "Compiling" not in shown(pilot, "#plan"))


async def test_divergence_offers_the_way_back(screen, session):
    async with screen(COMPACT) as pilot:
        session.publish(status=Status.DIVERGED, message="The loss was not finite at step 4,231.")
        await until(pilot, lambda: "4,231" in shown(pilot, "#banner"))
        assert "h" in shown(pilot, "#banner")
        assert "✖ diverged" in shown(pilot, "#status")
        await pilot.press("h")
        assert session.commands == [Rewind()]
        await until(pilot, lambda: not main_screen(pilot).query_one("#banner").display)


async def test_divergence_without_a_good_step_offers_no_way_back(screen, session):
    async with screen() as pilot:
        session.publish(status=Status.DIVERGED, message="Not finite.", can_rewind=False)
        await until(pilot, lambda: "start" in shown(pilot, "#banner"))
        assert "go\xa0back" not in shown(pilot, "#banner")
        await pilot.press("h")
        assert session.commands == []


async def test_what_undo_and_redo_will_do_is_named_beside_their_keys(screen, session):
    for size in (FULL, COMPACT):
        async with screen(size) as pilot:
            assert "undo" not in shown(pilot, "#timeline")
            session.publish(undo="fast exp off", redo="[b]open x[/b]", status=Status.DIVERGED)
            await until(pilot, lambda: "u  undo fast exp off" in shown(pilot, "#timeline"))
            assert "U  redo [b]open x[/b]" in shown(pilot, "#timeline")
            session.publish(message="Not finite.")
            await until(pilot, lambda: "undo\xa0fast\xa0exp\xa0off" in shown(pilot, "#banner"))
            assert await pilot.click("#timeline", offset=(size[0] - 10, 0))
            await until(pilot, lambda: session.commands[-1:] == [Redo()])
            session.publish(undo="", redo="", message="", status=Status.RUNNING)


async def test_a_crash_of_the_thread_leaves_the_program_alive(screen, session):
    async with screen() as pilot:
        session.crash(RuntimeError("out of luck"))
        await until(pilot, lambda: main_screen(pilot).query_one("#error").display)
        assert "RuntimeError: out of luck" in shown(pilot, "#traceback")
        assert "✖ failed" in shown(pilot, "#status")
        await pilot.press("question_mark", "escape", "R", "y")
        assert session.commands == [Restart()]


async def test_a_crash_told_by_the_session_is_shown_and_goes(screen, session):
    async with screen() as pilot:
        session.publish(status=Status.FAILED, message="The trainer stopped.", error="Traceback: x")
        await until(pilot, lambda: shown(pilot, "#traceback") == "Traceback: x")
        assert not main_screen(pilot).query_one("#loss").display
        session.publish(status=Status.RUNNING, message="", error="")
        await until(pilot, lambda: bool(main_screen(pilot).query_one("#loss").display))


async def test_a_run_that_has_not_begun_is_drawn(screen, session):
    session.latest = snapshot(0, status=Status.STARTING)
    async with screen() as pilot:
        assert "starting" in shown(pilot, "#status")
        assert "chance 3.296" in shown(pilot, "#loss")


async def test_another_screen_holds_a_run_that_is_about_to_begin(screen, session):
    session.latest = snapshot(0, status=Status.STARTING)
    async with screen() as pilot:
        await pilot.press("P")
        await until(pilot, lambda: bool(session.commands))
        assert session.commands == [Pause()]


async def test_a_flood_of_snapshots_is_not_drawn_one_by_one(screen, session, monkeypatch):
    async with screen() as pilot:
        drawn = 0
        loss = main_screen(pilot).query_one(LossChart)
        chart = loss.chart

        def counted(*args):
            nonlocal drawn
            drawn += 1
            return chart(*args)

        monkeypatch.setattr(loss, "chart", counted)
        for step in range(5000, 5200):
            session.publish(step=step)
        await until(pilot, lambda: "5,199" in shown(pilot, "#status") and loss.is_settled)
        assert 1 <= drawn <= 5


async def test_names_carry_their_step_and_milestones_stay(screen, session):
    async with screen() as pilot:
        lines = shown(pilot, "#names").splitlines()
        assert lines[1].split() == ["0", "✦qzkvwx", "✦xoffpjq", "✦uuybm", "✦jq"]
        latest = next(line for line in lines if line.split()[:1] == ["4,230"])
        assert "✦jorana" in latest
        assert " brielle" in latest


async def test_a_terminal_too_small_is_told_so(screen, session):
    async with screen((50, 12)) as pilot:
        assert "at least 60 columns" in shown(pilot, "#too-small")
        assert not main_screen(pilot).query_one("#all").display
        await pilot.resize_terminal(80, 24)
        await until(pilot, lambda: bool(main_screen(pilot).query_one("#all").display))


async def test_a_held_out_loss_of_long_ago_says_when_it_was_measured(screen, session):
    for size in (FULL, COMPACT):
        async with screen(size) as pilot:
            fresh, old = session.latest.held_out, session.latest.held_out.until(3000)
            assert fresh.latest_step is not None
            session.publish(step=fresh.latest_step, held_out=fresh)
            await until(pilot, lambda: "held out" in shown(pilot, "#status"))
            session.publish(step=12_400, held_out=old)
            await until(pilot, lambda: "held @3.0k" in shown(pilot, "#status"))
            session.publish(step=fresh.latest_step, held_out=fresh)


async def test_the_timeline_shows_another_time_and_leads_on_from_it(screen, session):
    for size in (FULL, COMPACT):
        async with screen(size) as pilot:
            session.publish(keyframes=(0, 10, 100, 1000), status=Status.PAUSED)
            await until(pilot, lambda: "┴" in shown(pilot, "#timeline"))
            await pilot.press("less_than_sign", "greater_than_sign")
            assert session.commands[-2:] == [TravelOn(back=True), TravelOn(back=False)]
            await pilot.press("escape")
            assert session.commands[-1] == TravelOn(back=False)
            names = (NameSample(100, "oldname", True),)
            now = session.latest
            then = Visit(
                entries=3,
                step=100,
                loss=2.9,
                us_per_step=77.7,
                seconds=0.01,
                learning_rate=0.007,
                train=now.train,
                optimizations=now.optimizations,
                toggles=toggles(fast_exp="off"),
                names=names,
                statistics=SampleStatistics(1, 1.0, 1.0, 7.0),
                temperature=1.3,
                prefix="old",
            )
            session.publish(visit=then, names=now.names)
            await until(pilot, lambda: "step 100 of 4,230" in shown(pilot, "#timeline"))
            assert "2.90" in shown(pilot, "#status")
            assert "77.7" in shown(pilot, "#status")
            assert "temperature 1.3" in str(main_screen(pilot).query_one("#names").border_title)
            assert "1,000" not in shown(pilot, "#names")  # a milestone that was still to come
            await pilot.press("comma", "full_stop")
            assert session.commands[-2:] == [TravelBy(-1), TravelBy(1)]
            await pilot.press("colon", *"2,5", "enter")
            await until(pilot, lambda: session.commands[-1] == Travel(25))
            assert "oldname" in shown(pilot, "#names")
            assert "off" in next(
                row for row in shown(pilot, "#toggles").splitlines() if "fast exp" in row
            )
            await pilot.press("enter")
            await until(pilot, lambda: session.commands[-1] == Branch(3, 100))
            await pilot.press("escape")
            await until(pilot, lambda: session.commands[-1] == ReturnToNow())
            assert await pilot.click("#timeline", offset=(2, 0))
            await until(pilot, lambda: session.commands[-1] == Travel(0))
            session.publish(visit=None)
            await until(pilot, lambda: "step 100 of" not in shown(pilot, "#timeline"))
