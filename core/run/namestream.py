"""Names while the model learns: a stream of the latest, and milestones that stay."""

from __future__ import annotations

from collections import deque
from time import monotonic

from eetui.core.config import ModelConfig
from eetui.core.data.dataset import Dataset
from eetui.core.engines.base import Engine
from eetui.core.errors import EetuiError
from eetui.core.model.state import TrainState
from eetui.core.model.statistics import SampleStatistics, statistics
from eetui.core.run.setup import Setup
from eetui.core.run.snapshot import NameSample

KEPT = 120
PER_BATCH = 6
PER_MILESTONE = 4
SECONDS_BETWEEN = 0.3
SAMPLE_SECONDS = 0.001
"""Time that a sample may take: a third of a per cent of the training at this pace."""
COUNTED = 1000
"""The statistics are those of so many of the latest names, shown or not."""
MILESTONES = (0, *(10**k for k in range(1, 13)))


class NameStream:
    """Generates a sample now and then and shows its first names.

    The sample is as large as the engine can make in `SAMPLE_SECONDS`; whatever its size, the same
    step and seed begin it with the same names.
    """

    def __init__(self, temperature: float, prefix: str) -> None:
        self.temperature = temperature
        self.prefix = prefix
        self._latest: deque[NameSample] = deque(maxlen=KEPT)
        self._milestones: list[NameSample] = []
        self._counted: deque[str] = deque(maxlen=COUNTED)
        self._sample_size = PER_BATCH
        self._next_time = 0.0
        self.statistics = SampleStatistics(0, 0.0, 0.0, 0.0)

    @property
    def latest(self) -> tuple[NameSample, ...]:
        return tuple(self._latest)

    @property
    def milestones(self) -> tuple[NameSample, ...]:
        return tuple(self._milestones)

    def steps_to_milestone(self, step: int) -> int:
        """How many steps a chunk may take before the next milestone is due."""
        return next((m - step for m in MILESTONES if m > step), 10**12)

    def begin(self, temperature: float, prefix: str) -> None:
        """Forget all names, for a new run."""
        self.temperature, self.prefix = temperature, prefix
        self._latest.clear()
        self._milestones.clear()
        self._forget_statistics()
        self._next_time = 0.0

    def forget_after(self, step: int) -> None:
        """Forget the names made after `step`, for a run that goes back to it."""
        self._latest = deque((n for n in self._latest if n.step <= step), maxlen=KEPT)
        self._milestones = [n for n in self._milestones if n.step <= step]
        self._forget_statistics()

    def recall(self, latest: tuple[NameSample, ...], milestones: tuple[NameSample, ...]) -> None:
        """Show the names of another time, for a run that goes back to it."""
        self._latest.extend(latest)
        self._milestones += milestones

    def _forget_statistics(self) -> None:
        self._counted.clear()
        self.statistics = SampleStatistics(0, 0.0, 0.0, 0.0)

    def change(
        self,
        temperature: float,
        prefix: str,
        engine: Engine,
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
            texts = self._make(PER_BATCH, engine, state, model, dataset, seed + 1)
        except EetuiError:
            self.temperature, self.prefix = before
            raise
        self._latest += _tagged(texts, state.step, dataset)
        self._forget_statistics()

    def update(
        self, engine: Engine, state: TrainState, model: ModelConfig, dataset: Dataset, seed: int
    ) -> None:
        """Generate if names are due at this step or by the clock."""
        is_milestone = state.step in MILESTONES and not any(
            n.step == state.step for n in self._milestones
        )
        if is_milestone:
            texts = self._make(PER_MILESTONE, engine, state, model, dataset, seed)
            self._milestones += _tagged(texts, state.step, dataset)
        started = monotonic()
        if started < self._next_time:
            return
        texts = self._make(self._sample_size, engine, state, model, dataset, seed + 1)
        pace = (monotonic() - started) / len(texts)
        self._sample_size = max(PER_BATCH, min(int(SAMPLE_SECONDS / pace), COUNTED))
        self._latest += _tagged(texts[:PER_BATCH], state.step, dataset)
        self._counted += texts
        self.statistics = statistics(self._counted, dataset)
        self._next_time = started + SECONDS_BETWEEN

    def _make(
        self,
        n: int,
        engine: Engine,
        state: TrainState,
        model: ModelConfig,
        dataset: Dataset,
        seed: int,
    ) -> list[str]:
        return engine.generate(
            state.params,
            model,
            dataset,
            n,
            temperature=self.temperature,
            prefix=self.prefix,
            seed=seed_of(seed, state.step),
        )


def names_of(
    engine: Engine, state: TrainState, setup: Setup, dataset: Dataset
) -> tuple[NameSample, ...]:
    """Names that the weights of a state make, the first of them as a stream made them then."""
    texts = engine.generate(
        state.params,
        setup.model,
        dataset,
        2 * PER_BATCH,
        temperature=setup.temperature,
        prefix=setup.prefix,
        seed=seed_of(setup.train.seed + 1, state.step),
    )
    return tuple(_tagged(texts, state.step, dataset))


def seed_of(seed: int, step: int) -> int:
    """What the names of a step are drawn with."""
    return seed + 1_000_003 * step


def _tagged(texts: list[str], step: int, dataset: Dataset) -> list[NameSample]:
    known = dataset.documents
    if known is None:
        return [NameSample(step, text, None) for text in texts]
    is_known = known.which(texts).tolist()
    return [NameSample(step, text, not k) for text, k in zip(texts, is_known, strict=True)]
