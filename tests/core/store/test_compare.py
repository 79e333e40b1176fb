"""Two runs compared: what differs, both curves, and whether seeds explain it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from eetui.core.curves.history import Curve
from eetui.core.curves.track import TrackCurve
from eetui.core.store.compare import SeedVerdict, compare, differences, loss_at
from eetui.core.store.run_record import Curves, Summary
from eetui.core.store.store import Store

from .conftest import Make
from .test_store import NEW


def curves(loss: float, last: int = 1000) -> Curves:
    steps = np.arange(10, last + 1, 10)
    seconds = (steps * 1e-3).astype(np.float64)
    return Curves(
        Curve(steps, seconds, np.full(len(steps), loss), np.full(len(steps), 1000.0)),
        TrackCurve(steps, seconds, np.full(len(steps), loss + 0.05)),
    )


def run(store: Store, progress: Make, loss: float, **settings: object) -> Summary:
    begun = store.begin(**NEW)
    store.write(begun.id, progress(settings=settings, curves=curves(loss)))
    return store.find(begun.id)


def test_only_what_differs_is_told(store: Store, progress: Make) -> None:
    a = run(store, progress, 2.0, learning_rate=0.01)
    b = run(store, progress, 2.1, learning_rate=0.02, batch=32)
    assert differences([a, b]) == {"learning_rate": (0.01, 0.02), "batch": (16, 32)}
    assert differences([a, a]) == {}
    assert differences([a, b._replace(configuration='{"batch": 16}')])["seed"] == (42, None)


def test_curves_at_the_same_steps_and_seconds(store: Store, progress: Make) -> None:
    a, b = run(store, progress, 2.0), run(store, progress, 2.1)
    found = compare(a, b, store.runs(), store.curves)
    assert found.differences == {}
    assert 2 < len(found.by_steps) <= 8
    assert found.by_steps[-1].at == 1000
    assert found.by_seconds[-1].at == pytest.approx(1.0)
    for point in (*found.by_steps, *found.by_seconds):
        assert (point.loss_a, point.loss_b) == (pytest.approx(2.0), pytest.approx(2.1))
        assert (point.held_out_a, point.held_out_b) == (
            pytest.approx(2.05), pytest.approx(2.15),
        )  # fmt: skip
    assert found.verdict is None


def test_the_shorter_run_ends_the_comparison(store: Store, progress: Make) -> None:
    a, b = run(store, progress, 2.0), store.begin(**NEW)
    store.write(b.id, progress(curves=curves(2.1, last=300)))
    found = compare(a, store.find(b.id), store.runs(), store.curves)
    assert found.by_steps[-1].at == 300
    empty = store.begin(**NEW)
    assert compare(a, empty, store.runs(), store.curves).by_steps == ()


@pytest.mark.parametrize(("gap", "told"), [(0.5, True), (0.001, False)])
def test_seeds_decide_whether_a_difference_is_one(
    store: Store, progress: Make, gap: float, told: bool
) -> None:
    noise = np.random.default_rng(3).normal(0, 0.02, (2, 5))
    first: dict[float, Summary] = {}
    for rate, losses in ((0.01, 2.0 + noise[0]), (0.02, 2.0 + gap + noise[1])):
        for seed, loss in enumerate(losses.tolist()):
            made = run(store, progress, loss, learning_rate=rate, seed=seed)
            first.setdefault(rate, made)
    verdict = compare(first[0.01], first[0.02], store.runs(), store.curves).verdict
    assert verdict is not None
    assert (verdict.n_a, verdict.n_b, verdict.what) == (5, 5, "held-out loss")
    assert verdict.low < gap < verdict.high
    assert verdict.more_than_seeds is told


def test_two_seeds_of_the_same_settings_are_no_two_groups(store: Store, progress: Make) -> None:
    a, b = run(store, progress, 2.0, seed=1), run(store, progress, 2.1, seed=2)
    assert compare(a, b, store.runs(), store.curves).verdict is None


def test_the_interval_covers_as_often_as_it_says(store: Store, progress: Make) -> None:
    """By simulation of its arithmetic alone: 3 seeds against 4, no difference at all."""
    rng = np.random.default_rng(5)
    row = run(store, progress, 2.0)
    missed = 0
    for _ in range(300):
        made: dict[str, Curves] = {}
        runs = []
        for i in range(7):
            settings = {"seed": i, "learning_rate": 0.01 if i < 3 else 0.02}
            text = str(settings).replace("'", '"')
            runs.append(row._replace(id=str(i), configuration=text))
            made[str(i)] = curves(2.0 + rng.normal(0, 0.05), last=20)
        verdict = compare(runs[0], runs[3], runs, made.__getitem__).verdict
        assert verdict is not None
        missed += verdict.more_than_seeds
    assert missed <= 0.05 * 300 + 3 * np.sqrt(300 * 0.05 * 0.95)


def test_a_loss_at_a_step_is_the_mean_just_before_it() -> None:
    steps = np.array([10, 20, 40, 80])
    curve = Curve(steps, steps * 1.0, np.array([4.0, 3.0, 2.0, 1.0]), np.ones(4))
    assert loss_at(curve, [80], "steps") == pytest.approx(1.0)
    assert loss_at(curve, [45], "steps")[0] == pytest.approx((4 * 2 + 5 * 1) / 9)
    assert np.isnan(loss_at(curve, [0], "seconds")).all()


def test_the_points_are_evenly_spread_on_a_logarithmic_axis(store: Store, progress: Make) -> None:
    """From the later beginning to the earlier end, or from a thousandth of that."""
    a = run(store, progress, 2.0)
    made = store.begin(**NEW)
    store.write(made.id, progress(curves=curves(2.1, last=300)))
    found = compare(a, store.find(made.id), store.runs(), store.curves)
    assert [p.at for p in found.by_steps] == [10, 16, 26, 43, 70, 114, 185, 300]
    assert [p.at for p in found.by_seconds] == pytest.approx(np.geomspace(0.01, 0.3, 8))
    for place in (16, 114):  # held-out losses are those before a place
        (point,) = [p for p in found.by_steps if p.at == place]
        assert (point.held_out_a, point.held_out_b) == pytest.approx((2.05, 2.15))


def test_before_the_first_held_out_loss_there_is_none(store: Store, progress: Make) -> None:
    early = curves(2.0)
    later = replace(early, held_out=TrackCurve(np.array([100]), np.array([0.1]), np.array([2.2])))
    made = [store.begin(**NEW) for _ in range(2)]
    for each in made:
        store.write(each.id, progress(curves=later))
    a, b = (store.find(each.id) for each in made)
    found = compare(a, b, store.runs(), store.curves)
    assert [p.held_out_a for p in found.by_steps if p.at < 100] == [None] * 4
    assert {p.held_out_b for p in found.by_steps if p.at >= 100} == {2.2}


def test_the_verdict_is_welchs(store: Store, progress: Make) -> None:
    """By hand: the means differ by 0.3, the standard error is 0.1414, with 2.94 degrees of
    freedom, of which two are whole: Student's t is 4.303."""
    first: dict[float, Summary] = {}
    for rate, losses in ((0.01, (2.0, 2.1, 2.2)), (0.02, (2.2, 2.4, 2.6))):
        for seed, loss in enumerate(losses):
            first.setdefault(rate, run(store, progress, loss, learning_rate=rate, seed=seed))
    verdict = compare(first[0.01], first[0.02], store.runs(), store.curves).verdict
    assert verdict is not None
    error = (0.01 / 3 + 0.04 / 3) ** 0.5
    assert verdict.difference == pytest.approx(0.3)
    assert (verdict.low, verdict.high) == pytest.approx((0.3 - 4.303 * error, 0.3 + 4.303 * error))
    assert (verdict.step, verdict.what) == (1000, "held-out loss")


