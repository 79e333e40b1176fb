"""What is shipped: everything the program needs at run time, and nothing else."""

from __future__ import annotations

import ast
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import tomllib
import zipfile
from pathlib import Path, PurePosixPath

import pytest

ROOT = Path(__file__).parents[1]
SOURCES = ("core", "tui")

pytestmark = pytest.mark.skipif(
    not (ROOT / "pyproject.toml").is_file(), reason="needs the project's own folder"
)


def build(kind: str, folder: Path) -> Path:
    """Build with the project's own back end, without a network."""
    code = f"from scikit_build_core import build; print(build.build_{kind}({str(folder)!r}))"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=180
    )
    assert done.returncode == 0, done.stderr
    return folder / done.stdout.strip().splitlines()[-1]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build("wheel", tmp_path_factory.mktemp("wheel"))


def sources() -> set[str]:
    """The files of the program in this folder, as they are to be called in a wheel."""
    return {
        f"eetui/{path.relative_to(ROOT).as_posix()}"
        for folder in SOURCES
        for path in (ROOT / folder).rglob("*")
        if path.suffix in {".py", ".tcss"} and "__pycache__" not in path.parts
    }


def test_the_wheel_has_every_source_style_and_the_names(wheel):
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
        assert archive.read("eetui/names.txt") == (ROOT / "names.txt").read_bytes()
    assert sources() <= names


def test_the_wheel_has_nothing_else(wheel):
    with zipfile.ZipFile(wheel) as archive:
        names = [PurePosixPath(name) for name in archive.namelist() if not name.endswith("/")]
    tops = {"/".join(name.parts[:2]) for name in names if name.parts[0] == "eetui"}
    assert tops == {"eetui/core", "eetui/tui", "eetui/names.txt"}
    others = {name.parts[0] for name in names} - {"eetui"}
    assert all(other.endswith(".dist-info") for other in others)
    assert not [name for name in names if name.suffix == ".pyc" or name.name.startswith("test")]


def test_the_wheel_is_for_any_python_and_one_platform_if_it_has_the_library(wheel):
    with zipfile.ZipFile(wheel) as archive:
        built = "eetui/core/engines/native/eetui_native.so" in archive.namelist()
    assert "-py3-none-" in wheel.name
    assert wheel.name.endswith("-any.whl") == (not built)


def test_the_wheel_has_the_library_where_there_is_a_compiler(wheel):
    if not any(map(shutil.which, ("cc", "gcc", "clang"))) or not shutil.which("cmake"):
        pytest.skip("no C compiler or no CMake here")
    assert not wheel.name.endswith("-any.whl")


def test_without_a_compiler_the_wheel_is_plain_python(tmp_path, monkeypatch):
    monkeypatch.setenv("CC", str(tmp_path / "no-compiler"))
    wheel = build("wheel", tmp_path)
    assert wheel.name.endswith("-py3-none-any.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    assert sources() <= names
    assert not [name for name in names if name.endswith(".so")]


def test_the_wheel_runs_without_the_project(wheel, tmp_path):
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path / "site")
    # -S keeps the editable install's import hook out.
    code = (
        "import sys; from eetui.tui.cli import main; "
        "sys.exit(main(['train', '--engine', 'numpy', '--steps', '3', '--jsonl']))"
    )
    paths = [tmp_path / "site", sysconfig.get_path("purelib"), sysconfig.get_path("platlib")]
    done = subprocess.run(
        [sys.executable, "-S", "-c", code],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(map(str, paths))},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.splitlines()) == 3


def test_the_source_distribution_can_be_built_from(tmp_path):
    with tarfile.open(build("sdist", tmp_path)) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    for needed in (
        "pyproject.toml",
        "names.txt",
        "README.md",
        "LICENSE",
        "core/config.py",
        "core/engines/native/src/unit.c",
    ):
        assert needed in names


LOADED_BY_OTHERS = {"scipy", "cryptography", "psycopg"}
"""What Optuna, Dask and SQLAlchemy need for what the sweep asks of them."""


def test_every_library_that_is_imported_is_declared():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    optional = project["optional-dependencies"]
    extras = ("torch", "jax", "mlx", "sweep", "cluster")
    declared = [*project["dependencies"], *(text for extra in extras for text in optional[extra])]
    imported = {
        name.partition(".")[0]
        for folder in SOURCES
        for path in (ROOT / folder).rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        for name in imported_by(node)
    }
    foreign = imported - sys.stdlib_module_names - {"eetui", "_typeshed"}
    names = {re.split(r"[\[<>=;]", text)[0] for text in declared}
    assert foreign == names - LOADED_BY_OTHERS - {"eetui"}


def imported_by(node: ast.AST) -> list[str]:
    if isinstance(node, ast.ImportFrom):
        return [node.module or ""]
    return [alias.name for alias in node.names] if isinstance(node, ast.Import) else []


def test_every_command_is_declared():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert project["scripts"] == {"eetui": "eetui.tui.cli:main"}
