"""A PostgreSQL of one's own: the distribution's package, in a folder, on a socket and no port."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
from pathlib import Path
from types import TracebackType

FOUND = sorted(Path("/usr/lib/postgresql").glob("*/bin/pg_ctl"))
WHY_NOT = "" if FOUND else "PostgreSQL is not installed: apt-get install postgresql"


class Postgres:
    """Runs while it is entered; `url` is what SQLAlchemy takes.

    It refuses to run as root, so root starts it as the package's own user.
    """

    def __enter__(self) -> Postgres:
        self._folder = Path(tempfile.mkdtemp(prefix="eetui-pg-", dir="/tmp"))
        self._as: list[str] = []
        user = pwd.getpwuid(os.getuid()).pw_name
        if os.getuid() == 0:
            user = "postgres"
            shutil.chown(self._folder, user)
            self._as = ["setpriv", f"--reuid={user}", f"--regid={user}", "--clear-groups"]
        bin = FOUND[-1].parent
        self._run(str(bin / "initdb"), "-D", f"{self._folder}/data", "-A", "trust", "-N")
        self._ctl = [str(bin / "pg_ctl"), "-D", f"{self._folder}/data", "-w"]
        options = f"-c listen_addresses='' -k {self._folder}"
        self._run(*self._ctl, "-o", options, "-l", f"{self._folder}/log", "start")
        self.url = f"postgresql://{user}@/postgres?host={self._folder}"
        return self

    def _run(self, *command: str) -> None:
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        subprocess.run([*self._as, *command], check=True, cwd="/", **quiet)  # type: ignore[call-overload]

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._run(*self._ctl, "-m", "immediate", "stop")
        shutil.rmtree(self._folder, ignore_errors=True)
