"""A sweep from what was asked for: its study, its workers, and where its runs are kept."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from eetui.core.sweep.keeping import RunRecord
from eetui.core.sweep.request import SweepRequest, prepare
from eetui.core.sweep.sweep import Sweep
from eetui.core.sweep.workers import LocalWorkers


def start_sweep(
    request: SweepRequest,
    store: Path | None,
    *,
    workers: int | None = None,
    data: str | None = None,
) -> Sweep:
    """A sweep that trains as soon as it is iterated over.

    store: the file of the run store, None to keep no runs. workers: how many, one a core by
    default. data: what a new study is trained on where the request does not say.
    """
    if request.data is None and (request.space or request.shipped is not None):
        request = replace(request, data=data)
    study, dataset = prepare(request)
    record = None if store is None else RunRecord(store, dataset, study.name)
    return Sweep(study, LocalWorkers(dataset, workers), record)
