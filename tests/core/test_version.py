"""The version is what the installer wrote down, wherever on the path that is."""

from __future__ import annotations

import os
import sys
from importlib import metadata

import pytest

from eetui.core.version import version


@pytest.fixture(autouse=True)
def fresh():
    version.cache_clear()
    yield
    version.cache_clear()


def test_it_is_that_of_the_installed_package():
    assert version() == metadata.version("eetui")


def test_it_stands_in_the_name_of_a_folder(tmp_path, monkeypatch):
    first, second = tmp_path / "first", tmp_path / "second"
    for path in (
        first / "eetui-notes",
        first / "other-1.0.dist-info",
        second / "eetui-4.5.dist-info",
    ):
        path.mkdir(parents=True)
    monkeypatch.chdir(first)
    monkeypatch.setattr(sys, "path", [str(tmp_path / "none"), "", str(second)])
    assert version() == "4.5"
    os.rename(second / "eetui-4.5.dist-info", first / "eetui-9.dist-info")
    version.cache_clear()
    assert version() == "9"  # '' is the working folder


def test_where_no_folder_has_it_the_library_is_asked(monkeypatch):
    monkeypatch.setattr(sys, "path", [])
    monkeypatch.setattr(metadata, "version", lambda name: f"{name} 7")
    assert version() == "eetui 7"
