"""The main screen: a live run, and keys for all that can be asked of it."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from textual import on
from textual.binding import Binding, BindingType
from textual.screen import Screen

from eetui.core.config import ModelConfig, TrainConfig
from eetui.core.files import unused
from eetui.core.optimizations import Value, find_optimization
from eetui.core.run.commands import (
    ApplyPreset,
    Branch,
    ChangeTemperature,
    CycleOptimization,
    EndGhost,
    GoOn,
    Load,
    MeasureAgain,
    Pause,
    Redo,
    Restart,
    Resume,
    ReturnToNow,
    Rewind,
    Save,
    ScaleBatch,
    ScaleLearningRate,
    SetBatch,
    SetLearningRate,
    SetNames,
    SetOptimization,
    SetSteps,
    SingleStep,
    ToggleGhost,
    TogglePause,
    Travel,
    TravelBy,
    TravelOn,
    Undo,
)
from eetui.core.run.snapshot import Status
from eetui.core.run.switch import ALL
from eetui.tui import screens
from eetui.tui.actions import BINDINGS
from eetui.tui.courtesy import Courtesy
from eetui.tui.live import LiveSession, Recording
from eetui.tui.messages import GoOnWith
from eetui.tui.screens.run_screen import RunScreen
from eetui.tui.widgets.timeline_bar import TimelineBar
from eetui.tui.widgets.toggle_detail import ToggleDetail
from eetui.tui.widgets.toggle_table import ToggleTable

SUFFIX = ".safetensors"


class MainScreen(RunScreen):
    """Every key of the program; what shows a run is the screen's own base."""

    BINDINGS: ClassVar[list[BindingType]] = [
        *BINDINGS,
        Binding("enter", "branch", "branch from here", show=False, priority=True),
        Binding("escape", "return_to_now", "back to now", show=False, priority=True),
    ]

    def __init__(
        self,
        session: LiveSession,
        recording: Recording | None = None,
        courtesy: Courtesy | None = None,
    ) -> None:
        super().__init__(session, courtesy)
        self._recording = recording
        self._before: dict[str, Value] = {}  # what a shortcut takes a toggle back to

    # -- the toggles ------------------------------------------------------------------------

    @on(ToggleTable.Selected)
    def _explain(self, message: ToggleTable.Selected) -> None:
        self.query_one(ToggleDetail).update(message.toggle)

    @on(ToggleTable.Flipped)
    def _flip(self, message: ToggleTable.Flipped) -> None:
        self.action_flip(message.key)

    def action_flip(self, key: str) -> None:
        """Give the toggle its next value, or say in a sentence why it has none."""
        self.query_one(ToggleTable).ask(key)
        toggle = next((t for t in self.snapshot.toggles if t.key == key), None)
        if toggle is not None and toggle.blocked:
            self.notify(toggle.blocked, title=toggle.name, severity="warning")
        elif key == "batch":
            self.action_double_batch()
        elif key == ALL:
            self.action_preset("off" if toggle is not None and toggle.label == "on" else "on")
        else:
            self._session.submit(CycleOptimization(key))

    def action_alternate(self, key: str, value: Value) -> None:
        """Give the toggle this value, or take it back to the one that it had before."""
        entry = find_optimization(key)
        toggle = next((t for t in self.snapshot.toggles if t.key == key), None)
        if toggle is None or toggle.blocked:
            self.action_flip(key)
            return
        self.query_one(ToggleTable).ask(key)
        now = entry.parse(toggle.pending or toggle.label)
        if now != value:
            self._before[key] = now
            self._session.submit(SetOptimization(key, value))
        elif key in self._before:
            self._session.submit(SetOptimization(key, self._before[key]))
        else:
            self._session.submit(CycleOptimization(key))

    def action_preset(self, name: str) -> None:
        """Set all toggles at once."""
        if not self.snapshot.is_ready:
            self.notify("The engine is not ready yet: wait a moment.", severity="warning")
            return
        self.query_one(ToggleTable).ask(ALL)
        self._session.submit(ApplyPreset(name))

    def action_double_batch(self) -> None:
        self._scale_batch(up=True)

    def action_halve_batch(self) -> None:
        self._scale_batch(up=False)

    def _scale_batch(self, up: bool) -> None:
        self.query_one(ToggleTable).ask("batch")
        self._session.submit(ScaleBatch(up))

    def action_measure(self) -> None:
        """Take another, longer verdict on the toggle under the cursor."""
        toggle = self.query_one(ToggleTable).selected
        if toggle is None:
            return
        if toggle.blocked:
            self.notify(toggle.blocked, title=toggle.name, severity="warning")
        else:
            self._session.submit(MeasureAgain(toggle.key))

    def action_climb(self) -> None:
        """Measure the ladder on its own screen, with the training paused meanwhile."""
        if self.snapshot.is_ready:
            self._visit(screens.ladder.LadderScreen(self._session))
        else:
            self.notify("The engine is not ready yet: wait a moment.", severity="warning")

    def action_race(self) -> None:
        """Let all contestants race on a screen of their own, with the training paused meanwhile."""
        self._visit(screens.race.RaceScreen(self._session))

    def action_sweep(self) -> None:
        """Many short runs on a screen of their own, with the training paused meanwhile."""
        store = None if self._recording is None else self._recording.path
        self._visit(screens.sweep.SweepScreen(self._session, store))

    def action_labs(self) -> None:
        """Guess and measure on a screen of its own, with the training paused meanwhile."""
        self._visit(screens.labs.LabScreen(self._session))

    def action_runs(self) -> None:
        """The runs in the store, on a screen of their own, while the training goes on."""
        if self._recording is None:
            self.notify("This run is not written down, so there is no list.", severity="warning")
            return

        def left(run: str | None) -> None:
            if run is not None:
                self.app.post_message(GoOnWith(run))

        self.app.push_screen(
            screens.runs.RunsScreen(self._recording.path, self._recording.current), left
        )

    def _visit(self, screen: Screen[None]) -> None:
        """Show another screen; what trains pauses until it is left: the run, or its ghosts."""
        latest = self._session.latest
        haunted = bool(latest.ghosts) and latest.status is not Status.PAUSED
        was_running = latest.status in (Status.RUNNING, Status.STARTING) or haunted

        def left(_: None) -> None:
            if was_running:
                self._session.submit(Resume())

        if was_running:
            self._session.submit(Pause())
        self.app.push_screen(screen, left)

    # -- training ---------------------------------------------------------------------------

    def action_toggle_pause(self) -> None:
        self._session.submit(TogglePause())

    def action_single_step(self) -> None:
        """Train one step; on the timeline, look at the next one."""
        looks_back = self.snapshot.visit is not None
        self._session.submit(TravelBy(1) if looks_back else SingleStep())

    def action_rewind(self) -> None:
        if self.snapshot.can_rewind:
            self._session.submit(Rewind())
        else:
            self.notify("There is no earlier good step to go back to.", severity="warning")

    def action_undo(self) -> None:
        self._session.submit(Undo())

    def action_redo(self) -> None:
        self._session.submit(Redo())

    def action_ghost(self) -> None:
        """Let the run without its last change go on beside it, or end the newest ghost."""
        self._session.submit(ToggleGhost())

    def action_end_ghost(self, number: int) -> None:
        self._session.submit(EndGhost(number))

    def action_travel(self, back: bool) -> None:
        """Look at the keyframe before or after what is seen."""
        self._session.submit(TravelOn(back))

    def action_step_back(self) -> None:
        """Look at the step before what is seen."""
        self._session.submit(TravelBy(-1))

    def action_go_to_step(self) -> None:
        """Look at the step that is typed in."""

        def answered(text: str | None) -> None:
            if not text:
                return
            digits = text.replace(",", "").replace(" ", "")
            if digits.isdecimal():
                self._session.submit(Travel(int(digits)))
            else:
                self.notify("A step is a whole number, such as 1200.", severity="warning")

        question = f"Look at step (up to {self.snapshot.step:,})"
        here = f"{self.snapshot.as_seen.step:,}"
        self.app.push_screen(screens.prompt.Prompt(question, placeholder=here), answered)

    @on(TimelineBar.Pointed)
    def _travel_to(self, message: TimelineBar.Pointed) -> None:
        self._session.submit(Travel(message.step))

    def action_branch(self) -> None:
        """Go on from the moment that is looked at."""
        if (then := self.snapshot.visit) is not None:
            self._session.submit(Branch(then.entries, then.step))

    def action_return_to_now(self) -> None:
        self._session.submit(ReturnToNow())

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Enter and escape have their own meaning while an earlier moment is looked at."""
        if action in ("branch", "return_to_now"):
            return self.snapshot.visit is not None
        return super().check_action(action, parameters)

    def action_go_on(self) -> None:
        if self.snapshot.status is Status.FINISHED:
            self._session.submit(GoOn())
        else:
            self.notify("The plan is not done yet; c changes its length.", severity="warning")

    def action_lower_rate(self) -> None:
        self._session.submit(ScaleLearningRate(up=False))

    def action_raise_rate(self) -> None:
        self._session.submit(ScaleLearningRate(up=True))

    def action_restart(self) -> None:
        def answered(yes: bool | None) -> None:
            if yes:
                self._session.submit(Restart())

        step = self.snapshot.step
        lost = "This run stays in the list (H)." if self._recording else "Its weights are given up."
        question = f"Start over from step 0, after {step:,} steps? {lost}"
        self.app.push_screen(screens.confirm.Confirm(question, "Start over"), answered)

    def action_configure(self) -> None:
        def answered(wanted: tuple[ModelConfig, TrainConfig] | None) -> None:
            if wanted is not None:
                self._apply(*wanted)

        snapshot = self.snapshot
        self.app.push_screen(screens.run_form.RunForm(snapshot.model, snapshot.train), answered)

    def _apply(self, model: ModelConfig, train: TrainConfig) -> None:
        """Change what can be changed live; anything else starts a new run."""
        now = self.snapshot.train
        if screens.run_form.needs_new_run(self.snapshot.model, now, model, train):
            self._session.submit(Restart(model, train))
            return
        if train.learning_rate != now.learning_rate:
            self._session.submit(SetLearningRate(train.learning_rate))
        if train.batch != now.batch:
            self._session.submit(SetBatch(train.batch))
        if train.steps != now.steps:
            self._session.submit(SetSteps(train.steps))

    # -- files ------------------------------------------------------------------------------

    def action_save(self) -> None:
        def answered(path: str | None) -> None:
            if path:
                self._session.submit(Save(Path(path)))

        # Training goes on while one types, so a step in the name would be another than is saved.
        name = unused(Path(f"eetui-d{self.snapshot.model.d_model}{SUFFIX}"))
        self.app.push_screen(
            screens.file_prompt.FilePrompt("Save a checkpoint to", str(name), SUFFIX), answered
        )

    def action_open(self) -> None:
        def answered(path: str | None) -> None:
            if path:
                self._session.submit(Load(Path(path)))

        self.app.push_screen(
            screens.file_prompt.FilePrompt("Open a checkpoint", "", SUFFIX), answered
        )

    # -- names ------------------------------------------------------------------------------

    def action_cooler(self) -> None:
        self._session.submit(ChangeTemperature(up=False))

    def action_warmer(self) -> None:
        self._session.submit(ChangeTemperature(up=True))

    def action_prefix(self) -> None:
        def answered(prefix: str | None) -> None:
            if prefix is not None:
                self._session.submit(SetNames(prefix=prefix))

        question = "Begin every name with (nothing for any name)"
        self.app.push_screen(screens.prompt.Prompt(question, self.snapshot.prefix), answered)

    # -- the program ------------------------------------------------------------------------

    def action_themes(self) -> None:
        self.app.search_themes()

    def action_help(self) -> None:
        self.app.push_screen(screens.help.Help(toggles=self.snapshot.toggles))

    def action_quit(self) -> None:
        self.app.exit(0)
