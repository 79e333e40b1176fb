"""Karpathy's names are fetched once, checked, and missed in one sentence."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from eetui.core import settings
from eetui.core.data import sources
from eetui.core.data.dataset import load_dataset
from eetui.core.errors import EetuiError

TEXT = b"emma\nolivia\nava\n"


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """A server in the place of GitHub; the list holds what was asked of it."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(200)
            self.end_headers()
            self.wfile.write(TEXT)

        def log_message(self, *_: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setattr(sources, "KARPATHY_URL", f"http://127.0.0.1:{server.server_port}/names.txt")
    yield asked
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache folder."""
    folder = tmp_path / "cache"
    monkeypatch.setattr(settings, "cache_path", lambda: folder)
    return folder


def test_the_names_are_fetched_once_and_silently(
    served: list[str],
    cache: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(sources, "KARPATHY_SHA256", hashlib.sha256(TEXT).hexdigest())
    for _ in range(2):
        data = load_dataset("karpathy")
        assert (data.name, data.n_docs, data.is_names) == ("karpathy", 3, True)
        assert Path(data.path).parent == cache
    assert served == ["/names.txt"]
    assert capfd.readouterr() == ("", "")


def test_another_file_in_their_place_is_refused(
    served: list[str], cache: Path, capfd: pytest.CaptureFixture[str], refused
) -> None:
    with refused("is not the expected file", EetuiError):
        load_dataset("karpathy")
    assert list(cache.iterdir()) == []
    assert capfd.readouterr() == ("", "")


def test_offline_it_says_what_to_do(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], refused
) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setattr(sources, "KARPATHY_URL", "http://127.0.0.1:9/names.txt")
    with refused("by hand and pass it with --data FILE", EetuiError):
        load_dataset("karpathy")
    assert capfd.readouterr() == ("", "")


def test_a_cache_that_cannot_be_written_is_named(cache: Path, refused) -> None:
    cache.write_text("a file where the folder should be")
    with refused(str(cache), EetuiError):
        load_dataset("karpathy")
