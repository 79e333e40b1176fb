"""Workers of a Dask cluster: one that is there, or Dask's local one. Dask does the scheduling.

What is sent is configurations, as JSON, and once the documents, under their hash. A batch that is
lost with its worker is done again, by Dask or by us, and counts once: the sweep takes one result of
a job.
"""

from __future__ import annotations

import logging
import queue
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from time import monotonic, sleep
from typing import Any
from uuid import uuid4

from eetui.core.data.dataset import Dataset
from eetui.core.errors import EetuiError, UsageError
from eetui.core.files import named
from eetui.core.sweep import remote
from eetui.core.sweep.job import Began, Job, JobResult, Reported
from eetui.core.sweep.workers import Event, Noticed
from eetui.core.text import visible
from eetui.core.version import version

MISSING = "A cluster needs Dask, which is not installed: pip install 'eetui[cluster]'."
LOCAL = "local"
BATCH_SECONDS = 0.25
"""Work in a task: a scheduler handles some thousand tasks a second, and a run may take 60 ms."""
MOST_IN_BATCH = 64
AHEAD = 3
"""Batches that are given out for each thread of the cluster."""
CONNECT_SECONDS = 10
RETRY_SECONDS = 2
PATIENCE_SECONDS = 600.0
"""How long a scheduler that has gone is waited for."""
MOST_LOSSES = 3
FILES = ("ca.pem", "cert.pem", "key.pem")


