"""Getting an engine ready while another one trains: imports and compilation in a thread."""

from __future__ import annotations

import threading
from collections.abc import Callable

from eetui.core.config import ModelConfig
from eetui.core.engines import registry
from eetui.core.engines.base import Engine
from eetui.core.optimizations import Optimizations


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
