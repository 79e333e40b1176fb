"""The copy's files, one of which is changed at a time, and its native library."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import time

TESTS = ("tests/core", "tests/tui/cli")
"""Those that are recorded and tried."""
NATIVE = Path("core/engines/native")
LIBRARY = NATIVE / "eetui_native.so"
FAST = ("-DCMAKE_BUILD_TYPE=Fast", "-DCMAKE_C_FLAGS_FAST=-O1")
"""A build type of its own: compiled in a third of the time."""


class Tree:
    """The files of a copy that lies in `folder`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._written_at = 0

    @contextmanager
    def changed(self, name: str, content: bytes) -> Iterator[None]:
        """Another content for a file within the `with`.

        Each content has a second of its own, later than all that was compiled before: no compiled
        module and no object file outlives its source.
        """
        path = self.folder / name
        before = path.read_bytes()
        try:
            self._write(path, content)
            yield
        finally:
            self._write(path, before)

    def _write(self, path: Path, content: bytes) -> None:
        path.write_bytes(content)
        self._written_at = max(self._written_at, int(time())) + 1
        os.utime(path, (self._written_at, self._written_at))

    def build_native(self) -> str:
        """Compile what has changed in the library's sources; '', or what the compiler says."""
        build = self.folder / "build"
        if not build.exists():
            source = self.folder / NATIVE / "src"
            _run("cmake", "-S", source, "-B", build, *FAST)
        said = _run("cmake", "--build", build, "--parallel", "2")
        if not said:
            shutil.copy(build / "eetui_native.so", self.folder / LIBRARY)
        return said


def _run(*command: object) -> str:
    done = subprocess.run([*map(str, command)], capture_output=True, text=True, check=False)
    return (done.stdout + done.stderr)[-2000:] if done.returncode else ""
