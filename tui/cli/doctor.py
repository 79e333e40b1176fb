"""`eetui doctor`: what eetui finds on this machine."""

from __future__ import annotations

from eetui.core import doctor
from eetui.tui.cli.console import data
from eetui.tui.cli.output import print_json


def run(*, as_json: bool = False) -> int:
    """Print the report; gives 1 if something in it keeps eetui from working, else 0."""
    report = doctor.examine()
    if as_json:
        print_json(report.as_dict())
    else:
        _print(report)
    return 1 if report.problems else 0


def _print(report: doctor.Report) -> None:
    from rich.table import Table

    console = data()
    for section in report.sections:
        console.print(section.title, style="bold")
        table = Table(box=None, show_header=False, padding=(0, 2, 0, 2))
        table.add_column(no_wrap=True)
        table.add_column(overflow="fold")
        for name, detail in section.details.items():
            table.add_row(name.replace("_", " "), _words(detail))
        console.print(table)
    for problem in report.problems:
        console.print(f"Problem: {problem}", style="bold red")
    if not report.problems:
        console.print("Everything that eetui needs is there.")


def _words(detail: doctor.Detail) -> str:
    if isinstance(detail, bool):
        return "yes" if detail else "no"
    if isinstance(detail, list):
        has_sentences = any(" " in item for item in detail)
        return ("\n" if has_sentences else " ").join(detail) or "none"
    return str(detail)