def test_without_a_held_out_loss_of_every_seed_the_training_loss_decides(
    store: Store, progress: Make
) -> None:
    first: dict[float, Summary] = {}
    for rate in (0.01, 0.02):
        for seed in (1, 2):
            made = store.begin(**NEW)
            own = curves(2.0 + rate + 0.1 * seed)
            if (rate, seed) == (0.02, 2):
                own = replace(own, held_out=TrackCurve(*np.zeros((3, 0))))
            settings = {"learning_rate": rate, "seed": seed}
            store.write(made.id, progress(settings=settings, curves=own))
            first.setdefault(rate, store.find(made.id))
    verdict = compare(first[0.01], first[0.02], store.runs(), store.curves).verdict
    assert verdict is not None
    assert (verdict.what, verdict.n_a, verdict.n_b) == ("loss", 2, 2)
    assert verdict.difference == pytest.approx(0.01)


def test_of_a_seed_the_longest_run_counts_and_other_data_never(
    store: Store, progress: Make
) -> None:
    def made(loss: float, n: int, seed: int, rate: float, **new: str) -> Summary:
        begun = store.begin(**{**NEW, **new})
        settings = {"learning_rate": rate, "seed": seed}
        store.write(begun.id, progress(n, settings=settings, curves=curves(loss, 10 * n)))
        return store.find(begun.id)

    a, b = made(2.0, 50, 1, 0.01), made(2.5, 50, 1, 0.02)
    made(9.0, 40, 2, 0.01)
    made(2.0, 50, 2, 0.01)
    made(2.5, 50, 2, 0.02)
    made(9.0, 50, 3, 0.02, data_fingerprint="other")
    verdict = compare(a, b, store.runs(), store.curves).verdict
    assert verdict is not None
    assert (verdict.step, verdict.n_a, verdict.n_b) == (500, 2, 2)
    assert (verdict.low, verdict.difference, verdict.high) == pytest.approx((0.5, 0.5, 0.5))
    assert verdict.more_than_seeds


@pytest.mark.parametrize(
    ("low", "high", "told"), [(0.0, 1.0, False), (-1.0, 0.0, False), (0.1, 1.0, True)]
)
def test_an_interval_that_touches_zero_explains_nothing(
    low: float, high: float, told: bool
) -> None:
    assert SeedVerdict("loss", 1, 2, 2, 0.5, low, high).more_than_seeds is told
