"""The form of a run: its shape, which starts a new one, and what can change while it trains."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, ClassVar, cast

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.widgets import Button, Input, Label, Select, Static

from eetui.core.config import ACTIVATIONS, ORDERS, SCHEDULES, ModelConfig, TrainConfig
from eetui.core.errors import UsageError
from eetui.core.text import told
from eetui.tui import figures
from eetui.tui.screens.confirm import Confirm
from eetui.tui.screens.dialog import Dialog
from eetui.tui.widgets.field import Field

Wanted = tuple[ModelConfig, TrainConfig]

MODEL_FIELDS = (
    ("d_model", "d_model", "features, a multiple of 4"),
    ("n_heads", "heads", "divide d_model"),
    ("n_layers", "layers", "transformer blocks"),
    ("block_size", "block size", "characters seen at once"),
    ("activation", "activation", ""),
)
RUN_FIELDS = (
    ("seed", "seed", "of weights and batches"),
    ("schedule", "schedule", "of the rate"),
    ("order", "order", "of the names"),
)
LIVE_FIELDS = (
    ("steps", "steps", "planned"),
    ("learning_rate", "learning rate", "at the start of the decay"),
    ("batch", "batch", "names a step"),
)
CHOICES = {"activation": ACTIVATIONS, "schedule": SCHEDULES, "order": ORDERS}


def needs_new_run(
    model: ModelConfig, train: TrainConfig, new_model: ModelConfig, new_train: TrainConfig
) -> bool:
    """Whether a change cannot be made to the weights that are training now."""
    fixed = ("seed", "schedule", "order")
    return model != new_model or any(getattr(train, f) != getattr(new_train, f) for f in fixed)


class RunForm(Dialog[Wanted | None]):
    """Gives the two configurations, or None; every change is judged as it is typed."""

    BINDINGS: ClassVar[list[BindingType]] = [
        ("escape", "give_up", "cancel"),
        ("down", "app.focus_next", "next"),
        ("up", "app.focus_previous", "previous"),
    ]

    def __init__(self, model: ModelConfig, train: TrainConfig) -> None:
        super().__init__()
        self._model = model
        self._train = train

    def compose(self) -> ComposeResult:
        with VerticalScroll(classes="dialog", can_focus=False) as dialog:
            dialog.border_title = "set up the run"
            yield Static("a change here starts a new run", classes="section")
            for name, title, unit in (*MODEL_FIELDS, *RUN_FIELDS):
                yield self._row(name, title, unit)
            yield Static("a change here goes on with the run", classes="section")
            for name, title, unit in LIVE_FIELDS:
                yield self._row(name, title, unit)
            yield Static(id="verdict", markup=False)
            with Horizontal(classes="buttons"):
                yield Button("Apply", id="apply", compact=True, variant="primary")
                yield Button("Cancel (esc)", id="cancel", compact=True)

    def _row(self, name: str, title: str, unit: str) -> Vertical | Horizontal:
        value = getattr(self._model, name, None)
        value = getattr(self._train, name) if value is None else value
        field: Input | Select[str]
        if name in CHOICES:
            options = [(choice, choice) for choice in CHOICES[name]]
            field = Select(options, value=value, id=name, allow_blank=False, compact=True)
        else:
            field = Field(f"{value:g}" if isinstance(value, float) else str(value), id=name)
            field.compact = True
        return Horizontal(Label(title), field, Label(unit, classes="unit"), classes="row")

    def on_mount(self) -> None:
        self._judge()

    @on(Input.Changed)
    @on(Select.Changed)
    def _judge(self) -> None:
        """Say what the form amounts to, or the one sentence on what is wrong with it."""
        verdict, button = self.query_one("#verdict", Static), self.query_one("#apply", Button)
        try:
            wanted = self._read()
        except UsageError as error:
            verdict.update(str(error))
            verdict.add_class("-wrong")
            button.disabled = True
            return
        verdict.remove_class("-wrong")
        button.disabled = False
        parameters = f"{figures.count(wanted[0].n_params)} parameters."
        if needs_new_run(self._model, self._train, *wanted):
            verdict.update(f"{parameters} Starts a new run from step 0.")
        else:
            verdict.update(f"{parameters} The run goes on with its weights.")

    def _read(self) -> Wanted:
        """The configurations in the form; raises `UsageError`."""
        model = {name: self._value(name) for name, *_ in MODEL_FIELDS}
        train = {name: self._value(name) for name, *_ in (*RUN_FIELDS, *LIVE_FIELDS)}
        return replace(self._model, **model), replace(self._train, **train)

    def _value(self, name: str) -> Any:
        field = self.query_one(f"#{name}")
        if isinstance(field, Select):
            return cast("Select[str]", field).value
        text = cast(Input, field).value.strip().replace(",", "").replace("_", "")
        number = float if name == "learning_rate" else int
        try:
            return number(text)
        except ValueError:
            kind = "a number" if number is float else "a whole number"
            raise UsageError(f"{name} must be {kind}, not {told(text)}.") from None

    @on(Button.Pressed, "#cancel")
    def action_give_up(self) -> None:
        self.dismiss(None)

    @on(Button.Pressed, "#apply")
    @on(Input.Submitted)
    def _apply(self) -> None:
        try:
            wanted = self._read()
        except UsageError:
            return  # the verdict already says what is wrong
        if not needs_new_run(self._model, self._train, *wanted):
            self.dismiss(wanted)
            return

        def answered(yes: bool | None) -> None:
            if yes:
                self.dismiss(wanted)

        question = "This starts a new run from step 0."
        self.app.push_screen(Confirm(question, "Start the new run"), answered)
