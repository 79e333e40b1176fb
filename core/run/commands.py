"""What can be asked of a session, as values: each checks itself and has a JSON form.

A *command* is what a person asks for, and may be relative ("double the batch"). A *change* is what
came of it, in absolute values: the log of a run holds changes (`core/run/log.py`), and a change
that a person can ask for is a command as well.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, TypeAlias

from eetui.core.config import ModelConfig, TrainConfig
from eetui.core.engines.presets import PRESETS
from eetui.core.errors import UsageError
from eetui.core.optimizations import Optimizations, Value, find_optimization
from eetui.core.run.forms import encode, read_fields
from eetui.core.run.switch import ALL
from eetui.core.text import told


@dataclass(frozen=True, slots=True)
class Pause:
    """Stop between two chunks of steps."""


@dataclass(frozen=True, slots=True)
class Resume:
    """Go on after a pause."""


@dataclass(frozen=True, slots=True)
class TogglePause:
    """Pause if running, else resume."""


@dataclass(frozen=True, slots=True)
class SingleStep:
    """Pause, and take exactly one step."""


@dataclass(frozen=True, slots=True)
class GoOn:
    """Extend the plan by `steps`, as many as were planned at first by default, and go on."""

    steps: int | None = None

    def __post_init__(self) -> None:
        if self.steps is not None:
            TrainConfig(steps=self.steps)


@dataclass(frozen=True, slots=True)
class CycleOptimization:
    """Set a toggle to its next value that is possible here."""

    key: str

    def __post_init__(self) -> None:
        find_optimization(self.key)


BACK = "back"
"""In place of a preset: the toggles as they were before the presets."""


@dataclass(frozen=True, slots=True)
class ApplyPreset:
    """Set all toggles at once: 'off', 'eemicrogpt', 'on', or 'back' to what they were before.

    It becomes a SetOptimization for each toggle that changes.
    """

    name: str

    def __post_init__(self) -> None:
        if self.name not in (*PRESETS, BACK):
            raise UsageError(
                f"There is no preset {told(self.name)}: there are {', '.join((*PRESETS, BACK))}."
            )


@dataclass(frozen=True, slots=True)
class ScaleBatch:
    """Double or halve the documents a step."""

    up: bool


@dataclass(frozen=True, slots=True)
class ScaleLearningRate:
    """Raise or lower the learning rate by a quarter of it."""

    up: bool


@dataclass(frozen=True, slots=True)
class ChangeTemperature:
    """Raise or lower the temperature of the generated names by a tenth, within 0.1 to 2."""

    up: bool


@dataclass(frozen=True, slots=True)
class MeasureAgain:
    """Measure what a setting is worth once more, and longer: a toggle's key, or 'batch'."""

    key: str

    def __post_init__(self) -> None:
        if self.key not in ("batch", ALL):
            find_optimization(self.key)


@dataclass(frozen=True, slots=True)
class Save:
    """Write a checkpoint; success or failure comes as a notice."""

    path: Path


@dataclass(frozen=True, slots=True)
class Load:
    """Continue from a checkpoint, paused; a file that does not fit comes as a notice."""

    path: Path


@dataclass(frozen=True, slots=True)
class SetOptimization:
    """Set a toggle; the reason why it cannot be set here comes as a notice."""

    key: str
    value: Value

    def __post_init__(self) -> None:
        Optimizations().with_value(self.key, self.value)


@dataclass(frozen=True, slots=True)
class SetBatch:
    """Change the documents a step."""

    batch: int

    def __post_init__(self) -> None:
        TrainConfig(batch=self.batch)


@dataclass(frozen=True, slots=True)
class SetLearningRate:
    """Change the learning rate from which the schedule decays."""

    rate: float

    def __post_init__(self) -> None:
        TrainConfig(learning_rate=self.rate)


@dataclass(frozen=True, slots=True)
class SetSteps:
    """Change the plan over which the learning rate decays."""

    steps: int

    def __post_init__(self) -> None:
        TrainConfig(steps=self.steps)


@dataclass(frozen=True, slots=True)
class SetNames:
    """Generate names with another temperature or prefix; None leaves it as it is."""

    temperature: float | None = None
    prefix: str | None = None


