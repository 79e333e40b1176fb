"""`eetui export` and `eetui replay`: a run as a small file that comes out the same elsewhere."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

from eetui.core.data.dataset import Dataset, load_dataset
from eetui.core.errors import UsageError
from eetui.core.files import named, read_regular, write_new
from eetui.core.store.capsule import MOST_BYTES, SUFFIX, Capsule, pack, read_capsule
from eetui.core.store.check import Check, Sameness, check
from eetui.core.text import visible
from eetui.tui.cli.output import complain, is_interactive, print_json, print_text
from eetui.tui.cli.store import opened

if TYPE_CHECKING:
    from rich.status import Status as Spinner


def export(run: str, file: str | None, store: str | None, *, with_data: bool, as_json: bool) -> int:
    """Write the capsule of a run; gives the exit code."""
    with opened(store) as found:
        capsule = pack(found, run, with_documents=with_data)
    content = capsule.to_bytes()
    path = named(file) if file else Path(f"{capsule.name.replace(' ', '-')}{SUFFIX}")
    if path.suffix != SUFFIX:
        raise UsageError(f"{visible(str(path))} must end in {SUFFIX}.")
    written = write_new(path, content)
    if as_json:
        printed = {"file": str(written), "bytes": len(content), "steps": capsule.log.step}
        print_json({"run": capsule.name, **printed, "with_data": with_data})
    else:
        print_text(f"Wrote {written}, {len(content):,} bytes: `eetui replay {written}` plays it.")
    return 0


def load(file: str, data: str | None) -> tuple[Capsule, Dataset]:
    """The capsule in a file and the documents it was trained on."""
    path = named(file)
    shown = visible(str(path))
    try:
        content = read_regular(path, MOST_BYTES)
    except FileNotFoundError:
        raise UsageError(f"There is no file {shown}.") from None
    capsule = read_capsule(content, shown)
    dataset = None if data else capsule.dataset
    return capsule, dataset or _data(capsule, data)


def _data(capsule: Capsule, data: str | None) -> Dataset:
    """The documents that did not come along: named, or the shipped or fetched names."""
    if data is None and capsule.log.data_name not in ("names", "karpathy"):
        raise UsageError(
            f"The run was trained on {visible(capsule.log.data_name)}, which is not in the "
            "capsule: name it with --data."
        )
    return load_dataset(data or (None if capsule.log.data_name == "names" else "karpathy"))


def play(file: str, data: str | None, start: str | None, speed: float) -> int:
    """Play the run of a capsule on the screen; gives the exit code."""
    capsule, dataset = load(file, data)
    if not is_interactive():
        raise UsageError("A replay needs a terminal to play on: --check runs it without one.")
    from eetui.core.store.playback import Playback
    from eetui.tui.app import run
    from eetui.tui.screens.replay import ReplayScreen

    playback = Playback(capsule, dataset, speed, start)
    return run(playback, screen=ReplayScreen(playback)).code


def check_file(file: str, data: str | None, start: str | None, *, as_json: bool) -> int:
    """Train the run of a capsule again and say whether it is the same; gives the exit code."""
    capsule, dataset = load(file, data)
    from rich.console import Console

    console = Console(stderr=True)
    spinner = console.status("training") if console.is_terminal else None
    with spinner or nullcontext():
        last = capsule.log.step
        found = check(capsule, dataset, lambda step: _tell(spinner, step, last), start)
    if as_json:
        print_json(
            {
                "run": capsule.name,
                "same": found.passed,
                "sameness": found.sameness.name.lower(),
                "expected_to_the_bit": found.expected,
                "why_not": found.why_not,
                "steps": found.steps,
                "first_steps_differ_by": _finite(found.first),
                "mean_differs_by": _finite(found.mean),
            }
        )
    else:
        _print(capsule, found)
    return 0 if found.passed else 1


def _tell(spinner: Spinner | None, step: int, last: int) -> None:
    if spinner is not None:
        spinner.update(f"training, step {step:,} of {last:,}")


def _finite(value: float) -> float | None:
    return value if value < float("inf") else None


def _print(capsule: Capsule, found: Check) -> None:
    print_text(
        f"{capsule.name}: {found.steps:,} steps and {len(capsule.log.entries)} changes, "
        f"{found.sameness}."
    )
    if found.sameness is not Sameness.BIT:
        print_text(
            f"Losses of the first steps differ by at most {found.first:.2g} nats, the mean of the "
            f"later half by {found.mean:.2g}."
        )
    if found.why_not:
        complain(found.why_not)
    elif not found.passed:
        complain("It should be the same to the bit on this machine, and it is not.")
