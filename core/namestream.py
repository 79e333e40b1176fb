"""Names while the model learns: a stream of the latest, and milestones that stay."""

from __future__ import annotations

from collections import deque
from time import monotonic

from eetui.core.config import ModelConfig
from eetui.core.dataset import Dataset
from eetui.core.errors import EetuiError
from eetui.core.sampling import generate
from eetui.core.snapshot import NameSample
from eetui.core.state import TrainState

KEPT = 120
PER_BATCH = 6
PER_MILESTONE = 4
SECONDS_BETWEEN = 0.3
MILESTONES = (0, *(10**k for k in range(1, 13)))


class NameStream:
    """Generates a few names now and then; the same step and seed give the same names."""

    def __init__(self, temperature: float, prefix: str) -> None:
        self.temperature = temperature
        self.prefix = prefix
        self._latest: deque[NameSample] = deque(maxlen=KEPT)
        self._milestones: list[NameSample] = []
        self._next_time = 0.0

    @property
    def latest(self) -> tuple[NameSample, ...]:
        return tuple(self._latest)

    @property
    def milestones(self) -> tuple[NameSample, ...]:
        return tuple(self._milestones)

    def steps_to_milestone(self, step: int) -> int:
        """How many steps a chunk may take before the next milestone is due."""
        return next((m - step for m in MILESTONES if m > step), 10**12)

    def clear(self, block_size: int) -> None:
        """Forget all names, for a new run; a prefix that leaves no room in a block is cut."""
        self.prefix = self.prefix[: block_size - 1]
        self._latest.clear()
        self._milestones.clear()
        self._next_time = 0.0

    def forget_after(self, step: int) -> None:
        """Forget the names made after `step`, for a run that goes back to it."""
        self._latest = deque((n for n in self._latest if n.step <= step), maxlen=KEPT)
        self._milestones = [n for n in self._milestones if n.step <= step]

    def change(
        self,
        temperature: float,
        prefix: str,
        state: TrainState,
        model: ModelConfig,
        dataset: Dataset,
        seed: int,
    ) -> None:
        """Go on with another temperature and prefix, and show some at once.

        Raises `UsageError` where nothing can be generated with them; then all stays as it was.
        """
        before = self.temperature, self.prefix
        self.temperature, self.prefix = temperature, prefix
        try:
            self._latest += self._make(state, model, dataset, seed + 1, PER_BATCH)
        except EetuiError:
            self.temperature, self.prefix = before
            raise

    def update(self, state: TrainState, model: ModelConfig, dataset: Dataset, seed: int) -> None:
        """Generate if names are due at this step or by the clock."""
        is_milestone = state.step in MILESTONES and not any(
            n.step == state.step for n in self._milestones
        )
        if is_milestone:
            self._milestones += self._make(state, model, dataset, seed, PER_MILESTONE)
        now = monotonic()
        if now >= self._next_time:
            self._latest += self._make(state, model, dataset, seed + 1, PER_BATCH)
            self._next_time = now + SECONDS_BETWEEN

    def _make(
        self, state: TrainState, model: ModelConfig, dataset: Dataset, seed: int, n: int
    ) -> list[NameSample]:
        names = generate(
            state.params,
            model,
            dataset,
            n,
            temperature=self.temperature,
            prefix=self.prefix,
            seed=seed + 1_000_003 * state.step,
        )
        return [NameSample(state.step, name, name not in dataset.documents) for name in names]