@dataclass(frozen=True, slots=True)
class Restart:
    """Begin a new run from fresh weights; None leaves a configuration as it is."""

    model: ModelConfig | None = None
    train: TrainConfig | None = None


@dataclass(frozen=True, slots=True)
class Rewind:
    """Go back to the weights of the last good step, halve the learning rate, and wait there.

    As a change, it takes the weights back to `step`, as they were there last, and leaves every
    setting as it is; the halved rate is a change of its own.
    """

    step: int | None = None


@dataclass(frozen=True, slots=True)
class UseEngine:
    """Train with an engine and these toggles from here on. Only a session itself decides that."""

    engine: str
    optimizations: Optimizations


@dataclass(frozen=True, slots=True)
class UseState:
    """Continue from a saved state: what came of a `Load`.

    sha256: the fingerprint of the state in the file at `path`, which was at `step`.
    """

    path: Path
    sha256: str
    step: int
    model: ModelConfig
    train: TrainConfig


@dataclass(frozen=True, slots=True)
class Undo:
    """Take the last change back.

    A toggle, a batch, a rate or a plan goes back to what it was, and the present weights train on
    with it. After a restart, an opened file or a branch, the run goes back to the weights and the
    settings that it had before.
    """


@dataclass(frozen=True, slots=True)
class Redo:
    """Make the change again that was last taken back."""


@dataclass(frozen=True, slots=True)
class Branch:
    """Go on from a moment of this run: with the weights and the settings that it had then.

    entries, step: the moment, when the log had so many entries and the run was at `step`.
    """

    entries: int
    step: int

    def __post_init__(self) -> None:
        if self.entries < 0 or self.step < 0:
            raise UsageError("A moment of a run is a number of entries and a step, from 0 on.")


@dataclass(frozen=True, slots=True)
class Travel:
    """Look at the run as it was at `step`, on the way that led to its present weights."""

    step: int


@dataclass(frozen=True, slots=True)
class TravelOn:
    """Look at the run as it was at the keyframe before or after what is looked at."""

    back: bool


@dataclass(frozen=True, slots=True)
class TravelBy:
    """Look at the run as it was so many steps after what is looked at, or before it."""

    steps: int


@dataclass(frozen=True, slots=True)
class ReturnToNow:
    """Look at the run as it is again; it goes on if it did before."""


@dataclass(frozen=True, slots=True)
class ToggleGhost:
    """Let the run as it would have gone without its last change go on beside it, or end that."""


@dataclass(frozen=True, slots=True)
class EndGhost:
    """End the ghost of that number."""

    number: int


Tuning: TypeAlias = SetBatch | SetLearningRate | SetSteps
"""Changes of the training configuration in mid-run."""
Change: TypeAlias = (
    Tuning | SetOptimization | SetNames | Restart | Rewind | Branch | UseEngine | UseState
)  # fmt: skip
Command: TypeAlias = (
    Pause | Resume | TogglePause | SingleStep | GoOn | CycleOptimization | ApplyPreset | ScaleBatch
    | ScaleLearningRate | ChangeTemperature | MeasureAgain | Save | Load | Undo | Redo
    | Travel | TravelOn | TravelBy | ReturnToNow | ToggleGhost | EndGhost | Change
)  # fmt: skip

_REGISTRY: dict[str, type[Command]] = {
    re.sub(r"(?<!^)(?=[A-Z])", "_", cls.__name__).lower(): cls for cls in Command.__args__
}
_NAMES = {cls: name for name, cls in _REGISTRY.items()}


def to_json(command: Command) -> dict[str, Any]:
    """The command's name and its fields, such as {"command": "set_batch", "batch": 32}."""
    values = {field.name: getattr(command, field.name) for field in fields(command)}
    given = {name: encode(value) for name, value in values.items() if value is not None}
    return {"command": _NAMES[type(command)], **given}


def from_json(values: object) -> Command:
    """The command that `to_json` wrote.

    Raises `UsageError` for unknown names and fields, wrong types and impossible values.
    """
    if not isinstance(values, dict) or "command" not in values:
        raise UsageError('A command is a JSON object with its name as "command".')
    given = dict(values)
    name = given.pop("command")
    if not isinstance(name, str) or name not in _REGISTRY:
        raise UsageError(f"There is no command {told(name)}: there are {', '.join(_REGISTRY)}.")
    return read_fields(_REGISTRY[name], given, name)
