"""Loading the library: another one can be named, and one of another version is refused at once."""

from __future__ import annotations

import ctypes
import re
from pathlib import Path

import pytest
from numpy.random import mtrand

from eetui.core.engines.native import library
from eetui.core.engines.native.engine import NativeEngine
from eetui.core.errors import EngineError


def test_another_library_can_be_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    other = tmp_path / "other.so"
    monkeypatch.setenv(library.LIBRARY_VARIABLE, str(other))
    assert library.find() == other
    with pytest.raises(EngineError, match=r"other\.so cannot be loaded"):
        library.Library(other)


def test_a_library_that_is_not_ours_is_refused() -> None:
    with pytest.raises(EngineError, match=r"is of another version than this eetui: install eetui"):
        library.Library(Path(mtrand.__file__))


class Shorter(ctypes.Structure):
    """The struct of a run as it might have been before its last field was added."""

    _fields_ = [*library.fields_of(library.Run).items()][:-1]


@pytest.mark.parametrize(
    ("name", "value"),
    [("VERSION", library.VERSION + 1), ("Run", Shorter), ("COUNTS", (*library.COUNTS, "more"))],
)
def test_what_the_library_and_this_program_must_agree_about(
    native: NativeEngine, monkeypatch: pytest.MonkeyPatch, name: str, value: object
) -> None:
    path = library.find()
    assert path is not None
    library.Library(path)
    monkeypatch.setattr(library, name, value)
    with pytest.raises(EngineError, match="of another version"):
        library.Library(path)


HEADER = Path(__file__).parents[4] / "core" / "engines" / "native" / "src" / "eetui.h"


@pytest.mark.skipif(not HEADER.is_file(), reason="needs the project's own folder")
def test_every_code_of_the_header_has_its_sentence() -> None:
    found = re.findall(r"EETUI_(\w+) = (-\d+)", HEADER.read_text())
    codes = {name: int(code) for name, code in found}
    assert [*codes.values()] == [*library.ERRORS]
    words = {
        "NULL": "pointer", "VERSION_BAD": "another version", "SHAPE": "shape", "TOGGLE": "toggle",
        "UNIT": "instruction set", "BATCH": "number of steps", "DOCUMENT": "does not exist",
        "LENGTH": "no position", "TOKEN": "vocabulary", "MEMORY": "scratch memory",
        "NUMBER": "usable number", "POOL": "More threads", "NOT_BUILT": "This build",
        "NO_MATRIX": "CPU lacks what", "REFUSED": "operating system", "NOT_WITH": "go together",
    }  # fmt: skip
    for name, part in words.items():
        assert part in library.ERRORS[codes.pop(name)]
    assert codes == {}
    codes = {name: int(code) for name, code in found}
    for name in ("NOT_BUILT", "NO_MATRIX", "REFUSED", "NOT_WITH"):
        assert getattr(library, name) == codes[name]
    assert codes["NUMBER"] == library.NOT_A_NUMBER