class DaskWorkers:
    """Takes jobs in batches; results come in as tasks end. Raises `EetuiError` where there is no
    scheduler, and where a worker has another version of eetui.

    address: 'tcp://host:8786', 'tls://...' or 'local'. tls: a folder with ca.pem, cert.pem and
    key.pem, or None. workers: of a local cluster, one a core by default.
    """

    def __init__(
        self,
        address: str,
        dataset: Dataset,
        *,
        tls: str | None = None,
        workers: int | None = None,
        own_version: str | None = None,
    ) -> None:
        self._library = _distributed()
        if address.startswith("tls://") and tls is None:
            raise UsageError("A scheduler at tls:// wants certificates: --tls FOLDER.")
        self._security = _security(self._library, tls)
        self._version = own_version or version()
        self._data = ("\n".join(dataset.texts), dataset.name)
        self._data_key = f"eetui-data-{dataset.fingerprint}"
        self._channel = f"eetui-{uuid4().hex}"
        self._cluster: Any = None
        self._address = address
        if address == LOCAL:
            self._cluster = self._library.LocalCluster(
                n_workers=workers,
                threads_per_worker=1,
                host="127.0.0.1",  # nobody else may give it work
                dashboard_address=None,
                silence_logs=logging.CRITICAL,
                security=self._security,
            )
            self._address = self._cluster.scheduler_address
        self._jobs: dict[tuple[int, int], Job] = {}
        self._batches: dict[str, tuple[Any, list[Job]]] = {}
        self._losses: dict[tuple[int, int], int] = {}
        self._done: queue.SimpleQueue[tuple[str, Any]] = queue.SimpleQueue()
        self._stopped: set[tuple[int, int]] = set()
        self._pace = BATCH_SECONDS
        self._size = 1
        self._size_due = 0.0
        self._gone: float | None = None
        self._found: list[Event] = []
        self._client = self._connected(CONNECT_SECONDS)

    def _connected(self, seconds: float) -> Any:
        """A client of the scheduler, with the data on their way."""
        try:
            client = self._library.Client(
                self._address, timeout=seconds, security=self._security, set_as_default=False
            )
        except (OSError, TimeoutError, ValueError, RuntimeError) as error:
            shown = visible(self._address)
            raise EetuiError(
                f"There is no Dask scheduler at {shown}, or it does not answer us: start one with "
                "`dask scheduler`, or use --on local."
            ) from error
        client.subscribe_topic(self._channel, self._reported)
        self._documents = client.submit(remote.documents, *self._data, key=self._data_key)
        return client

    def _reported(self, event: tuple[Any, Any]) -> None:
        """A run tells how it goes on, in a thread of the client's."""
        self._done.put(("", event[1]))

    @property
    def address(self) -> str:
        """Where the scheduler listens."""
        return self._address

    @property
    def size(self) -> int:
        """Threads of the cluster."""
        if monotonic() >= self._size_due and self._gone is None:
            self._size_due = monotonic() + 1.0
            with suppress(OSError, TimeoutError, RuntimeError):
                workers = self._client.scheduler_info(n_workers=-1)["workers"].values()
                self._size = max(sum(worker["nthreads"] for worker in workers), 1)
        return self._size

    @property
    def _batch(self) -> int:
        return min(max(round(BATCH_SECONDS / self._pace), 1), MOST_IN_BATCH)

    @property
    def room(self) -> int:
        """Jobs that are missing to have some batches for each thread."""
        if self._gone is not None:
            return 0
        return max(AHEAD * self._batch * self.size - len(self._jobs), 0)

    def give(self, jobs: Sequence[Job]) -> None:
        """Send jobs in batches."""
        self._found += [Began(job.key) for job in jobs]
        self._jobs.update({job.key: job for job in jobs})
        n = self._batch
        for start in range(0, len(jobs), n):
            self._submit(list(jobs[start : start + n]))

    def _submit(self, jobs: list[Job]) -> None:
        name = f"eetui-{uuid4().hex}"
        batch = [job.to_json() for job in jobs]
        future = self._client.submit(
            remote.train, batch, self._documents, self._channel, self._version, key=name, pure=False
        )
        self._batches[name] = (future, jobs)
        future.add_done_callback(lambda ended: self._done.put((name, ended)))

    def stop(self, keys: Iterable[tuple[int, int]]) -> None:
        """Let those that run end when they next ask."""
        self._stopped |= {key for key in keys if key in self._jobs}
        if self._gone is None:
            stopped = [list(key) for key in self._stopped]
            self._library.Variable(self._channel, client=self._client).set(stopped)

    def withdraw(self, keys: Iterable[tuple[int, int]]) -> None:
        """Batches are not parted: what is sent comes to its end, or is given up by `close`."""

    def events(self, seconds: float) -> list[Event]:
        """What has ended or was told; says when the scheduler goes, and when it is back."""
        self._watch()
        found, self._found = self._found, []
        try:
            name, what = self._done.get(timeout=0 if found else seconds)
            found += self._ended(name, what)
            while not self._done.empty():
                found += self._ended(*self._done.get())
        except queue.Empty:
            pass
        return found

    def _watch(self) -> None:
        """Find the scheduler again if it has gone, and send it everything once more."""
        if self._gone is None:
            if self._client.status == "running":
                return
            self._gone = monotonic()
            self._found.append(Noticed("The scheduler has gone; the sweep waits until it is back."))
        with suppress(Exception):  # whatever is left of it
            self._client.close(timeout=1)
        try:
            self._client = self._connected(RETRY_SECONDS)
        except EetuiError:
            if monotonic() - self._gone > PATIENCE_SECONDS:
                raise
            sleep(0.2)
            return
        self._gone = None
        self._batches.clear()
        self._found.append(Noticed("The scheduler is back; what it had lost is done again."))
        jobs = [*self._jobs.values()]
        for start in range(0, len(jobs), self._batch):
            self._submit(jobs[start : start + self._batch])

    def _ended(self, name: str, what: Any) -> list[Event]:
        if not name:
            return [Reported((what["key"][0], what["key"][1]), what["rung"], what["loss"])]
        future, jobs = self._batches.get(name, (None, []))
        if future is None or self._client.status != "running":
            return []  # of a scheduler that has gone
        try:
            results = future.result(timeout=CONNECT_SECONDS)
        except Exception as error:  # a worker can fail in any way
            return self._lost(name, jobs, error)
        del self._batches[name]
        if isinstance(results, str):
            raise EetuiError(results)
        found: list[Event] = []
        for result in results:
            if self._jobs.pop(result.key, None) is not None:
                self._stopped.discard(result.key)
                self._pace += 0.2 * (result.busy - self._pace)
                found.append(result)
        return found

    def _lost(self, name: str, jobs: list[Job], error: Exception) -> list[Event]:
        """A batch came to nothing: do its jobs again one by one, a few times."""
        if self._client.status != "running":
            return []
        if isinstance(error, ImportError | AttributeError):
            raise EetuiError(
                "A worker of the cluster cannot load eetui: install the same version there."
            ) from error
        self._batches.pop(name, None)
        found: list[Event] = []
        for job in jobs:
            if job.key not in self._jobs:
                continue
            self._losses[job.key] = self._losses.get(job.key, 0) + 1
            if self._losses[job.key] < MOST_LOSSES:
                self._submit([job])
                continue
            del self._jobs[job.key]
            why = f"Its worker ended {MOST_LOSSES} times."
            found.append(JobResult(job.key, "failed", why=why))
        return found

    def close(self) -> None:
        """Take back what is sent, and let go."""
        with suppress(Exception):  # whatever the cluster does, the driver leaves
            futures = [future for future, _ in self._batches.values()]
            self._client.cancel(futures, force=True)
            self._client.close(timeout=2)
        if self._cluster is not None:
            self._cluster.close(timeout=5)


def _distributed() -> Any:
    try:
        import distributed
    except ImportError as error:
        raise EetuiError(MISSING) from error
    for name in ("distributed", "distributed.client", "distributed.core", "tornado.application"):
        logging.getLogger(name).setLevel(logging.CRITICAL)  # the sweep says it in its own words
    return distributed


def _security(library: Any, folder: str | None) -> Any:
    """Dask's certificates; raises `UsageError` where one is missing."""
    if folder is None:
        return None
    ca, cert, key = (named(folder) / name for name in FILES)
    for path in (ca, cert, key):
        if not path.is_file():
            raise UsageError(
                f"There is no {_shown(path)}: --tls needs a folder with {', '.join(FILES)}."
            )
    return library.Security(
        tls_ca_file=str(ca), tls_client_cert=str(cert), tls_client_key=str(key),
        tls_scheduler_cert=str(cert), tls_scheduler_key=str(key),
        tls_worker_cert=str(cert), tls_worker_key=str(key), require_encryption=True,
    )  # fmt: skip


def _shown(path: Path) -> str:
    return visible(str(path))
