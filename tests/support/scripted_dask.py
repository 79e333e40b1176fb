"""A Dask library without processes: what is submitted waits until a test says how it ends."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any


class Future:
    """What was submitted."""

    def __init__(self, function: Any, arguments: tuple[Any, ...], options: dict[str, Any]) -> None:
        self.function, self.arguments, self.options = function, arguments, options
        self.timeout: float | None = None
        self._ended: list[Callable[[Future], None]] = []
        self._outcome: Any = None

    def add_done_callback(self, call: Callable[[Future], None]) -> None:
        self._ended.append(call)

    def end(self, outcome: Any) -> None:
        """Give this result, or raise it if it is an error."""
        self._outcome = outcome
        for call in self._ended:
            call(self)

    def result(self, timeout: float) -> Any:
        self.timeout = timeout
        if isinstance(self._outcome, BaseException):
            raise self._outcome
        return self._outcome


class Library:
    """What the name `distributed` stands for, and all that was asked of it."""

    def __init__(self, threads: tuple[int, ...] = (1, 3)) -> None:
        self.threads = threads
        self.fails: Exception | None = None
        self.clients: list[Client] = []
        self.stopped: list[tuple[str, Any]] = []
        self.clusters: list[SimpleNamespace] = []
        self.closed_clusters: list[float] = []

    def Client(self, address: str, **options: Any) -> Client:
        client = Client(self, address, options)
        if self.fails is not None:
            raise self.fails
        self.clients.append(client)
        return client

    def LocalCluster(self, **options: Any) -> SimpleNamespace:
        made = SimpleNamespace(
            options=options,
            scheduler_address="tcp://127.0.0.1:4242",
            close=lambda timeout: self.closed_clusters.append(timeout),
        )
        self.clusters.append(made)
        return made

    def Security(self, **options: Any) -> dict[str, Any]:
        return options

    def Variable(self, name: str, client: Any) -> SimpleNamespace:
        assert client is self.clients[-1]
        return SimpleNamespace(set=lambda value: self.stopped.append((name, value)))


class Client:
    """Connected to the scheduler until `status` says otherwise."""

    def __init__(self, library: Library, address: str, options: dict[str, Any]) -> None:
        self._library, self.address, self.options = library, address, options
        self.status = "running"
        self.topics: dict[str, Callable[[Any], None]] = {}
        self.submitted: list[Future] = []
        self.cancelled: list[tuple[list[Future], bool]] = []
        self.closed: list[float] = []

    def subscribe_topic(self, name: str, handler: Callable[[Any], None]) -> None:
        self.topics[name] = handler

    def submit(self, function: Any, *arguments: Any, **options: Any) -> Future:
        made = Future(function, arguments, options)
        self.submitted.append(made)
        return made

    def scheduler_info(self, n_workers: int) -> dict[str, Any]:
        assert n_workers == -1  # all of them
        if self.status != "running":
            raise OSError("gone")
        return {"workers": {i: {"nthreads": n} for i, n in enumerate(self._library.threads)}}

    def cancel(self, futures: list[Future], force: bool) -> None:
        self.cancelled.append((futures, force))

    def close(self, timeout: float) -> None:
        self.closed.append(timeout)
