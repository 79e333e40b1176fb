"""The race: whose slice it is, what counts as time, and how it ends for everyone."""

from __future__ import annotations

import platform

import numpy as np
import pytest

from eetui.core.errors import UsageError
from eetui.core.race.lane import KEPT_NAMES, RacePlan
from eetui.core.race.standing import ContestantStatus
from tests.core.race.conftest import Fake


def test_slices_go_to_whoever_has_the_fewest_seconds(race, clock):
    leagues = race([Fake("slow", clock, us=40_000), Fake("quick", clock, us=10)], seconds=1)
    both = [league.standings for league in leagues if all(s.steps for s in league.standings)]
    apart = [abs(a.seconds - b.seconds) for a, b in both if not (a.is_over or b.is_over)]
    assert max(apart) <= 0.1
    slow, quick = leagues[-1].standings
    assert (slow.status, quick.status) == (
        ContestantStatus.OUT_OF_TIME,
        ContestantStatus.OUT_OF_TIME,
    )
    assert slow.seconds == pytest.approx(1, abs=0.04)
    assert quick.seconds == pytest.approx(1, rel=0.01)


def test_in_turns_one_is_done_before_the_next_begins(race, clock):
    leagues = race([Fake("a", clock), Fake("b", clock)], seconds=1, turns=True)
    assert all(a.is_over for a, b in (league.standings for league in leagues) if b.steps)
    assert all(s.status is ContestantStatus.OUT_OF_TIME for s in leagues[-1].standings)


def test_only_training_is_on_the_clock(race, clock):
    """Compiling takes 7 s and names take 20 ms in these fakes."""
    last = race([Fake("a", clock, us=250, names_us=20_000)], seconds=2)[-1]
    (a,) = last.standings
    assert a.us_per_step == pytest.approx(250)
    assert a.us_per_sample == pytest.approx(250 / 16)
    assert a.samples == 16 * a.steps == 16 * 8000
    assert a.compile_seconds == pytest.approx(7)
    assert len(a.names) * 0.02 <= 0.1 * a.seconds + 2 * 0.02


def test_one_that_takes_longer_than_the_budget_does_one_step(race, clock):
    (a,) = race([Fake("a", clock, us=9e6, batch=1)], seconds=1)[-1].standings
    assert (a.status, a.steps, a.samples) == (ContestantStatus.OUT_OF_TIME, 1, 1)
    assert a.us_per_sample == pytest.approx(9e6)
    assert a.loss == 3.0
    assert a.names[-1].step == 1


@pytest.mark.parametrize("steps", [1, 2, 137, 1000])
def test_steps_are_kept_to_exactly(race, clock, steps):
    told = []
    fake = Fake("a", clock, us=50)

    def observe(name, first, losses):
        told.append((first, losses))

    (a,) = race([fake], seconds=None, steps=steps, observe=observe)[-1].standings
    assert (a.status, a.steps, fake.done) == (ContestantStatus.FINISHED, steps, steps)
    assert [first for first, _ in told] == [*np.cumsum([0, *fake.slices[:-1]])]
    assert np.array_equal(
        np.concatenate([losses for _, losses in told]), 3.0 - np.arange(steps) / 1000
    )


def test_whichever_limit_comes_first(race, clock):
    quick, slow = Fake("quick", clock, us=10), Fake("slow", clock, us=10_000)
    q, s = race([quick, slow], seconds=1, steps=500)[-1].standings
    assert (q.status, q.steps) == (ContestantStatus.FINISHED, 500)
    assert (s.status, s.steps) == (ContestantStatus.OUT_OF_TIME, 100)


def test_slices_grow_so_that_the_clock_is_read_seldom(race, clock):
    fake = Fake("a", clock, us=10)
    race([fake], seconds=1)
    assert fake.slices[:4] == [1, 2, 4, 8]
    assert max(fake.slices) == 5000


def test_speed_ups_are_over_this_races_scalar(race, clock):
    fakes = [Fake("slower", clock, us=32e3), Fake("scalar", clock, us=1e3, batch=1)]
    last = race([*fakes, Fake("native", clock, us=32)], seconds=1)[-1]
    assert last.base == (
        f"scalar on {platform.python_implementation()} {platform.python_version()}, in this race"
    )
    assert [s.speedup for s in last.standings] == pytest.approx([0.5, 1, 500])
    assert [s.name for s in last.ranking] == ["native", "scalar", "slower"]


def test_without_scalar_they_are_over_the_slowest_and_say_so(race, clock):
    last = race([Fake("a", clock, us=100), Fake("b", clock, us=400)], seconds=1)[-1]
    assert last.base == "b, the slowest measured, in this race"
    assert [s.speedup for s in last.standings] == pytest.approx([4, 1])


def test_who_cannot_race_is_listed_with_the_reason(race, clock):
    missing = Fake("torch", clock, missing="torch is not installed: pip install 'eetui[torch]'.")
    refusing = Fake("tape", clock, breaks=UsageError("Only ReLU can be done here."))
    last = race([missing, refusing, Fake("a", clock)], seconds=0.1)[-1]
    torch, tape, _ = last.standings
    assert (torch.status, torch.reason) == (ContestantStatus.CANNOT, missing.missing)
    assert (tape.status, tape.reason) == (ContestantStatus.CANNOT, "Only ReLU can be done here.")
    assert (torch.us_per_sample, torch.speedup, torch.loss) == (None, None, None)
    assert [s.name for s in last.ranking] == ["a", "torch", "tape"]


