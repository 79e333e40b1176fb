"""A real Dask scheduler with real workers, each a process of its own on loopback."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path
from time import monotonic, sleep

PATIENCE = 90.0


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


class Cluster:
    """A scheduler at `address` and its workers; any of them can be killed and started again."""

    def __init__(self, folder: Path, workers: int = 2, tls: Path | None = None) -> None:
        self.folder, self._tls = folder, tls
        self._port = free_port()
        self.address = f"{'tls' if tls else 'tcp'}://127.0.0.1:{self._port}"
        self.scheduler = self.start_scheduler()
        self.workers = [self.start_worker() for _ in range(workers)]

    def _start(self, *arguments: str) -> subprocess.Popen[bytes]:
        words = [*arguments]
        for name in ("ca", "cert", "key") if self._tls is not None else ():
            flag = "--tls-ca-file" if name == "ca" else f"--tls-{name}"
            words += [flag, f"{self._tls}/{name}.pem"]
        return subprocess.Popen(
            [sys.executable, "-m", "dask", *words],
            cwd=self.folder,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "DASK_DISTRIBUTED__SCHEDULER__WORK_STEALING": "true"},
        )

    def start_scheduler(self) -> subprocess.Popen[bytes]:
        """Begin it, and wait until it can be reached."""
        protocol = ("--protocol", "tls") if self._tls is not None else ()
        process = self._start(
            "scheduler", "--host", "127.0.0.1", "--port", str(self._port), "--no-dashboard",
            "--no-show", *protocol,
        )  # fmt: skip
        deadline = monotonic() + PATIENCE
        while True:
            with socket.socket() as found:
                if found.connect_ex(("127.0.0.1", self._port)) == 0:
                    return process
            assert monotonic() < deadline, "the scheduler never began"
            assert process.poll() is None, "the scheduler ended as it began"
            sleep(0.05)

    def start_worker(self) -> subprocess.Popen[bytes]:
        return self._start(
            "worker", self.address, "--nthreads", "1", "--no-nanny", "--no-dashboard",
            "--host", "127.0.0.1", "--local-directory", str(self.folder),
        )  # fmt: skip

    def kill_scheduler(self) -> None:
        self.scheduler.send_signal(signal.SIGKILL)
        self.scheduler.wait()
        for worker in self.workers:
            worker.kill()
            worker.wait()

    def restart(self) -> None:
        """A new scheduler at the same address, with new workers."""
        self.scheduler = self.start_scheduler()
        self.workers = [self.start_worker() for _ in self.workers]

    def close(self) -> None:
        for process in (*self.workers, self.scheduler):
            process.kill()
            process.wait()
