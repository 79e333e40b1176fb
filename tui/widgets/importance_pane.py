"""How much each setting of a sweep matters, and the settings of the chosen point."""

from __future__ import annotations

from eetui.core.sweep.point import SweepPoint
from eetui.core.sweep.progress import SweepProgress
from eetui.core.sweep.space import written
from eetui.tui import figures
from eetui.tui.widgets.pane import DIM, MUTED, LinesPane, line

KEY_WIDTH = 15
BAR = 16


class ImportancePane(LinesPane):
    """Bars of Optuna's importance, then all there is to tell of a point."""

    def update(self, progress: SweepProgress, point: SweepPoint | None) -> None:
        """Show a sweep and one of its points."""
        self.border_title = "what matters (PED-ANOVA)"
        lines = [
            line(
                (figures.clip(key, KEY_WIDTH).ljust(KEY_WIDTH), MUTED),
                ("━" * round(share * BAR), "$primary"),
                ("─" * (BAR - round(share * BAR)), "$panel"),
                f" {100 * share:3.0f} %",
            )
            for key, share in progress.importances.items()
        ] or [line(("Told after eight points.", MUTED))]
        if point is not None:
            lines.append(line(""))
            for key, value in progress.plan.space.settings(point.settings).items():
                lines.append(line((key.ljust(KEY_WIDTH), MUTED), written(value)))
            lines += [
                line((f"{t.seed}".rjust(6), MUTED), f"{figures.nats(t.held_out, 8)}",
                     (f"{t.steps:>11,} steps", DIM))
                for t in point.trainings
            ]  # fmt: skip
            if point.why:
                lines.append(line((point.why, "$text-error")))
        self.show(lines)
