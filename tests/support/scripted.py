"""A session that trains nothing: it records the commands and publishes what a test gives it."""

from __future__ import annotations

import queue
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from math import log
from typing import Any

import numpy as np

from eetui.core.config import ModelConfig, TrainConfig
from eetui.core.curves.history import Curve, Event
from eetui.core.curves.track import TrackCurve
from eetui.core.data.dataset import Dataset, load_dataset
from eetui.core.engines.subject import Subject
from eetui.core.measure.ladder import NOT_CLIMBED, RUNGS, START, Gain, Ladder, Rung
from eetui.core.model.statistics import SampleStatistics
from eetui.core.optimizations import CATALOGUE, Optimizations, find_optimization
from eetui.core.optimizations import labels as all_labels
from eetui.core.run.commands import (
    ChangeTemperature,
    Command,
    CycleOptimization,
    GoOn,
    Pause,
    Restart,
    Resume,
    Rewind,
    Save,
    ScaleBatch,
    ScaleLearningRate,
    SetBatch,
    SetLearningRate,
    SetNames,
    SetSteps,
    SingleStep,
    TogglePause,
)
from eetui.core.run.snapshot import Effect, NameSample, Notice, Severity, Snapshot, Status, Toggle
from eetui.core.verdict import Verdict
from tests.support.present import present

NO_MATRIX_UNIT = "This machine's engine has no matrix unit path yet."

NAMES = {
    0: ["qzkvwx", "xoffpjq", "uuybm", "jq"],
    10: ["aeannl", "nnaie", "elrra", "ana"],
    100: ["kalan", "jerie", "ama", "sarien"],
    1000: ["kaylin", "mia", "joren", "anaya"],
}
LATEST = ["emma", "kaylen", "jorana", "brielle", "aden", "zamira"]


def verdict(low: float, high: float, *, over: bool = True) -> Verdict:
    """A verdict with this interval, on 61 pairs."""
    return Verdict("time", (low + high) / 2, low, high, 61, 0.9, "cpu", 5.2, 5.2, over=over)


def toggles(**labels: str) -> tuple[Toggle, ...]:
    """The toggles of the catalogue and the batch; `labels` overrides the values in force."""
    now = all_labels(Optimizations(prefix_sharing=True, adam="fused")) | labels
    effects = {
        "padding_skip": Effect("on", "off", verdict(123.4, 127.1), gradient_change=2.3e-7),
        "vector_width": Effect("8", "16", verdict(-34.6, -33.5), is_measuring=True),
        "flush_denormals": Effect("off", "on", verdict(-0.4, 0.3)),
    }
    views = [
        Toggle(
            key=entry.key,
            hotkey=entry.keys,
            name=entry.name,
            kind=entry.kind,
            label=now[entry.key],
            what=entry.what,
            blocked=NO_MATRIX_UNIT if entry.key == "products" else "",
            effect=effects.get(entry.key),
        )
        for entry in CATALOGUE
    ]
    batch = labels.get("batch", "16")
    views.append(Toggle("batch", "b", "batch size", "learning", batch, "Documents a step."))
    return tuple(views)


def curve(step: int, seed: int = 1) -> Curve:
    """A loss that falls and a pace with two stairs, in at most 400 buckets; always the same."""
    n = max(min(400, step), 1) if step else 0
    rng = np.random.default_rng(seed)
    steps = np.linspace(step / max(n, 1), step, n)
    us = np.where((steps > 1500) & (steps < 2200), 187.4, 83.1) * rng.normal(1, 0.015, n)
    return Curve(
        steps=steps.astype(np.int64),
        seconds=np.cumsum(us) * (step / max(n, 1)) / 1e6,
        loss=2.05 + 1.25 * np.exp(-steps / 500) + rng.normal(0, 0.035, n),
        us=us,
    )


def held_out(step: int) -> TrackCurve:
    """Twenty measurements that stay above the curve by more and more."""
    steps = np.linspace(0, step, 21 if step else 1)[1:]
    loss = 2.07 + 1.25 * np.exp(-steps / 500) + 0.02 * steps / 4000
    return TrackCurve(steps.astype(np.int64), steps * 1e-4, loss)


def snapshot(step: int = 4230, **changes: Any) -> Snapshot:
    """A run of a d_model 32 model at `step`."""
    model, train = ModelConfig(), TrainConfig()
    line = curve(step)
    events = (
        Event(1500, 0.125, "padding_skip", "padding skip off", "padding skip on"),
        Event(2200, 0.256, "padding_skip", "padding skip on", "padding skip off"),
    )
    milestones = [NameSample(k, n, True) for k, group in NAMES.items() if k <= step for n in group]
    latest = [
        NameSample(step - 300 + 60 * i, name, j % 2 == 0)
        for i in range(6)
        for j, name in enumerate(LATEST[i % 3 :] + LATEST[: i % 3])
    ]
    made = Snapshot(
        status=Status.RUNNING,
        message="",
        error="",
        engine="numba",
        instruction_set="AVX-512 x16",
        model=model,
        train=train,
        optimizations=Optimizations(),
        data_name="names",
        n_params=model.n_params,
        chance_loss=log(model.vocab_size),
        step=step,
        loss=2.081 if step else None,
        learning_rate=0.00404,
        seconds=float(line.seconds[-1]) if step else 0.0,
        cpu_seconds=float(line.seconds[-1]) if step else 0.0,
        seconds_left=754.0 if step else None,
        us_per_step=83.1 if step else None,
        clock="cpu",
        core_share=0.99 if step else None,
        samples_per_second=192_539.0 if step else None,
        gflops=102.3 if step else None,
        percent_of_peak=43.2 if step else None,
        peak_gflops=216.0,
        toggles=toggles(),
        curve=line,
        events=tuple(e for e in events if e.step <= step),
        names=tuple(latest) if step else (),
        milestones=tuple(milestones),
        statistics=SampleStatistics(1000, 0.62, 0.97, 6.1),
        temperature=0.5,
        prefix="",
        can_rewind=step > 0,
        is_ready=True,
        held_out=held_out(step),
    )
    return replace(made, **changes)


