"""`eetui sweep`: the search as it goes on stderr, the league and the front on stdout."""

from __future__ import annotations

from pathlib import Path

from eetui.core.errors import EetuiError, UsageError
from eetui.core.files import named
from eetui.core.sweep.progress import SweepProgress, sweep_json
from eetui.core.sweep.request import SweepRequest
from eetui.core.sweep.start import start_sweep
from eetui.core.sweep.study_export import require_export, write_export
from eetui.core.sweep.sweep import Sweep
from eetui.tui import figures
from eetui.tui.cli.console import waiting
from eetui.tui.cli.output import complain, print_json
from eetui.tui.cli.sweep_options import SweepOptions
from eetui.tui.signals import exit_code, noticed


def run(options: SweepOptions, shipped: str | None, *, as_json: bool = False) -> int:
    """Sweep as `options` say and print the result; gives the exit code, 130 after Ctrl-C."""
    exports = [named(name) for name in options.results or ()]
    for path in exports:
        require_export(path)
    request = _request(options, shipped)
    sweep = start_sweep(
        request, _store(options), workers=options.workers, on=options.on, tls=options.tls
    )
    number, standing = _swept(sweep)
    for path in exports:
        write_export(path, standing)
    if as_json:
        print_json(sweep_json(standing))
    else:
        from eetui.tui.cli.sweep_table import print_sweep

        print_sweep(standing)
    if number:
        complain(f"Interrupted: eetui sweep --study {standing.reference} goes on.")
        return exit_code(number)
    return _exit_code(standing)


def _request(options: SweepOptions, shipped: str | None) -> SweepRequest:
    return SweepRequest(
        space=options.texts(),
        shipped=shipped,
        aim=options.aim,
        runs=options.runs,
        seeds=options.seeds,
        seed=options.first_seed,
        seconds=options.run_seconds,
        within=options.within,
        sampler=options.sampler,
        pruner=options.pruner,
        study=options.study,
        data=options.data,
    )


def _store(options: SweepOptions) -> Path | None:
    if options.no_store:
        if options.store is not None:
            raise UsageError("Use either --store or --no-store.")
        return None
    from eetui.core.store.store import find_store

    return find_store(options.store)


def _swept(sweep: Sweep) -> tuple[int, SweepProgress]:
    """Run it to its end; a signal ends it in order. Gives the signal's number or 0."""
    told = ""
    with noticed() as notice, waiting() as tell:
        notice.held = True  # what is at work is put back before the program ends
        for standing in sweep:
            if notice.number:
                sweep.stop()
            if standing.notice and standing.notice != told:
                told = standing.notice
                complain(told)
            if tell:
                tell(_told(standing))
        return notice.number, sweep.latest


def _told(progress: SweepProgress) -> str:
    left = "" if progress.left is None else f", {figures.elapsed(progress.left)} left"
    return f"{progress.doing}: {progress.counts}{left}"


def _exit_code(standing: SweepProgress) -> int:
    failed = next((p for p in standing.points if p.state == "failed"), None)
    if failed is not None:
        raise EetuiError(f"A run failed: {failed.why}")
    return 0
