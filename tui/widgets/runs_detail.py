"""What differs between the ticked runs, or all there is to tell of one."""

from __future__ import annotations

from collections.abc import Sequence

from textual.content import Content

from eetui.core.store.compare import differences
from eetui.core.store.run_record import Summary
from eetui.tui import figures
from eetui.tui.widgets.pane import MUTED, LinesPane, Part, line

KEY_WIDTH = 16
MOST_COLUMNS = 6


class RunsDetail(LinesPane):
    """A table of only what differs; of one run, its settings."""

    def update(self, runs: Sequence[Summary], marks: Sequence[tuple[str, str]]) -> None:
        """Show runs; marks: the character and style of each."""
        if len(runs) == 1:
            self.border_title = "one run"
            self.show(_about(runs[0]))
            return
        self.border_title = f"what differs between {len(runs)} runs"
        self.show(_table(runs[:MOST_COLUMNS], marks) if runs else [line(("no run", MUTED))])


def _about(run: Summary) -> list[Content]:
    lines = [
        line((figures.clip(run.name, 40), "bold $primary"), f"   {run.id}"),
        line((run.note or "no note", MUTED)),
        line(f"{run.cpu}, {run.instruction_set}"),
        line(
            f"{run.seconds:.1f} s in steps, {run.wall_seconds:.1f} s by the clock, "
            f"{run.cpu_seconds:.1f} s CPU"
        ),
    ]
    for key, value in run.settings.items():
        lines.append(line((key.ljust(KEY_WIDTH + 2), MUTED), str(value)))
    return lines


def _table(runs: Sequence[Summary], marks: Sequence[tuple[str, str]]) -> list[Content]:
    found = differences(runs)
    rows = [("", [mark for mark, _ in marks[: len(runs)]])]
    rows += [
        ("loss", [figures.nats(run.loss) for run in runs]),
        ("held-out loss", [figures.nats(run.held_out_loss) for run in runs]),
    ]
    rows += [(key, [str(value) for value in values]) for key, values in found.items()]
    width = max([6, *(len(cell) for _, cells in rows for cell in cells)]) + 2
    lines = []
    for key, cells in rows:
        parts: list[Part] = [(key.ljust(KEY_WIDTH), MUTED)]
        for cell, (_, style) in zip(cells, marks, strict=False):
            parts.append((cell.rjust(width), style))
        lines.append(line(*parts))
    if not found:
        lines.append(line(("All settings are the same.", MUTED)))
    return lines
