"""A sweep from what was asked for: its study, its workers, and where its runs are kept."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from eetui.core.data.dataset import Dataset
from eetui.core.errors import UsageError
from eetui.core.sweep.keeping import RunRecord
from eetui.core.sweep.request import SweepRequest, prepare
from eetui.core.sweep.sweep import Sweep
from eetui.core.sweep.workers import LocalWorkers, Workers
from eetui.core.text import told

LOCAL = "local"


def start_sweep(
    request: SweepRequest,
    store: Path | None,
    *,
    workers: int | None = None,
    on: str | None = None,
    tls: str | None = None,
    data: str | None = None,
) -> Sweep:
    """A sweep that trains as soon as it is iterated over.

    store: the file of the run store, None to keep no runs. workers: how many, one a core by
    default. on: a Dask cluster in place of processes of our own; tls: its certificates. data: what
    a new study is trained on where the request does not say.
    """
    if request.data is None and (request.space or request.shipped is not None):
        request = replace(request, data=data)
    study, dataset = prepare(request)
    record = None if store is None else RunRecord(store, dataset, study.name)
    return Sweep(study, _workers(dataset, workers, on, tls), record)


def _workers(dataset: Dataset, n: int | None, on: str | None, tls: str | None) -> Workers:
    if on is None:
        if tls is not None:
            raise UsageError("--tls goes with --on tls://host:8786.")
        return LocalWorkers(dataset, n)
    if on != LOCAL and not on.startswith(("tcp://", "tls://")):
        raise UsageError(f"--on takes tcp://host:8786, tls://host:8786 or local, not {told(on)}.")
    from eetui.core.sweep.cluster import DaskWorkers

    return DaskWorkers(on, dataset, tls=tls, workers=n)
