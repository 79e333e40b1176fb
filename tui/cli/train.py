"""`eetui train`: the same session without a screen."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from queue import Empty, Queue
from threading import Thread
from typing import TYPE_CHECKING, Any, Protocol

from eetui.core.curves.last_losses import LastLosses
from eetui.core.digits import finite
from eetui.core.errors import EetuiError, UsageError
from eetui.core.model.sampling import generate
from eetui.core.run import checkpoint
from eetui.core.run.listeners import Losses
from eetui.core.run.session import Session
from eetui.core.run.snapshot import Snapshot
from eetui.core.text import visible, visible_lines
from eetui.tui.cli.options import RunOptions
from eetui.tui.cli.output import complain, print_columns, print_json, print_text
from eetui.tui.cli.runs import Request, request_run
from eetui.tui.signals import SignalNotice, exit_code, noticed

if TYPE_CHECKING:
    from rich.progress import Progress

    from eetui.core.store.recorder import Recorder

DEFAULT_STEPS = 10_000
N_SAMPLES = 20


def run(
    options: RunOptions,
    explicit: frozenset[str],
    *,
    as_json: bool = False,
    as_lines: bool = False,
) -> int:
    """Train as `options` ask for and report; gives the exit code."""
    if as_json and as_lines:
        raise UsageError("Use either --json or --jsonl.")
    request = request_run(options, explicit, DEFAULT_STEPS)
    session = request.session(headless=True)
    recorder = request.recorder(session)
    training = Training(session, recorder, lines=as_lines)
    if session.latest.why_none_held_out:
        complain(session.latest.why_none_held_out)
    with noticed() as notice:
        ending = _follow(training, notice, quiet=as_lines and sys.stdout.isatty())
        training.finish()
        if recorder is not None:
            recorder.close()
        saved = _save(request, session)
        notice.release()
        if not isinstance(ending, OSError):  # else nobody reads what is printed
            training.print_rest()
    if ending is not None:
        raise ending
    if recorder is not None and recorder.problem:
        complain(recorder.problem)
    if notice.number:
        complain(f"Interrupted at step {session.state.step:,}{saved}.")
        return exit_code(notice.number)
    _raise_failure(session, saved)
    if as_json:
        print_json(summary(request, session, training))
    elif not as_lines:
        _print_summary(summary(request, session, training), len(training.last))
    return 0


def _follow(training: Training, notice: SignalNotice, *, quiet: bool) -> BaseException | None:
    """Train to the end, or to a signal; gives what went wrong. Signals are held from then on."""
    try:
        try:
            with _progress(quiet) as show:
                training.follow(show, notice)
        finally:
            notice.held = True
    except BaseException as error:  # what was trained is saved first, whatever it is
        return error
    return None


class Show(Protocol):
    """Called now and then with the newest snapshot."""

    def __call__(self, snapshot: Snapshot) -> None: ...


class Training:
    """A session in a thread of its own; `follow` blocks, and prints a line a step if asked to."""

    def __init__(self, session: Session, recorder: Recorder | None, lines: bool) -> None:
        self.last = LastLosses()
        self.first_step = session.latest.step
        self._session = session
        self._recorder = recorder
        self._lines = lines
        self._queue: Queue[tuple[int, Losses] | None] = Queue(maxsize=64)  # None ends it
        self._has_ended = False
        self._rest: list[tuple[int, Losses]] = []
        self._crash: BaseException | None = None
        self._thread = Thread(target=self._run, name="training", daemon=True)

    def follow(self, show: Show, notice: SignalNotice) -> None:
        """Start, and return when the session has ended or a signal came; raises what it raised."""
        self._thread.start()
        while not self._has_ended and not notice.number:
            if chunk := self._next():
                self._take(*chunk)
            show(self._session.latest)
        if self._crash is not None:
            raise self._crash

    def finish(self) -> None:
        """End the session and wait until it has let go of its state; keeps its last losses."""
        self._session.close()
        while not self._has_ended and (self._thread.is_alive() or not self._queue.empty()):
            if chunk := self._next():
                self._rest.append(chunk)

    def _next(self) -> tuple[int, Losses] | None:
        """The next chunk that was trained; None if it does not come at once or was the last."""
        try:
            chunk = self._queue.get(timeout=0.05)
        except Empty:
            return None
        self._has_ended = chunk is None
        return chunk

    def print_rest(self) -> None:
        """What was trained between the last line and the end."""
        for first_step, losses in self._rest:
            self._take(first_step, losses)

    def _run(self) -> None:
        try:
            # A reader slower than the training holds it up rather than memory.
            watch = self._recorder.watching() if self._recorder else None
            self._session.run(watch, self._observe)
        except BaseException as error:
            self._crash = error
        self._queue.put(None)

    def _observe(self, first_step: int, losses: Losses) -> None:
        if self._recorder:
            self._recorder.observe(first_step, losses)
        self._queue.put((first_step, losses))

    def _take(self, first_step: int, losses: Losses) -> None:
        values = losses.tolist()
        self.last.add(values)
        if self._lines:
            latest = self._session.latest  # at most a twentieth of a second old
            now = {
                "held_out_loss": latest.held_out.latest,
                "held_out_step": latest.held_out.latest_step,
                "seconds": latest.seconds,
                "cpu_seconds": latest.cpu_seconds,
            }
            sys.stdout.writelines(
                json.dumps({"step": step, "loss": finite(loss), **now}) + "\n"
                for step, loss in enumerate(values, start=first_step + 1)
            )
            sys.stdout.flush()


@contextmanager
def _progress(quiet: bool) -> Iterator[Show]:
    """A progress bar on stderr if that is a terminal."""
    if quiet or not sys.stderr.isatty():
        yield lambda snapshot: None
        return
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
    from rich.progress import TimeRemainingColumn as Remaining

    from eetui.tui.cli.console import PlainConsole

    progress: Progress = Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[detail]}", markup=False),
        Remaining(),
        console=PlainConsole(stderr=True),
        transient=True,
    )
    task = progress.add_task("starting", total=None, detail="")

    def show(snapshot: Snapshot) -> None:
        waiting = snapshot.step == 0 and snapshot.message
        detail = ""
        if snapshot.loss is not None:
            detail = f"loss {snapshot.loss:.3f}"
        if snapshot.held_out.latest is not None:
            detail += f"  held out {snapshot.held_out.latest:.3f}"
        if snapshot.us_per_step is not None:
            detail += f"  {snapshot.us_per_step:.1f} us/step"
        progress.update(
            task,
            description=visible(snapshot.message) if waiting else "training",
            total=snapshot.train.steps,
            completed=snapshot.step,
            detail=detail,
        )

    with progress:
        yield show


def _raise_failure(session: Session, saved: str) -> None:
    """Turn what ended the session early into an exception."""
    failure = session.failure
    if failure is None:
        return
    if isinstance(failure, EetuiError):
        raise type(failure)(f"{str(failure).rstrip('.')}{saved}.") from failure
    if isinstance(failure, MemoryError):
        raise failure
    print(visible_lines(session.latest.error), file=sys.stderr, end="")
    raise EetuiError(f"The training stopped on an error in the program: {failure}") from failure


def _save(request: Request, session: Session) -> str:
    """Save the run if asked to; gives the end of a sentence that says so."""
    if request.save is None:
        return ""
    made = session.checkpoint
    checkpoint.save(request.save, made)
    return f", saved step {made.state.step:,} to {visible(str(request.save))}"


def summary(request: Request, session: Session, training: Training) -> dict[str, Any]:
    """What a run came to. Its durations are those of docs/durations.md."""
    latest, state = session.latest, session.state
    return {
        "engine": latest.engine,
        "isa": latest.instruction_set,
        "d_model": latest.model.d_model,
        "n_params": latest.n_params,
        "batch": latest.train.batch,
        "steps": state.step,
        "steps_run": state.step - training.first_step,
        "learning_rate": latest.train.learning_rate,
        "schedule": latest.train.schedule,
        "order": latest.train.order,
        "optimizer": latest.optimizations.optimizer,
        "threads": latest.optimizations.threads,
        "auto_threads": latest.auto_threads or None,
        "seed": latest.train.seed,
        "data": latest.data_name,
        "final_loss": training.last.latest,
        "loss_last100": training.last.mean,
        "held_out": latest.train.held_out,
        "held_out_loss": latest.held_out.latest,
        "held_out_step": latest.held_out.latest_step,
        "held_out_curve": {
            "steps": latest.held_out.steps.tolist(),
            "loss": latest.held_out.values.tolist(),
        },
        "clock": latest.clock,
        "us_per_step": latest.us_per_step,
        "seconds": latest.seconds,
        "cpu_seconds": latest.cpu_seconds,
        "samples": generate(
            state.params,
            latest.model,
            request.subject.dataset,
            N_SAMPLES,
            temperature=request.temperature,
            prefix=request.prefix,
            seed=latest.train.seed,
        ),
    }


def _print_summary(found: dict[str, Any], n_losses: int) -> None:
    print_text(
        f"{found['engine']} ({found['isa']}), d_model {found['d_model']}, "
        f"{found['n_params']:,} parameters, batch {found['batch']}, data {found['data']}"
    )
    print(
        f"{found['steps_run']:,} steps in {found['seconds']:.2f} s, "
        f"{found['us_per_step']:.1f} us a step, "
        f"loss {found['loss_last100']:.4f} nats (mean of the last {n_losses})"
    )
    if found["auto_threads"] is not None:
        print(f"threads at the end: {found['threads']}. {found['auto_threads']}")
    if found["held_out_loss"] is not None:
        print(f"held-out loss {found['held_out_loss']:.4f} nats, on documents kept from training")
    print_columns(found["samples"], least_width=16)
