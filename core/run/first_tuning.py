"""Tuning in the background of the first start: a moment after every chunk, until it is known which
toggles are the fastest here."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from time import perf_counter, thread_time
from typing import Protocol

from eetui.core.engines import tuned
from eetui.core.engines.base import Engine
from eetui.core.engines.presets import preset
from eetui.core.engines.subject import Subject
from eetui.core.engines.tuned import TunedToggles
from eetui.core.model.state import TrainState
from eetui.core.run.engine_choice import EngineChoice
from eetui.core.run.notices import Notices
from eetui.core.run.toggle_choice import ToggleChoice
from eetui.core.run.trainer import Trainer

FROM_STEP = 2000
"""A state in mid-run is what is measured in."""
LONGEST_STEP_US = 5000.0
"""Where a step takes longer, a pair would keep the screen waiting: that is left to `eetui tune`."""
SLICE_SECONDS = 0.01
"""Of tuning after a chunk of training, which takes about as long."""


class Tune(Protocol):
    """Measures the toggles from copies of a state; yields after every pair, what was found at last.

    now: the seconds that it has had, by the CPU clock of the thread.
    """

    def __call__(
        self, subject: Subject, engine: Engine, state: TrainState, now: Callable[[], float]
    ) -> Iterator[TunedToggles | None]: ...


class FirstTuning:
    """Tunes where nothing is known yet of this CPU, version, engine and width; once in a session.

    What is found is kept for later starts. The run goes over to it, as if everything had been
    switched on by hand, unless a person has set a toggle.
    """

    def __init__(
        self,
        tune: Tune | None,
        trainer: Trainer,
        choice: EngineChoice,
        toggles: ToggleChoice,
        notices: Notices,
        now: Callable[[], float] = perf_counter,
        cpu: Callable[[], float] = thread_time,
    ) -> None:
        self._tune, self._trainer, self._choice = tune, trainer, choice
        self._toggles, self._notices = toggles, notices
        self._now, self._cpu = now, cpu
        self._of: object = None  # what it is measured of, once that has begun
        self._pairs: Iterator[TunedToggles | None] = iter(())
        self._spent, self._since = 0.0, 0.0  # by the CPU clock

    def follow(self) -> None:
        """Go on for a moment, after a chunk of the run."""
        if self._tune is None or self._trainer.effects.is_measuring or not self._is_due:
            return
        start, self._since, found = self._now(), self._cpu(), None
        if self._of is None:
            self._begin(self._tune)
        while found is None and self._now() - start < SLICE_SECONDS:
            if self._trainer.give_way:
                self._trainer.give_way()
            found = next(self._pairs, None)
        self._spent += self._cpu() - self._since
        self._trainer.history.wait(round((self._now() - start) * 1e9))
        if found is not None:
            self._tune = None
            self._keep(found)

    @property
    def _is_due(self) -> bool:
        trainer, engine = self._trainer, self._choice.engine
        if self._choice.is_standing_in or engine is None or engine is not trainer.engine:
            return False
        of = (engine.name, trainer.model, trainer.train.batch)
        if self._of is not None:
            if self._of != of:
                self._tune = None  # it is another run by now: the next start begins again
            return self._of == of
        if trainer.state.step < FROM_STEP or (trainer.history.us_per_step or 0) > LONGEST_STEP_US:
            return False
        if tuned.find(engine.name, trainer.model.d_model) is not None or not engine.is_ready(
            trainer.model, preset("off", engine, trainer.model)
        ):
            self._tune = None
            return False
        return True

    def _begin(self, tune: Tune) -> None:
        engine, trainer = self._choice.require(), self._trainer
        self._of = (engine.name, trainer.model, trainer.train.batch)
        subject = Subject(trainer.dataset, trainer.model, trainer.train, engine.name)
        state = trainer.state.clone()
        self._pairs = tune(subject, engine, state, lambda: self._spent + self._cpu() - self._since)

    def _keep(self, found: TunedToggles) -> None:
        tuned.keep(found)
        if not found.toggles:
            self._notices.tell("Tuned here: the toggles are at their fastest already.")
            return
        gain = f"a sample takes {-found.high:.0f} to {-found.low:.0f} % less"
        if self._choice.chosen:
            self._notices.tell(f"Tuned here, for later starts: {tuned.written(found)}; {gain}.")
            return
        self._toggles.apply_preset("on")
        self._notices.tell(f"Tuned here: {tuned.written(found)}; {gain}. Undo takes it back.")
