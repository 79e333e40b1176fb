"""`eetui sweep`: the search as it goes on stderr, the league and the front on stdout."""

from __future__ import annotations

from eetui.core.data.dataset import Dataset
from eetui.core.errors import EetuiError, UsageError
from eetui.core.files import named
from eetui.core.sweep.keeping import RunRecord
from eetui.core.sweep.progress import SweepProgress, sweep_json
from eetui.core.sweep.request import SweepRequest, prepare
from eetui.core.sweep.study import Study
from eetui.core.sweep.study_export import require_export, write_export
from eetui.core.sweep.sweep import Sweep
from eetui.core.sweep.workers import LocalWorkers, Workers
from eetui.core.text import visible
from eetui.tui import figures
from eetui.tui.cli.console import waiting
from eetui.tui.cli.output import complain, print_json
from eetui.tui.cli.sweep_options import SweepOptions
from eetui.tui.signals import noticed


def run(options: SweepOptions, shipped: str | None, *, as_json: bool = False) -> int:
    """Sweep as `options` say and print the result; gives the exit code, 130 after Ctrl-C."""
    exports = [named(name) for name in options.results or ()]
    for path in exports:
        require_export(path)
    study, dataset = prepare(_request(options, shipped))
    sweep = Sweep(study, _workers(options, dataset), _record(options, study, dataset))
    number, standing = _swept(sweep)
    for path in exports:
        write_export(path, standing)
    if as_json:
        print_json(sweep_json(standing))
    else:
        from eetui.tui.cli.sweep_table import print_sweep

        print_sweep(standing)
    if number:
        complain(f"Interrupted: eetui sweep --study {_reference(study)} goes on.")
        return 128 + number
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


def _workers(options: SweepOptions, dataset: Dataset) -> Workers:
    return LocalWorkers(dataset, options.workers)


def _record(options: SweepOptions, study: Study, dataset: Dataset) -> RunRecord | None:
    if options.no_store:
        if options.store is not None:
            raise UsageError("Use either --store or --no-store.")
        return None
    from eetui.core.store.store import find_store

    return RunRecord(find_store(options.store), dataset, study.name)


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
                tell(_progress(standing))
        return notice.number, sweep.latest


def _progress(standing: SweepProgress) -> str:
    words = [f"{standing.over:,} of {standing.plan.total:,} points"]
    if pruned := standing.count("pruned"):
        words.append(f"{pruned:,} pruned")
    best = standing.best
    if best is not None:
        words.append(f"best {figures.nats(best.mean)} {standing.plan.aim.unit}")
    if standing.left is not None:
        words.append(f"{figures.elapsed(standing.left)} left")
    return f"{standing.doing}: {', '.join(words)}"


def _reference(study: Study) -> str:
    """What --study takes to find the study again."""
    from eetui.core.sweep.storage import default_path

    place = study.place
    if place.file == default_path():
        return f'"{visible(study.name)}"'
    return f'"{visible(place.shown)}#{visible(study.name)}"'


def _exit_code(standing: SweepProgress) -> int:
    failed = next((p for p in standing.points if p.state == "failed"), None)
    if failed is not None:
        raise EetuiError(f"A run failed: {failed.why}")
    return 0
