"""The shipped data, data of any shape, and sessions that end with their test."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from eetui.core.data.dataset import Dataset, load_dataset
from eetui.core.run.session import Session
from tests.support.live import Live
from tests.support.toy import Toy, make_toy


@pytest.fixture(scope="session")
def names() -> Dataset:
    """The shipped data set."""
    return load_dataset()


@pytest.fixture
def live() -> Iterator[Callable[[Session], Live]]:
    """Start sessions with this; they are closed when the test ends."""
    started: list[Live] = []

    def start(session: Session) -> Live:
        started.append(Live(session))
        return started[-1]

    yield start
    for each in started:
        each.close()


@pytest.fixture(scope="session")
def toy() -> Toy:
    """Random documents for a model: `toy(model, n_docs)` or `toy(model, lengths=[...])`."""
    return make_toy
