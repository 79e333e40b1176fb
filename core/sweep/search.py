"""Optuna's words for a plan: its distributions, its sampler and its pruner."""

from __future__ import annotations

from collections.abc import Mapping
from random import SystemRandom
from typing import TYPE_CHECKING, Any

from eetui.core.sweep.space import Dimension, Space
from eetui.core.sweep.storage import optuna
from eetui.core.sweep.sweep_plan import SweepPlan

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution
    from optuna.pruners import BasePruner
    from optuna.samplers import BaseSampler

STARTUP = 10
"""Points that a pruner sees before it ends one early."""


def distributions_of(space: Space) -> dict[str, BaseDistribution]:
    """What Optuna calls the settings that vary, by key."""
    return {d.key: _distribution(d) for d in space.dimensions}


def _distribution(dimension: Dimension) -> BaseDistribution:
    library = optuna()
    values: tuple[Any, ...] = dimension.values
    if dimension.scale == "choice":
        found: BaseDistribution = library.distributions.CategoricalDistribution(values)
        return found
    low, high = values
    is_log = dimension.scale == "log"
    ranged: BaseDistribution = library.distributions.FloatDistribution(low, high, log=is_log)
    return ranged


def sampler_of(plan: SweepPlan, *, is_new: bool) -> BaseSampler:
    """Optuna's sampler of a plan.

    The plan's seed draws the points of a new study. Whoever goes on with one, perhaps beside
    another driver, must not draw the same again.
    """
    samplers = optuna().samplers
    seed = plan.seed % 2**32 if is_new else SystemRandom().getrandbits(32)
    match plan.sampler:
        case "qmc":
            made: BaseSampler = samplers.QMCSampler(
                seed=seed, scramble=True, warn_asynchronous_seeding=False,
                warn_independent_sampling=False,
            )  # fmt: skip
        case "tpe":
            made = samplers.TPESampler(seed=seed, constant_liar=True)
        case _:
            made = samplers.RandomSampler(seed=seed)
    return made


def pruner_of(plan: SweepPlan) -> BasePruner:
    """Optuna's pruner of a plan."""
    pruners = optuna().pruners
    made: Mapping[str, Any] = {
        "none": pruners.NopPruner,
        "median": lambda: pruners.MedianPruner(n_startup_trials=STARTUP, n_warmup_steps=1),
        "percentile": lambda: pruners.PercentilePruner(25.0, n_startup_trials=STARTUP),
        "halving": pruners.SuccessiveHalvingPruner,
        "hyperband": lambda: pruners.HyperbandPruner(max_resource=8),
        "wilcoxon": pruners.WilcoxonPruner,
    }
    pruner: BasePruner = made[plan.pruner]()
    return pruner
