"""An effect is the median pace after a change beside the pace before it."""

from eetui.core.run.effects import SETTLED_AFTER, SKIPPED, EffectMeter


def test_effect_of_a_toggle_is_measured_after_it_and_then_settles() -> None:
    meter = EffectMeter()
    meter.changed("padding_skip", 80.0)
    assert meter.effect("padding_skip").after is None
    for _ in range(SKIPPED):
        meter.timed(9_999.0)
    for _ in range(SETTLED_AFTER):
        meter.timed(160.0)
    effect = meter.effect("padding_skip")
    assert (effect.before, effect.after, effect.settled) == (80.0, 160.0, True)
    assert effect.ratio == 2.0
    meter.timed(1.0)
    assert meter.effect("padding_skip").after == 160.0


def test_the_next_toggle_ends_the_measurement_of_the_last() -> None:
    meter = EffectMeter()
    meter.changed("fast_exp", 50.0)
    for _ in range(SKIPPED + 3):
        meter.timed(60.0)
    meter.changed("batch", 60.0)
    meter.timed(500.0)
    assert meter.effect("fast_exp").after == 60.0
    assert meter.effect("fast_exp").settled


def test_without_a_pace_before_there_is_no_effect() -> None:
    meter = EffectMeter()
    meter.changed("fast_exp", None)
    meter.timed(5.0)
    assert meter.effect("fast_exp") is None
