"""The engine and the toggles that are asked for, and how a run comes to train with them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from eetui.core.engines.availability import choose_optimizations, suited
from eetui.core.engines.base import Engine
from eetui.core.errors import UsageError
from eetui.core.optimizations import AUTO_THREADS, CATALOGUE, Optimizations, assigned
from eetui.core.run.lifecycle import Lifecycle
from eetui.core.run.notices import Notices
from eetui.core.run.preparation import Preparation
from eetui.core.run.switch import Switch, toggle_switch
from eetui.core.run.trainer import Trainer

Post = Callable[[Callable[[], None]], None]
"""Hands work from another thread to the one that trains."""


class EngineChoice:
    """One engine for the whole session, and toggles that can be set while it trains.

    An engine that must compile for its toggles gets ready in the background and takes over then.

    assignments are toggles such as 'padding_skip=off', applied to the engine's best. on_ready gets
    the engine when it can be used for the first time.

    engine: the one that was asked for, once it is ready. wanted: the toggles that are asked for.
    chosen: the keys of those that a person set, which nothing else changes then. preparation: what
    gets ready, or None.
    """

    def __init__(
        self,
        name: str,
        assignments: Sequence[str],
        trainer: Trainer,
        lifecycle: Lifecycle,
        notices: Notices,
        post: Post,
        on_ready: Callable[[Engine], None] | None,
    ) -> None:
        self.name = name
        self.engine: Engine | None = None
        self.wanted = trainer.optimizations
        self.chosen = frozenset(assigned(assignments))
        self.preparation: Preparation | None = None
        self._assignments = tuple(assignments)
        self._trainer, self._lifecycle, self._notices = trainer, lifecycle, notices
        self._post, self._on_ready = post, on_ready

    @property
    def follows_threads(self) -> bool:
        """Whether the number of threads is what was fastest lately."""
        return self.wanted.threads == AUTO_THREADS

    @property
    def resolved(self) -> Optimizations:
        """The toggles that are asked for, with as many threads as there are now if that is auto."""
        if not self.follows_threads:
            return self.wanted
        return replace(self.wanted, threads=max(self._trainer.optimizations.threads, 1))

    @property
    def is_standing_in(self) -> bool:
        """Whether another engine trains while the chosen one gets ready."""
        engine = self._trainer.engine
        return engine is not None and engine.name != self.name

    def require(self) -> Engine:
        """The engine that was asked for; raises `UsageError` until it is ready."""
        if self.engine is None:
            raise UsageError(f"The {self.name} engine is not ready yet: wait a moment.")
        return self.engine

    def begin(self) -> None:
        """Start to get the engine ready."""
        self._prepare(
            lambda engine: choose_optimizations(engine, self._trainer.model, self._assignments),
            None,
        )

    def want(self, switch: Switch, optimizations: Optimizations) -> None:
        """Train with other toggles, at once or when the engine has compiled for them.

        switch: what was flipped.
        """
        self.wanted = optimizations
        if self.require().is_ready(self._trainer.model, optimizations):
            self.preparation = None
            self._take_over(switch)
        else:
            self._prepare(lambda _: optimizations, switch)

    def adopt(self) -> None:
        """Want the toggles that train now: the run went on from another moment."""
        if self.engine is not None:  # else it is still getting ready
            self.preparation = None
            now, follows = self._trainer.optimizations, self.follows_threads
            self.wanted = replace(now, threads=AUTO_THREADS) if follows else now

    def suit_model(self) -> None:
        """Another shape may suit other toggles, or need compiling, for which the run waits."""
        engine = self.engine
        if engine is None:
            return
        before, self.wanted = (
            self.wanted,
            suited(engine, self._trainer.model, self.wanted, self.chosen),
        )
        for entry in CATALOGUE:
            if getattr(before, entry.key) != getattr(self.wanted, entry.key):
                self._take_over(toggle_switch(entry))
        if not engine.is_ready(self._trainer.model, self.wanted):
            self._lifecycle.wait()
            wanted = self.wanted
            self._prepare(lambda _: wanted, None)

    def _prepare(self, choose: Callable[[Engine], Optimizations], switch: Switch | None) -> None:
        self._lifecycle.message = f"Preparing the {self.name} engine ..."
        self.preparation = Preparation(
            self.name,
            self.engine,
            self._trainer.model,
            choose,
            lambda text: self._post(lambda: self._progress(text)),
            lambda done: self._post(lambda: self._prepared(done, switch)),
        )

    def _progress(self, text: str) -> None:
        if self.preparation is not None:
            self._lifecycle.message = text

    def _prepared(self, done: Preparation, switch: Switch | None) -> None:
        if done is not self.preparation:
            return  # something else has been asked for since
        self.preparation = None
        self._lifecycle.message = ""
        if done.error is not None:
            self._preparation_failed(done.error)
            return
        assert done.engine is not None
        assert done.optimizations is not None
        if self.engine is None:
            self.engine = done.engine
            if self._on_ready is not None:
                self._on_ready(done.engine)
        self.wanted = done.optimizations
        self._take_over(switch)
        self._lifecycle.start()

    def _preparation_failed(self, error: Exception) -> None:
        self.wanted = self._trainer.optimizations
        if self._trainer.engine is None:
            self._lifecycle.fail(error)
        else:
            running = self._trainer.engine.name
            self._notices.tell(f"{error} Training goes on with the {running} engine.", "error")

    def _take_over(self, switch: Switch | None) -> None:
        """Train as wanted from here on: `switch` is what was flipped, None the engine."""
        engine, toggles = self.require(), self.resolved
        if switch is None or engine is not self._trainer.engine:
            self._trainer.use_engine(engine, toggles)
        elif not self.follows_threads or toggles != self._trainer.optimizations:
            self._trainer.use_optimizations(toggles, switch)