RUNG_US = (3713, 1725, 1512, 820, 293, 134, 96.8, 61.7, 50.4, 50.9, 50.2, 38.7, 38.5)


def saved(before: float, after: float, spread: float = 0.5) -> Gain:
    """What going from one time to the other saves, give or take `spread` per cent."""
    gain = 100 * (1 - after / before)
    return Gain(gain, gain - spread, gain + spread, 40, is_known=True)


def ladder(n_climbed: int = len(RUNG_US), doing: str = "") -> Ladder:
    """A climb of which the lowest `n_climbed` rungs have been measured; the tenth is slower."""
    rungs = [Rung("", None, START, Optimizations())]
    for key, value in RUNGS:
        if key != "products" or value == "tiles":
            entry = find_optimization(key)
            label = entry.name if value is True else f"{entry.name}: {entry.label(value)}"
            way = present(rungs[-1].optimizations).with_value(key, value)
            rungs.append(Rung(key, value, label, way, m5_gain=entry.m5_gain_of(value)))
    for i, us in enumerate(RUNG_US[:n_climbed]):
        gain = saved(RUNG_US[i - 1], us) if i else None
        rungs[i] = replace(rungs[i], us=float(us), gain=gain)
    rungs.append(Rung("products", "sme2", "products: sme2", None, NO_MATRIX_UNIT))
    rungs.append(Rung("threads", None, "threads", None, NOT_CLIMBED["threads"]))
    return Ladder(
        engine="native",
        isa="AVX-512 x16",
        model=ModelConfig(),
        batch=16,
        data="names",
        seed=42,
        pinned={},
        rounds=11,
        rungs=tuple(rungs),
        together=saved(RUNG_US[0], RUNG_US[-1]) if n_climbed == len(RUNG_US) else None,
        round=1,
        progress=n_climbed / len(RUNG_US),
        doing=doing,
        quickest=RUNG_US[-1],
    )


class ScriptedSession:
    """Lists the commands that it is given; `publish` plays the trainer.

    Commands that change what the screen shows answer with a snapshot, as a session would.
    """

    def __init__(self, first: Snapshot | None = None) -> None:
        self.latest = first or snapshot()
        self.commands: list[Command] = []
        self._queue: queue.SimpleQueue[Snapshot | Exception | None] = queue.SimpleQueue()
        self._serial = 0

    # -- the trainer's part -------------------------------------------------------------------

    def publish(self, **changes: Any) -> None:
        """Let the session thread publish its latest snapshot with `changes`."""
        self.latest = replace(self.latest, **changes)
        self._queue.put(self.latest)

    def crash(self, error: Exception) -> None:
        """Let `run` end with `error`."""
        self._queue.put(error)

    def tell(self, text: str, severity: Severity = "information") -> None:
        """Publish a notice."""
        self._serial += 1
        self.publish(notice=Notice(self._serial, text, severity))

    # -- the protocol of a session ------------------------------------------------------------

    @property
    def subject(self) -> Subject:
        return Subject(data(), self.latest.model, self.latest.train, "numpy")

    def run(
        self,
        publish: Callable[[Snapshot], None] | None = None,
        observe: Callable[[int, np.ndarray], None] | None = None,
        give_way: Callable[[], object] | None = None,
    ) -> None:
        while (item := self._queue.get()) is not None:
            if isinstance(item, Exception):
                raise item
            if publish:
                publish(item)

    def close(self) -> None:
        self._queue.put(None)

    def submit(self, command: Command) -> None:
        self.commands.append(command)
        latest = self.latest
        match command:
            case Pause():
                self.publish(status=Status.PAUSED)
            case Resume():
                self.publish(status=Status.RUNNING)
            case TogglePause():
                paused = latest.status is Status.PAUSED
                self.publish(status=Status.RUNNING if paused else Status.PAUSED)
            case SingleStep():
                self.publish(status=Status.PAUSED, step=latest.step + 1)
            case Restart(model, train):
                model, train = model or latest.model, train or latest.train
                self.latest = replace(
                    snapshot(0), model=model, train=train, n_params=model.n_params
                )
                self.publish()
            case SetLearningRate(rate):
                self.publish(train=replace(latest.train, learning_rate=rate))
            case ScaleLearningRate(up):
                rate = 0.00875 if up else 0.0056
                self.publish(train=replace(latest.train, learning_rate=rate))
            case SetBatch(batch):
                self.publish(toggles=toggles(batch=str(batch)))
            case ScaleBatch(up):
                self.publish(toggles=toggles(batch="32" if up else "8"))
            case CycleOptimization(key):
                self.publish(toggles=toggles(**{key: "off"}))
            case SetSteps(steps):
                self.publish(train=replace(latest.train, steps=steps))
            case GoOn():
                self.publish(status=Status.RUNNING, message="")
            case Rewind():
                self.publish(status=Status.PAUSED, message="", step=max(latest.step - 30, 0))
            case Save(path):
                self.tell(f"Saved step {latest.step:,} to {path}.")
            case ChangeTemperature(up):
                self.publish(temperature=0.6 if up else 0.4)
            case SetNames(prefix=prefix):
                self.publish(prefix=prefix)


@cache
def data() -> Dataset:
    """The shipped names."""
    return load_dataset()
