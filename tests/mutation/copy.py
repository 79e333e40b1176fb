"""A copy of the project in which files can be changed, with a Python of its own that imports it."""

from __future__ import annotations

import os
import shutil
import sysconfig
import venv
from pathlib import Path

from eetui.core.engines.native import library
from tests.mutation.tree import LIBRARY

ROOT = Path(__file__).parents[2]
_SKIPPED = shutil.ignore_patterns("__pycache__", ".*", "build")


def make_copy(folder: Path) -> Path:
    """Packages, tests and the native library, in an empty folder; gives the Python that sees them.

    What is installed here is seen as well, but not this project's own install: a folder that a
    .pth file names is searched, and no .pth file in it is read.
    """
    for name in ("core", "tui", "tests", "docs"):
        shutil.copytree(ROOT / name, folder / name, ignore=_SKIPPED)
    for name in ("names.txt", "pyproject.toml", "README.md"):
        shutil.copy(ROOT / name, folder)
    packages = folder / "packages" / "eetui"
    packages.mkdir(parents=True)
    for name in ("core", "tui", "names.txt"):
        (packages / name).symlink_to(folder / name)
    if found := library.find():
        shutil.copy(found, folder / LIBRARY)
    home = folder / ".venv"
    venv.create(home, symlinks=True)
    site = sysconfig.get_path("purelib", vars={"base": str(home), "platbase": str(home)})
    lines = (packages.parent, folder, sysconfig.get_path("purelib"))
    Path(site, "copy.pth").write_text("".join(f"{line}\n" for line in lines))
    return home / "bin" / "python"


def environment(folder: Path) -> dict[str, str]:
    """For what runs in the copy: no settings of a person, and compiled kernels of its own."""
    own = {k: v for k, v in os.environ.items() if not k.startswith(("EETUI_", "XDG_"))}
    homes = {f"XDG_{k}_HOME": str(folder / ".home" / k) for k in ("CONFIG", "STATE")}
    kernels = {"NUMBA_CACHE_DIR": str(folder / ".kernels")}
    return {**own, **homes, **kernels, "OPENBLAS_NUM_THREADS": "1"}
