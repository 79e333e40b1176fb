from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from eetui.core.errors import EetuiError, UsageError
from eetui.core.files import named, read_regular, require_writable, write_atomically, write_new

LONGEST = "ä" * 127 + "x"
"""255 bytes: as long as a name can be on most file systems."""


def test_what_a_person_types_is_a_path(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert named("~/x.st") == tmp_path / "x.st"
    assert named(Path("a/b")) == Path("a/b")


@pytest.mark.parametrize("text", ["a\0b", "~no-such-user-here/x", "\ud800"])
def test_what_can_be_no_path_is_one_sentence(text: str) -> None:
    with pytest.raises(UsageError, match=r"\.$") as error:
        named(text)
    assert str(error.value).isprintable()


def test_only_regular_files_of_some_size_are_read(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "file").write_bytes(b"12345")
    assert read_regular(tmp_path / "file", 5) == b"12345"
    for place, words in [
        (tmp_path / "pipe", "pipe or a device"),
        (Path("/dev/zero"), "pipe or a device"),
        (tmp_path, "is a folder"),
        (tmp_path / ("x" * 256), "too long"),
        (tmp_path / "file" / "below", "not a directory"),
    ]:
        with pytest.raises(UsageError, match=words):
            read_regular(place, 5)
    with pytest.raises(UsageError, match="larger than 4 bytes"):
        read_regular(tmp_path / "file", 4)
    with pytest.raises(FileNotFoundError):
        read_regular(tmp_path / "none", 5)


def test_the_longest_name_can_be_written_and_a_longer_one_is_told(tmp_path: Path) -> None:
    write_atomically(tmp_path / LONGEST, b"whole")
    assert (tmp_path / LONGEST).read_bytes() == b"whole"
    with pytest.raises(UsageError, match="file name too long"):
        write_atomically(tmp_path / f"{LONGEST}y", b"")


def test_permissions_stay(tmp_path: Path) -> None:
    path = tmp_path / "private"
    path.write_bytes(b"")
    path.chmod(0o600)
    write_atomically(path, b"new")
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_killed_process_leaves_nothing_after_the_next_save(tmp_path: Path) -> None:
    code = (
        "import os, signal, sys\nfrom pathlib import Path\nfrom eetui.core import files\n"
        "os.fsync = lambda _: os.kill(os.getpid(), signal.SIGKILL)\n"
        "files.write_atomically(Path(sys.argv[1]), b'half')\n"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path / "run")], check=False)
    assert len(os.listdir(tmp_path)) == 1
    write_atomically(tmp_path / "other", b"whole")
    assert os.listdir(tmp_path) == ["other"]


def test_a_file_that_another_process_is_writing_is_left_alone(tmp_path: Path) -> None:
    code = (
        "import os, sys\nfrom pathlib import Path\nfrom eetui.core import files\n"
        "os.fsync = lambda _: (print('open', flush=True), sys.stdin.readline())\n"
        "files.write_atomically(Path(sys.argv[1]), b'slow')\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path / "slow")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stdout.readline() == "open\n"
        write_atomically(tmp_path / "quick", b"quick")
        process.stdin.write("\n")
        process.stdin.close()
    assert (tmp_path / "slow").read_bytes() == b"slow"
    assert sorted(os.listdir(tmp_path)) == ["quick", "slow"]


def test_a_new_file_replaces_nothing_and_follows_no_link(tmp_path: Path) -> None:
    (tmp_path / "a.svg").write_bytes(b"mine")
    (tmp_path / "a-2.svg").symlink_to(tmp_path / "victim")
    assert write_new(tmp_path / "a.svg", b"new") == tmp_path / "a-3.svg"
    assert (tmp_path / "a.svg").read_bytes() == b"mine"
    assert not (tmp_path / "victim").exists()


def test_a_new_file_that_cannot_be_written_is_not_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(EetuiError, match="no space left"):
        write_new(tmp_path / "a.svg", b"new")
    assert os.listdir(tmp_path) == []


def test_a_name_that_is_too_long_is_told_before_anything_is_written(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be a file"):
        require_writable(tmp_path / ("x" * 300))


def test_a_file_is_replaced_and_never_written_in_place(tmp_path: Path) -> None:
    """Whoever has the old one open, or a link to it, keeps the old one whole; nothing is left."""
    path, other = tmp_path / "a", tmp_path / "b"
    path.write_bytes(b"old")
    other.hardlink_to(path)
    with path.open("rb") as opened:
        write_atomically(path, b"new, and longer")
        assert opened.read() == b"old"
    assert (path.read_bytes(), other.read_bytes()) == (b"new, and longer", b"old")
    assert {each.name for each in tmp_path.iterdir()} == {"a", "b"}
