"""The studies that come with the program: EEmicroGPT's sweep.sh, and its search for a loss of 2."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from eetui.core.errors import UsageError
from eetui.core.sweep.aim import Aim
from eetui.core.sweep.point import SweepPoint
from eetui.core.sweep.space import Dimension, Space, Value, make_space
from eetui.core.sweep.sweep_plan import SweepPlan, make_plan
from eetui.core.text import told

SWEEP_SH = "sweep.sh"
TIME_TO_2 = "time-to-2"
STUDIES = {
    SWEEP_SH: "EEmicroGPT's sweep.sh: one setting at a time around its default",
    TIME_TO_2: "the essay's search for the shortest time to a loss below 2.0",
}

DEFAULT: dict[str, Value] = {
    "d_model": 64,
    "n_heads": 4,
    "learning_rate": 0.01,
    "steps": 1000,
    "batch": 16,
}
"""What sweep.sh leaves as it is."""

TIME_TO_2_PUBLISHED = {
    "d_model": 32,
    "batch": 64,
    "learning_rate": 0.007,
    "seconds": 5.1,
    "machine": "Apple M5, one performance core",
}
"""The best that EEmicroGPT's essay found, on its author's machine."""


@dataclass(frozen=True, slots=True)
class PublishedLine:
    """A line of EEmicroGPT's sweep_results.csv (https://github.com/Entrpi/eemicrogpt, commit
    3d057d8): what its scalar and its SME2 path reached on an Apple M5.

    The losses, nats, are those of the last batch alone, so they differ by 0.2 from seed to seed.
    ms: the whole training.
    """

    key: str
    value: Value
    loss: float
    loss_sme2: float
    ms: float
    ms_sme2: float

    @property
    def point(self) -> dict[str, Value]:
        """The settings of the line."""
        return {**DEFAULT, self.key: self.value}


PUBLISHED = (
    PublishedLine("d_model", 16, 2.0286, 2.0408, 200.41, 222.60),
    PublishedLine("d_model", 32, 2.2869, 2.3052, 466.05, 451.36),
    PublishedLine("d_model", 64, 2.3830, 2.3647, 1551.20, 927.75),
    PublishedLine("d_model", 128, 2.2536, 2.1589, 6153.71, 3022.49),
    PublishedLine("n_heads", 1, 2.4438, 2.3428, 1544.85, 909.46),
    PublishedLine("n_heads", 2, 2.3772, 2.3576, 1587.17, 920.06),
    PublishedLine("n_heads", 4, 2.3830, 2.3647, 1603.59, 944.39),
    PublishedLine("n_heads", 8, 2.3136, 2.3525, 1655.43, 999.12),
    PublishedLine("learning_rate", 0.001, 2.3994, 2.3963, 1920.19, 1097.25),
    PublishedLine("learning_rate", 0.003, 2.3304, 2.3455, 1799.02, 1068.35),
    PublishedLine("learning_rate", 0.01, 2.3830, 2.3647, 1640.99, 953.84),
    PublishedLine("learning_rate", 0.03, 2.4321, 2.4687, 1643.32, 913.89),
    PublishedLine("steps", 500, 2.0612, 2.0540, 772.48, 475.00),
    PublishedLine("steps", 1000, 2.3830, 2.3647, 1651.19, 939.22),
    PublishedLine("steps", 2000, 2.0532, 2.0296, 3328.71, 1897.75),
    PublishedLine("steps", 5000, 2.0969, 2.1125, 8429.81, 4766.91),
    PublishedLine("batch", 8, 1.9674, 1.9883, 893.89, 497.74),
    PublishedLine("batch", 16, 2.3830, 2.3647, 1711.04, 945.87),
    PublishedLine("batch", 32, 2.0135, 1.9995, 3459.73, 1885.05),
    PublishedLine("batch", 64, 2.0465, 2.0496, 7126.68, 3831.78),
)


def shipped_plan(name: str, **more: Any) -> SweepPlan:
    """The plan of a study that comes with the program; raises `UsageError` if there is none.

    more: what a person says otherwise, as `make_plan` takes it.
    """
    given = {key: value for key, value in more.items() if value is not None}
    if name == SWEEP_SH:
        return make_plan(_one_at_a_time(), Aim("loss", by_point=True), study=name, **given)
    if name == TIME_TO_2:
        space = make_space({"d_model": "16,32,64", "batch": "8..128", "lr": "0.003..0.03"})
        return make_plan(space, Aim("time", seconds=3.0, threshold=2.0), study=name, **given)
    raise UsageError(f"There is no study {told(name)}: there are {', '.join(STUDIES)}.")


def _one_at_a_time() -> Space:
    points = dict.fromkeys(tuple(line.point.items()) for line in PUBLISHED)
    dimensions = (
        Dimension(key, "choice", tuple(dict.fromkeys(dict(point)[key] for point in points)))
        for key in DEFAULT
    )
    return Space(tuple(dimensions), listed=tuple(points))


def beside(points: tuple[SweepPoint, ...]) -> list[tuple[PublishedLine, SweepPoint | None]]:
    """Every published line with the point of ours that has its settings, if it is done."""
    done = {tuple(sorted(p.settings.items())): p for p in points if p.state == "done"}
    return [(line, done.get(tuple(sorted(line.point.items())))) for line in PUBLISHED]
