"""Getting an engine ready beside the running one: imports and compilation in a thread."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence

from eetui.core.config import ModelConfig
from eetui.core.engines import registry
from eetui.core.engines.base import Engine
from eetui.core.engines.matrix_units import automatic
from eetui.core.errors import UsageError
from eetui.core.optimizations import CATALOGUE, Optimizations, assigned, parse_assignments


class Preparation:
    """One engine with one set of toggles on its way to being ready.

    `on_done` is called from the thread when `engine` and `optimizations` are set, or `error`.
    """

    def __init__(
        self,
        engine_name: str,
        engine: Engine | None,
        model: ModelConfig,
        choose: Callable[[Engine], Optimizations],
        on_progress: Callable[[str], None],
        on_done: Callable[[Preparation], None],
    ) -> None:
        self.engine = engine
        self.optimizations: Optimizations | None = None
        self.error: Exception | None = None
        self._engine_name = engine_name
        self._model = model
        self._choose = choose
        self._on_progress = on_progress
        self._on_done = on_done
        threading.Thread(target=self._prepare, name="eetui-prepare", daemon=True).start()

    def _prepare(self) -> None:
        try:
            engine = self.engine or registry.create(self._engine_name)
            optimizations = self._choose(engine)
            engine.prepare(self._model, optimizations, self._on_progress)
            self.engine, self.optimizations = engine, optimizations
        except Exception as error:
            self.error = error
        self._on_done(self)


def choose_optimizations(
    engine: Engine, model: ModelConfig, assignments: Sequence[str]
) -> Optimizations:
    """The engine's best toggles for a model with `assignments` ('padding_skip=off') applied.

    The matrix engine is the automatic one unless it is assigned. Raises `UsageError` for values
    that the engine cannot take on this machine, or not together.
    """
    best = engine.default_optimizations()
    chosen = parse_assignments(list(assignments), best)
    for entry in CATALOGUE:
        value = getattr(chosen, entry.key)
        reason = engine.why_not(entry.key, value) if value != getattr(best, entry.key) else ""
        if reason:
            raise UsageError(f"{entry.key}={entry.label(value)} is not possible here: {reason}")
    if reason := engine.conflict(chosen):
        raise UsageError(reason)
    if "matrix_engine" not in assigned(assignments):
        return chosen.with_value("matrix_engine", automatic(engine, model, chosen))
    return chosen
