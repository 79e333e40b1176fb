"""A sweep's trainings as runs of the run store: without weights, which the log trains again."""

from __future__ import annotations

from pathlib import Path

from eetui.core import cpu
from eetui.core.data.dataset import Dataset
from eetui.core.errors import EetuiError
from eetui.core.run.snapshot import Status
from eetui.core.store.run_record import Curves, RunProgress
from eetui.core.store.store import Store
from eetui.core.sweep.job import JobResult
from eetui.core.version import version

STATUS = {
    "done": Status.FINISHED,
    "missed": Status.FINISHED,
    "stopped": Status.CLOSED,
    "diverged": Status.DIVERGED,
}
STUDY = "study"
"""The setting by which the runs of a study are found: `study=amber heron` in the list of runs."""


class RunRecord:
    """Puts trainings down. `problem` says what went wrong with the store, or is empty; the sweep
    goes on without it then."""

    def __init__(self, path: Path, dataset: Dataset, study: str) -> None:
        self.problem = ""
        self._dataset, self._study = dataset, study
        self._cpu, self._version = cpu.detect().name, version()
        self._store: Store | None = None
        try:
            self._store = Store(path)
        except EetuiError as error:
            self.problem = str(error)

    def add(self, result: JobResult) -> str:
        """Keep a training; gives the id of its run, or '' where there is none."""
        kept, status = result.kept, STATUS.get(result.ending)
        if self._store is None or kept is None or status is None:
            return ""
        try:
            run = self._store.begin(
                cpu=self._cpu,
                version=self._version,
                data=self._dataset.source or "",
                data_fingerprint=self._dataset.fingerprint,
            )
            self._store.write(run.id, self._progress(result))
        except EetuiError as error:
            self.problem = str(error)
            self.close()
            return ""
        return run.id

    def _progress(self, result: JobResult) -> RunProgress:
        kept = result.kept
        assert kept is not None
        return RunProgress(
            status=STATUS[result.ending].value,
            instruction_set=kept.instruction_set,
            configuration={**kept.configuration, STUDY: self._study},
            step=result.steps,
            loss=result.loss,
            held_out_loss=result.held_out,
            us_per_step=result.seconds * 1e6 / result.steps if result.steps else None,
            curves=Curves.from_bytes(kept.curves),
            names=[],
            log=kept.log,
        )

    def close(self) -> None:
        """Let go of the store."""
        if self._store is not None:
            self._store.close()
            self._store = None
