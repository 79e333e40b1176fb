"""A session running in a thread, and ways to wait until it shows something."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator

import numpy as np
import pytest

from eetui.core.config import ModelConfig
from eetui.core.data.dataset import Dataset, Text, load_dataset
from eetui.core.run.session import Session
from eetui.core.run.snapshot import Snapshot

PATIENCE = 30.0

Toy = Callable[..., Dataset]


class Live:
    """A session, everything it published and every loss it told of."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.snapshots: list[Snapshot] = []
        self.losses: dict[int, float] = {}
        self._news = threading.Condition()
        self._thread = threading.Thread(target=session.run, args=(self._seen, self._told))
        self._thread.start()

    def _seen(self, snapshot: Snapshot) -> None:
        with self._news:
            self.snapshots.append(snapshot)
            self._news.notify_all()

    def _told(self, first_step: int, losses: np.ndarray) -> None:
        for step, loss in enumerate(losses.tolist(), first_step):
            self.losses.setdefault(step, loss)

    def wait_for(self, what: Callable[[Snapshot], object]) -> Snapshot:
        """The first snapshot from now on (or the present one) for which `what` holds."""
        with self._news:
            met = self._news.wait_for(lambda: what(self.session.latest), PATIENCE)
        assert met, f"never happened; last seen: {self.session.latest}"
        return self.session.latest

    def wait_for_end(self) -> Snapshot:
        """The last snapshot, once the session has stopped by itself."""
        self._thread.join(PATIENCE)
        assert not self._thread.is_alive()
        return self.session.latest

    def close(self) -> None:
        self.session.close()
        self._thread.join(PATIENCE)


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

    def make(
        model: ModelConfig, n_docs: int = 40, *, lengths: list[int] | None = None, seed: int = 0
    ) -> Dataset:
        rng = np.random.default_rng(seed)
        block, boundary = model.block_size, model.vocab_size - 1
        sizes = np.array(lengths or rng.integers(1, block + 1, n_docs), np.int32)
        tokens = rng.integers(0, model.vocab_size, (len(sizes), block + 1)).astype(np.uint8)
        tokens[:, 0] = boundary
        tokens[np.arange(block + 1) >= sizes[:, None]] = boundary
        return Dataset(
            name="toy",
            path="",
            tokens=tokens,
            lengths=sizes,
            vocabulary=tuple(chr(200 + i) for i in range(boundary)),
            documents=frozenset(),
            n_cut=0,
            n_blank=0,
            n_repeated=0,
            is_names=False,
            _text=Text(np.zeros(0, np.uint8), sizes.astype(np.int64), np.zeros(0, np.uint64), ""),
        )

    return make
