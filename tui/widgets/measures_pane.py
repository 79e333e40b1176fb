"""Both studies: the best loss within one second, and the launch model of a GPU."""

from __future__ import annotations

from textwrap import wrap

from textual import events
from textual.content import Content

from eetui.core.race.studies.launch_model import (
    COMPUTE_US,
    D_MODELS,
    LAUNCHES,
    SCENARIOS,
    LaunchResult,
)
from eetui.core.race.studies.measures import MEASURED, Measures
from eetui.core.race.studies.one_second import D_MODELS as ONE_SECOND_WIDTHS
from eetui.core.race.studies.one_second import OneSecondResult
from eetui.tui import figures
from eetui.tui.waterfall import FULL, SAVED, Scale
from eetui.tui.widgets.pane import DIM, MUTED, LinesPane, Part, line

ONE_SECOND = "the best loss within one second"
ABOUT_ONE_SECOND = "Nats after a second of training at batch 16; on M5: EEmicroGPT's figures."
LAUNCH_MODEL = "a step here and a GPU's launches"
ABOUT_LAUNCH_MODEL = (
    "Microseconds a step at batch 16. GPU: no measurement, but EEmicroGPT's model, "
    f"{LAUNCHES} launches at {', '.join(f'{s.launch_us:g}' for s in SCENARIOS)} us and "
    f"{COMPUTE_US:g} us of computing; × is over the step here."
)
LABEL_WIDTH = 42
AFTER_WIDTH = 20


class MeasuresPane(LinesPane):
    """Two tables; the second one is drawn as bars if they fit."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._measures = Measures()

    def update(self, measures: Measures) -> None:
        """Show what has been measured so far."""
        self._measures = measures
        self._draw()

    def on_resize(self, _event: events.Resize) -> None:
        self._draw()

    def _draw(self) -> None:
        width, height = self.content_size
        if width < 40:
            return
        above = [*_heading(ONE_SECOND, ABOUT_ONE_SECOND, width), *_one_second(self._measures)]
        reasons = _reasons(self._measures.one_second)
        told = [part for reason in reasons for part in wrap(reason, width)]
        heading = _heading(LAUNCH_MODEL, ABOUT_LAUNCH_MODEL, width)
        rest = _bars(self._measures, width)
        room = height - len(above) - 1 - len(heading)
        if len(told) + len(rest) > room:
            rest = _rows(self._measures.launches)
        if len(told) + len(rest) > room:  # the league has them in full
            told = [figures.clip(reason, width) for reason in reasons]
        self.show([*above, *(line((words, DIM)) for words in told), line(), *heading, *rest])


def _heading(title: str, about: str, width: int) -> list[Content]:
    return [line((title, "bold $primary")), *(line((part, MUTED)) for part in wrap(about, width))]


def _one_second(measures: Measures) -> list[Content]:
    """A row for each width; for each contestant its loss, EEmicroGPT's, and the pace."""
    names = line((" " * 8 + "".join(name.rjust(31) for name in MEASURED), "bold $foreground"))
    heads = "d_model".rjust(8) + "".join(
        word.rjust(w)
        for _ in MEASURED
        for word, w in (("loss", 11), ("on M5", 10), ("us/step", 10))
    )
    found = {(r.d_model, r.contestant): r for r in measures.one_second}
    rows = [names, line((heads, MUTED))]
    for d_model in ONE_SECOND_WIDTHS:
        parts: list[Part] = [str(d_model).rjust(8)]
        for name in MEASURED:
            result = found.get((d_model, name))
            loss = result.loss if result else None
            published = result.published if result else None
            us = result.us_per_step if result else None
            parts += [
                (_loss(loss, 11), "bold $foreground"),
                (_loss(published, 10), "$secondary"),
                (figures.pace(us, 10), MUTED),
            ]
        rows.append(line(*parts))
    return rows


def _loss(value: float | None, width: int) -> str:
    """A loss with the four decimals that EEmicroGPT's have."""
    return (figures.ABSENT if value is None else f"{value:.4f}").rjust(width)


def _reasons(results: tuple[OneSecondResult, ...]) -> list[str]:
    """Why a contestant has no figures, each reason once."""
    return [*dict.fromkeys(f"∅ {r.contestant} cannot: {r.reason}" for r in results if r.reason)]


def _bars(measures: Measures, width: int) -> list[Content]:
    """For each width a bar of the time measured here, and one for each way to launch."""
    times = [s.us_per_step for s in SCENARIOS]
    times += [s.us_per_step for c in measures.launches for s in c.standings if s.us_per_step]
    on = Scale(min(times) / 2, max(times), max(width - LABEL_WIDTH - AFTER_WIDTH, 1))
    lines: list[Content] = []
    for d_model, launch in _by_width(measures.launches).items():
        title = f"d_model {d_model}"
        if launch is None:
            lines += [line(), line((title.ljust(13), MUTED), (figures.ABSENT, DIM))]
            continue
        lines.append(line())
        best = [launch.best] if launch.best else []
        for standing in (*best, *launch.gpus):
            where = f"here, {standing.name}"
            lines.append(_bar(title, where, standing.us_per_step, "", on, FULL, "$primary"))
            title = ""
        for scenario in SCENARIOS:
            factor = figures.speedup(launch.factor(scenario))
            us = scenario.us_per_step
            where = f"GPU, {scenario.name}"
            lines.append(_bar(title, where, us, factor, on, SAVED, "$secondary"))
            title = ""
    return lines


def _bar(
    title: str, where: str, us: float | None, factor: str, on: Scale, fill: str, style: str
) -> Content:
    length = round(on.column(us)) if us else 0
    head = f"{title.ljust(14)}{where}".ljust(LABEL_WIDTH)
    bar = (fill * length, style)
    return line((head, MUTED), bar, (f" {figures.pace(us)}", "bold $foreground"), f"  {factor}")


def _rows(launches: tuple[LaunchResult, ...]) -> list[Content]:
    """The same in one row for each width, with the fastest GPU of this machine."""
    has_gpu = any(launch.gpus for launch in launches)
    heads = ["d_model".rjust(8), "here".rjust(10), "GPU here".rjust(10) if has_gpu else ""]
    heads += [f"GPU at {s.launch_us:g} us".rjust(16) for s in SCENARIOS]
    lines = [line(("".join(heads), MUTED))]
    for d_model, launch in _by_width(launches).items():
        best = launch.best if launch else None
        parts: list[Part] = [str(d_model).rjust(8)]
        parts.append((figures.pace(best.us_per_step if best else None, 10), "bold $foreground"))
        if has_gpu:
            times = [s.us_per_step for s in launch.gpus if s.us_per_step] if launch else []
            parts.append((figures.pace(min(times, default=None), 10), "bold $foreground"))
        for scenario in SCENARIOS:
            factor = figures.speedup(launch.factor(scenario) if launch else None, 8)
            parts += [(figures.pace(scenario.us_per_step, 8), "$secondary"), (factor, MUTED)]
        lines.append(line(*parts))
    return lines


def _by_width(launches: tuple[LaunchResult, ...]) -> dict[int, LaunchResult | None]:
    """What was measured at each width; None if it has not been measured yet."""
    return {**dict.fromkeys(D_MODELS), **{launch.d_model: launch for launch in launches}}
