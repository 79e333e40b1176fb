"""What a plan is in Optuna's words."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import optuna
import pytest
from optuna import pruners, samplers
from optuna.distributions import CategoricalDistribution, FloatDistribution

from eetui.core.sweep.search import distributions_of, pruner_of, sampler_of
from eetui.core.sweep.space import make_space

SPACE = make_space({"lr": "0.001..0.03", "beta1": "0.5..0.9", "d_model": "8,16", "batch": "8"})


def test_the_settings_that_vary_are_lists_or_ranges():
    assert distributions_of(SPACE) == {
        "learning_rate": FloatDistribution(0.001, 0.03, log=True),
        "beta1": FloatDistribution(0.5, 0.9),
        "d_model": CategoricalDistribution((8, 16)),
    }


def drawn(sampler: Any) -> list[Any]:
    study = optuna.create_study(sampler=sampler)
    return [study.ask(distributions_of(SPACE)).params for _ in range(3)]


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("random", samplers.RandomSampler),
        ("qmc", samplers.QMCSampler),
        ("tpe", samplers.TPESampler),
    ],
)
def test_the_seed_draws_the_points_of_a_new_study_alone(plan, name, kind):
    plan = replace(plan, space=SPACE, sampler=name, seed=5 + 2**32)
    first = sampler_of(plan, is_new=True)
    assert type(first) is kind
    assert drawn(first) == drawn(sampler_of(plan, is_new=True))
    assert drawn(sampler_of(replace(plan, seed=5), is_new=True)) == drawn(
        sampler_of(plan, is_new=True)
    )
    assert drawn(sampler_of(replace(plan, seed=6), is_new=True)) != drawn(
        sampler_of(plan, is_new=True)
    )
    assert drawn(sampler_of(plan, is_new=False)) != drawn(sampler_of(plan, is_new=False))


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("none", pruners.NopPruner), ("median", pruners.MedianPruner),
        ("percentile", pruners.PercentilePruner), ("halving", pruners.SuccessiveHalvingPruner),
        ("hyperband", pruners.HyperbandPruner), ("wilcoxon", pruners.WilcoxonPruner),
    ],
)  # fmt: skip
def test_each_pruner_is_optunas(plan, name, kind):
    assert type(pruner_of(replace(plan, pruner=name))) is kind


@pytest.mark.parametrize(("name", "kept"), [("median", 4), ("percentile", 2)])
def test_a_pruner_sees_ten_points_before_it_ends_one(plan, name, kept):
    study = optuna.create_study(pruner=pruner_of(replace(plan, pruner=name)))
    lost = []
    for i in range(24):
        trial = study.ask()
        trial.report(float(i % 12), 1)
        trial.report(float(i % 12), 2)
        lost.append(trial.should_prune())
        study.tell(trial, float(i % 12))
    assert not any(lost[:10])
    assert lost[12:] == [False] * kept + [True] * (12 - kept)