def test_who_fails_is_told_and_the_others_race_on(race, clock):
    fakes = [
        Fake("a", clock, breaks=RuntimeError("no compiler")),
        Fake("b", clock, fails_at=100),
        Fake("c", clock, worthless_at=100),
        Fake("d", clock),
    ]
    a, b, c, d = race(fakes, seconds=1)[-1].standings
    assert (a.status, a.reason) == (ContestantStatus.FAILED, "RuntimeError: no compiler.")
    assert (b.status, b.reason) == (ContestantStatus.FAILED, "ZeroDivisionError: division by zero.")
    assert (c.status, c.reason) == (
        ContestantStatus.FAILED,
        "The loss of step 101 is not finite: lower the learning rate.",
    )
    assert b.steps == c.steps == 63
    assert b.loss is not None
    assert d.status is ContestantStatus.OUT_OF_TIME


def test_a_skipped_one_keeps_what_it_has(race, task, clock):
    skipped: set[str] = set()

    def skip_later(name, first, losses):
        if first > 100:
            skipped.update({"a", "waiting"})

    fakes = [Fake("a", clock), Fake("b", clock, us=5e5), Fake("waiting", clock)]
    a, b, waiting = race(fakes, seconds=1, turns=True, skipped=skipped, observe=skip_later)[
        -1
    ].standings
    assert a.status is waiting.status is ContestantStatus.SKIPPED
    assert a.steps > 100
    assert a.us_per_sample
    assert waiting.steps == 0
    assert b.status is ContestantStatus.OUT_OF_TIME


def test_names_are_shown_as_they_improve(race, clock):
    (a,) = race([Fake("a", clock, us=1000)], seconds=30)[-1].standings
    steps = [names.step for names in a.names]
    assert steps == sorted(set(steps))
    assert steps[0] == 1
    assert steps[-1] == a.steps == 30_000
    assert 4 <= len(steps) <= KEPT_NAMES
    early = [step for step in steps if step <= steps[-1] / 100]
    assert len(early) >= len(steps) / 4  # most of what there is to see comes first
    assert a.names[-1].texts[0] == "a30000-0"
    assert a.names[-1].seconds == pytest.approx(30)


def test_names_come_after_twice_the_time_and_at_least_every_half_second(race, clock):
    """As slices end: 1, 2, 4 ... steps, then as many as take a twentieth of a second."""
    (a,) = race([Fake("a", clock, us=1000)], seconds=3)[-1].standings
    assert [names.step for names in a.names] == [
        1, 3, 7, 15, 31, 63, 163, 363, 763, 1263, 1763, 2263, 2763, 3000,
    ]  # fmt: skip
    (a,) = race([Fake("a", clock, us=1000)], seconds=8)[-1].standings
    assert len(a.names) == 16  # those go that are closest to their neighbours
    assert [names.step for names in a.names[-4:]] == [3763, 4763, 7263, 8000]


def test_what_is_being_done(race, clock):
    leagues = race([Fake("a", clock), Fake("b", clock, missing="It cannot.")], seconds=0.01)
    assert leagues[0].doing == "starting"
    assert leagues[0].at_work is None
    compiling = next(league for league in leagues if league.doing == "a gets ready")
    assert compiling.at_work.status is ContestantStatus.COMPILING
    assert compiling.at_work.name == "a"
    assert (leagues[-1].doing, leagues[-1].at_work) == ("", None)
    assert all(s.is_over for s in leagues[-1].standings)


@pytest.mark.parametrize("plan", [{"seconds": 0.1}, {"seconds": None, "steps": 1000}])
def test_progress_is_the_mean_of_all(race, clock, plan):
    fakes = [Fake("a", clock), Fake("b", clock), Fake("c", clock, missing="It cannot.")]
    leagues = race(fakes, turns=True, **plan)
    progress = [league.progress for league in leagues]
    assert progress == sorted(progress)
    assert (progress[0], progress[-1]) == (0.0, 1.0)
    half = next(
        league for league in leagues if league.find("b").status is ContestantStatus.COMPILING
    )
    assert half.progress == pytest.approx(1 / 3)


def test_energy_is_that_of_the_own_slices(race, clock):
    class Watts:
        """Ten watts, whatever is done."""

        source = "ten watts"
        coarse = False
        joules = staticmethod(lambda: clock.now / 1e8)

    a, b = race([Fake("a", clock, us=100), Fake("b", clock, us=300)], seconds=1, meter=Watts())[
        -1
    ].standings
    assert a.joules == pytest.approx(10, rel=0.01)
    assert b.joules_per_step == pytest.approx(3e-3)
    (a,) = race([Fake("a", clock)], seconds=1)[-1].standings
    assert a.joules is a.joules_per_step is None

    class Coarse(Watts):
        """Counts in steps longer than a slice."""

        coarse = True

    last = race([Fake("a", clock)], seconds=1, meter=Coarse())[-1]
    assert (last.energy, last.standings[0].joules) == ("", None)
    last = race([Fake("a", clock)], seconds=1, meter=Coarse(), turns=True)[-1]
    assert last.energy == "ten watts"
    assert last.standings[0].joules == pytest.approx(10, rel=0.01)


@pytest.mark.parametrize(
    ("plan", "part"),
    [
        ({"seconds": None}, "A race needs an end"),
        ({"seconds": 0}, "seconds must be above 0"),
        ({"seconds": float("nan")}, "seconds must be above 0"),
        ({"steps": 0}, "steps must be between 1 and 10^9"),
        ({"threshold": -1}, "threshold must be above 0"),
    ],
)
def test_impossible_plans(plan, part, refused):
    with refused(part):
        RacePlan(**plan)


def test_impossible_line_ups(race, clock, refused):
    with refused("at least one contestant"):
        race([])
    with refused("a is named twice"):
        race([Fake("a", clock), Fake("b", clock), Fake("a", clock)])
