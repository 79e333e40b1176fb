"""A program that is told to end saves first, and leaves with 128 and the signal's number."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from time import monotonic

import pytest

from eetui.core.run import checkpoint
from eetui.tui import signals
from tests.support.live import PATIENCE

PROGRAM = [sys.executable, "-m", "eetui.tui"]
TRAIN = [*PROGRAM, "train", "--engine", "numpy", "--d-model", "8", "--no-store", "--steps"]


PATIENT = (
    "import sys; from eetui.tui import signals; signals.PATIENCE = signals.ECHO = 200.0; "
    "from eetui.tui.cli import main; sys.exit(main())"
)
"""The program, which comes to the end of a line however slow the machine is."""


def training(*arguments: str | Path, is_patient: bool = True) -> subprocess.Popen[bytes]:
    """A run that has printed its first line."""
    program = [sys.executable, "-c", PATIENT] if is_patient else PROGRAM
    options = TRAIN[len(PROGRAM) :]
    command = [*program, *options, "100000000", "--jsonl", *map(str, arguments)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, bufsize=0)
    assert process.stdout is not None
    assert process.stdout.read(1) == b"{"
    return process


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_every_step_that_was_trained_is_printed_and_saved(tmp_path, number):
    process = training("--save", tmp_path / "run")
    process.send_signal(number)
    out, err = process.communicate(timeout=PATIENCE)
    steps = [json.loads(line)["step"] for line in (b"{" + out).splitlines()]
    assert process.returncode == 128 + number
    assert steps == [*range(1, len(steps) + 1)]
    assert checkpoint.load(tmp_path / "run").state.step == len(steps)
    assert err.decode().startswith("eetui: Interrupted at step")
    assert err.count(b"\n") == 1


def test_a_signal_that_comes_twice_is_one(tmp_path):
    process = training("--save", tmp_path / "run")
    for number in (signal.SIGTERM, signal.SIGTERM, signal.SIGINT):
        process.send_signal(number)
    out, _ = process.communicate(timeout=PATIENCE)
    assert process.returncode in (143, 130)
    assert checkpoint.load(tmp_path / "run").state.step == out.count(b"\n")


def busy(seconds: float) -> None:
    """Python that runs, as signals need it."""
    deadline = monotonic() + seconds
    while monotonic() < deadline:
        pass


class Dying:
    """Is gone while a signal comes: Python throws away what is raised then."""

    def __del__(self) -> None:
        signal.raise_signal(signal.SIGTERM)


def test_a_signal_that_python_throws_away_comes_again(capfd):
    with signals.handled():
        del [Dying()][:]
        with pytest.raises(signals.Interrupted) as caught:
            busy(PATIENCE)
    assert caught.value.exit_code == 143
    assert capfd.readouterr().err == ""


def test_a_signal_that_was_thrown_away_is_noticed():
    with signals.handled():
        del [Dying()][:]
        with signals.noticed() as notice:
            assert notice.number == signal.SIGTERM


def test_a_signal_that_was_heard_does_not_come_again():
    with signals.handled():
        with pytest.raises(signals.Interrupted) as caught:
            signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGTERM)
        busy(3 * signals.AGAIN)
    assert caught.value.number == signal.SIGINT


def test_a_reader_that_stands_still_does_not_keep_a_run_from_being_saved(tmp_path):
    process = training("--save", tmp_path / "run", is_patient=False)
    try:
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=PATIENCE) == 143  # nothing has been read from its full pipe
    finally:
        process.kill()
        process.communicate()
    assert checkpoint.load(tmp_path / "run").state.step > 0


@pytest.mark.parametrize("command", [("train",), ()])
def test_data_that_never_end_are_read_until_a_signal_comes(tmp_path, command):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    called = [*PROGRAM, *command, "--engine", "numpy", "--no-store", "--data", str(pipe)]
    process = subprocess.Popen(called, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    with pipe.open("wb") as writer:  # waits until the program reads
        writer.write(b"anna\nbert\n")
        writer.flush()
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=PATIENCE)
    assert (process.returncode, out, err) == (130, b"", b"")


def test_a_signal_that_was_ignored_stays_ignored(tmp_path):
    command = [*TRAIN, "200", "--jsonl", "--save", str(tmp_path / "run")]
    process = subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN),
    )
    assert process.stdout is not None
    process.stdout.read(1)
    process.send_signal(signal.SIGHUP)
    process.communicate(timeout=PATIENCE)
    assert process.returncode == 0
    assert checkpoint.load(tmp_path / "run").state.step == 200


def test_a_run_is_saved_when_nobody_reads_any_more(tmp_path):
    process = training("--save", tmp_path / "run")
    assert process.stdout is not None
    process.stdout.close()
    assert process.wait(timeout=PATIENCE) == 1
    assert process.stderr is not None
    assert process.stderr.read() == b""
    process.stderr.close()
    assert checkpoint.load(tmp_path / "run").state.step > 0


@pytest.mark.parametrize(("closed", "code"), [(">&-", 0), ("2>&-", 0), ("<&- >&- 2>&-", 0)])
def test_closed_streams_lose_nothing(tmp_path, closed, code):
    path = tmp_path / "run"
    command = " ".join([*TRAIN, "5", "--json", "--save", str(path)])
    done = subprocess.run(
        ["/bin/sh", "-c", f"exec {command} {closed}"], timeout=PATIENCE, check=False
    )
    assert done.returncode == code
    assert checkpoint.load(path).state.step == 5


def test_an_error_goes_nowhere_else_when_stderr_is_closed():
    command = ["/bin/sh", "-c", f"exec {' '.join(PROGRAM)} --nope 2>&-"]
    done = subprocess.run(command, stdout=subprocess.PIPE, timeout=PATIENCE, check=False)
    assert (done.returncode, done.stdout) == (2, b"")


@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
@pytest.mark.parametrize("output", [[], ["--json"], ["--jsonl"]])
def test_a_stream_that_cannot_encode_a_character(tmp_path, encoding, output):
    data = tmp_path / "漢.txt"
    data.write_text("żółw\n漢字\n" * 20)
    done = subprocess.run(
        [*TRAIN, "3", "--data", str(data), *output],
        env={**os.environ, "PYTHONIOENCODING": encoding},
        capture_output=True,
        timeout=PATIENCE,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, b"")
    if output == ["--json"]:
        assert json.loads(done.stdout)["data"] == "漢.txt"
        assert set("".join(json.loads(done.stdout)["samples"])) <= set("żółw漢字")


def test_after_a_divergence_the_last_good_step_is_saved(cli, tmp_path):
    path = tmp_path / "run"
    train = ("train", "--engine", "numpy", "--d-model", "16", "--no-store")
    result = cli(*train, "--lr", "9.9", "--steps", "5000", "--save", path)
    assert result.code == 1
    assert f"saved step {checkpoint.load(path).state.step:,} to" in result.err
    assert "--" not in result.err
    assert "Going back" not in result.err
