"""A run that a test drives step by step, in its own thread."""

from __future__ import annotations

import json

from eetui.core.config import ModelConfig, TrainConfig
from eetui.core.data.dataset import Dataset
from eetui.core.run.commands import Command
from eetui.core.run.controller import Controller
from eetui.core.run.log import read_log
from eetui.core.run.namestream import NameStream
from eetui.core.run.replay import replay, surviving
from eetui.core.run.snapshot import Status
from eetui.core.run.trainer import Trainer

TINY = ModelConfig(d_model=8, n_heads=2, block_size=4)
TRAIN = TrainConfig(batch=2, steps=1000)


class Run:
    """A controller in this thread: it takes so many steps, and does what it is asked."""

    def __init__(
        self, dataset: Dataset, engine: str = "native", *, waits: bool = True, **changes: object
    ) -> None:
        """waits: whether the engine is ready at once."""
        self.tasks: list = []
        self.dataset = dataset
        values: dict = {
            "dataset": dataset, "model": TINY, "train": TRAIN, "post": self.tasks.append,
            "engine": engine, "assignments": (), "state": None, "names": NameStream(0.5, ""),
            "paused": False, "stand_in": False, "measure_peak": False,
        }  # fmt: skip
        self.controller = Controller(**(values | changes))
        self.controller.begin()
        if waits:
            self.settle()

    def settle(self) -> None:
        """Let what gets ready beside the run come to its end."""
        while self.controller.choice.preparation is not None:
            if self.tasks:
                self.tasks.pop(0)()

    @property
    def trainer(self) -> Trainer:
        return self.controller.trainer

    def train(self, n: int) -> None:
        end = self.trainer.state.step + n
        while self.controller.lifecycle.status is Status.RUNNING and self.trainer.state.step < end:
            if (ghost := self.controller.ghost_turns.due) is not None:
                self.controller.ghost_turns.take(ghost)
            else:
                self.controller.advance(at_most=end - self.trainer.state.step)

    def ask(self, *commands: Command) -> None:
        for command in commands:
            self.controller.execute(command)
            self.settle()

    def bits(self) -> str:
        return self.trainer.state.fingerprint

    def check(self) -> None:
        """Trained again from the JSON of its log, the run ends in the same bits."""
        log = read_log(json.dumps(self.trainer.log.to_json()))
        assert replay(log, self.dataset).fingerprint == self.bits()
        assert surviving(log).setup.named_as(self.trainer.setup) == surviving(log).setup
        assert self.trainer.names.temperature == self.trainer.setup.temperature
        assert self.trainer.names.prefix == self.trainer.setup.prefix
