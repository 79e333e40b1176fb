"""The charts of a report: loss against seconds, and the league as bars."""

from __future__ import annotations

from math import log10

from eetui.core.curves.labels import spread
from eetui.core.curves.log_points import decades, loss_points
from eetui.core.race.league import League
from eetui.core.race.report.svg import COLOURS, FAINT, GRID, Drawing
from eetui.core.race.report.words import speedup
from eetui.core.race.studies.published import MACHINE, find_published

WIDTH = 900
LEFT, RIGHT, TOP, BOTTOM = 60, 150, 84, 50
LABEL_HEIGHT = 14
POINTS = 300
ROW = 26


def colour_of(league: League, name: str) -> str:
    """The same colour for a contestant in all charts, unlike those of its neighbours."""
    names = [s.name for s in league.standings]
    return COLOURS[7 * names.index(name) % len(COLOURS)]


def loss_chart(league: League) -> str:
    """Loss against each contestant's own seconds of training, logarithmic."""
    height = 520
    drawing = Drawing(WIDTH, height, "Loss against seconds of training")
    curves = {s.name: loss_points(s.curve, POINTS) for s in league.standings if s.steps}
    _head(drawing, "Loss against seconds of training", _subtitle(league))
    if not curves:
        drawing.text(LEFT, TOP + 40, "Nobody has taken a step.", colour=FAINT)
        return str(drawing)
    first = min(float(x[0]) for x, _ in curves.values())
    last = max(max(float(x[-1]) for x, _ in curves.values()), 2 * first)
    top = max(float(y.max()) for _, y in curves.values())
    low = min([league.plan.threshold, *(float(y.min()) for _, y in curves.values())])
    low, top = low - 0.05, min(top, low + 2.5) + 0.05

    def place(seconds: float, loss: float) -> tuple[float, float]:
        across = log10(seconds / first) / log10(last / first)
        up = (min(loss, top) - low) / (top - low)
        plot_height = height - TOP - BOTTOM
        return LEFT + across * (WIDTH - LEFT - RIGHT), height - BOTTOM - up * plot_height

    for tick in decades(first, last):
        x, y = place(tick, low)
        if not LEFT <= x <= WIDTH - RIGHT:
            continue
        drawing.line([(x, TOP), (x, y)], GRID)
        drawing.text(x, y + 18, _seconds(tick), size=11, colour=FAINT, anchor="middle")
    for tenth in range(int(low * 5) + 1, int(top * 5) + 1):
        x, y = place(first, tenth / 5)
        drawing.line([(x, y), (WIDTH - RIGHT, y)], GRID)
        drawing.text(x - 8, y + 4, f"{tenth / 5:.1f}", size=11, colour=FAINT, anchor="end")
    _, y = place(first, league.plan.threshold)
    drawing.line([(LEFT, y), (WIDTH - RIGHT, y)], FAINT)
    drawing.text(LEFT, TOP - 10, "nats a character", size=11, colour=FAINT)
    ends = []
    for name, (seconds, losses) in curves.items():
        points = [place(*point) for point in zip(seconds.tolist(), losses.tolist(), strict=True)]
        drawing.line(points, colour_of(league, name), 2)
        ends.append((points[-1], name))
    wanted = [y - TOP - LABEL_HEIGHT / 2 for (_, y), _ in ends]
    places = spread(wanted, height - TOP - BOTTOM, LABEL_HEIGHT)
    for ((x, y), name), place_of_label in zip(ends, places, strict=True):
        if place_of_label is None:
            continue
        at = TOP + place_of_label + LABEL_HEIGHT / 2
        drawing.line([(x, y), (WIDTH - RIGHT + 6, at)], GRID)
        drawing.text(WIDTH - RIGHT + 10, at + 4, name, colour=colour_of(league, name), bold=True)
    return str(drawing)


def league_chart(league: League) -> str:
    """Microseconds a sample as bars, the fastest first, logarithmic."""
    rows = [s for s in league.ranking if s.us_per_sample]
    height = TOP + ROW * max(len(rows), 1) + BOTTOM
    drawing = Drawing(WIDTH, height, "Microseconds a sample")
    _head(drawing, "Microseconds a sample", _subtitle(league))
    if not rows:
        drawing.text(LEFT, TOP + 20, "Nobody has taken a step.", colour=FAINT)
        return str(drawing)
    figures = {s.name: find_published(s.name, league.model.d_model, s.batch) for s in rows}
    times = [s.us_per_sample or 0.0 for s in rows]
    ticks = decades(
        min([*times, *(f.us_per_sample for f in figures.values() if f)]),
        max([*times, *(f.us_per_sample for f in figures.values() if f)]),
    )
    left = LEFT + 90

    def across(us: float) -> float:
        return left + log10(us / ticks[0]) / log10(ticks[-1] / ticks[0]) * (WIDTH - left - RIGHT)

    bottom = TOP + ROW * len(rows)
    for tick in ticks:
        drawing.line([(across(tick), TOP), (across(tick), bottom)], GRID)
        drawing.text(
            across(tick),
            bottom + 18,
            f"{tick:,.0f}" if tick >= 1 else f"{tick:g}",
            size=11,
            colour=FAINT,
            anchor="middle",
        )
    for i, (s, us) in enumerate(zip(rows, times, strict=True)):
        y = TOP + i * ROW
        drawing.text(left - 8, y + 17, s.name, anchor="end", bold=True)
        drawing.bar(left, y + 4, across(us) - left, ROW - 8, colour_of(league, s.name))
        end = across(us)
        if figure := figures[s.name]:
            published = across(figure.us_per_sample)
            drawing.diamond(published, y + ROW / 2, 6, FAINT)
            end = max(end, published + 8)
        words = f"{us:,.3g}" if us < 1000 else f"{us:,.0f}"
        if s.speedup:
            words += f"  ·  {speedup(s.speedup)}"
        drawing.text(end + 8, y + 17, words)
    drawing.diamond(LEFT + 6, height - 14, 5, FAINT)
    drawing.text(
        LEFT + 18, height - 10, f"published for a program of its kind on an {MACHINE}",
        size=11, colour=FAINT,
    )  # fmt: skip
    return str(drawing)


def _head(drawing: Drawing, title: str, subtitle: str) -> None:
    drawing.text(LEFT, 28, title, size=18, bold=True)
    drawing.text(LEFT, 46, subtitle, size=12, colour=FAINT)


def _subtitle(league: League) -> str:
    return f"d_model {league.model.d_model}, {league.rules} rules, data {league.data}"


def _seconds(value: float) -> str:
    if value < 1e-3:
        return f"{value * 1e6:g} us"
    return f"{value * 1e3:g} ms" if value < 1 else f"{value:g} s"
