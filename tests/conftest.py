"""What the tests of every part use."""

from __future__ import annotations

import faulthandler
import os
import re
from collections.abc import Callable, Generator, Iterator
from contextlib import AbstractContextManager, contextmanager

import pytest
from hypothesis import settings

from eetui.core.errors import EetuiError, UsageError

# How long an example takes says more about what else the machine does than about the program.
settings.register_profile("eetui", deadline=None, max_examples=60)
settings.load_profile("eetui")

SECONDS_OF_A_TEST = 300
"""A test that takes longer hangs. It ends its process, which counts as a failure."""
_stderr = pytest.StashKey[int]()


def pytest_configure(config: pytest.Config) -> None:
    """What stderr is before pytest captures it, so that a stack reaches the reader."""
    config.stash[_stderr] = os.dup(2)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    where = item.config.stash[_stderr]
    faulthandler.dump_traceback_later(SECONDS_OF_A_TEST, exit=True, file=where)
    try:
        return (yield)
    finally:
        faulthandler.cancel_dump_traceback_later()


@pytest.fixture(scope="session", autouse=True)
def own_data(tmp_path_factory: pytest.TempPathFactory) -> None:
    """A person's runs stay as they are: what tests start writes somewhere else."""
    os.environ["XDG_DATA_HOME"] = str(tmp_path_factory.mktemp("user-data"))
    os.environ.pop("EETUI_STORE", None)


@pytest.fixture(scope="session", autouse=True)
def own_tuning(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """What was tuned on this machine changes no test."""
    path = tmp_path_factory.mktemp("user-cache") / "tuned.json"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("eetui.core.engines.tuned.tuned_path", lambda: path)
        yield


Refused = Callable[..., AbstractContextManager[None]]


@pytest.fixture(scope="session")
def refused() -> Refused:
    """`with refused("part of it"):` expects a UsageError (or `error`) of exactly one sentence."""

    @contextmanager
    def check(part: str, error: type[EetuiError] = UsageError) -> Iterator[None]:
        with pytest.raises(EetuiError) as caught:
            yield
        message = str(caught.value)
        assert type(caught.value) is error, message
        assert part in message
        assert re.findall(r"[.!?](?=\s|$)|\n", message) == ["."], message
        assert message.endswith(".")

    return check
