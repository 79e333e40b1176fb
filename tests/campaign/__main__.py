"""`python -m tests.campaign --seed 1`: all kinds of trials, and a table of how they went."""

from __future__ import annotations

import argparse
import platform
import signal
import sys
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from time import monotonic

from tests.campaign.actions import actions
from tests.campaign.caches import kernels, settings_files
from tests.campaign.checkpoints import checkpoints
from tests.campaign.disks import disks
from tests.campaign.foreign import foreign
from tests.campaign.interruptions import interruptions
from tests.campaign.kills import kills
from tests.campaign.nonsense import nonsense
from tests.campaign.soak import soak
from tests.campaign.terminals import terminals
from tests.campaign.trial import Kind, Setting, Tally

KINDS: dict[str, tuple[Kind, int]] = {
    "nonsense for every option": (nonsense, 2_000),
    "mutated checkpoints": (checkpoints, 2_500),
    "kill -9 while saving": (kills, 250),
    "signals to every command": (interruptions, 200),
    "signals, stops and hang-ups to the screen": (terminals, 108),
    "full disk, read-only folders": (disks, 120),
    "random actions on all screens": (actions, 10_000),
    "damaged settings": (settings_files, 400),
    "damaged kernels": (kernels, 10),
    "foreign text everywhere": (foreign, 600),
    "soak, minutes": (soak, 30),
}


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.campaign", description=__doc__)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", nargs="*", metavar="WORD", help="kinds with this in their name")
    parser.add_argument("--without", nargs="*", metavar="WORD", default=[])
    parser.add_argument("--scale", type=float, default=1.0, help="of the number of trials")
    asked = parser.parse_args()
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's `&` has it ignored
    tallies = []
    print(f"seed {asked.seed}, Python {platform.python_version()}, {platform.platform()}\n")
    for name, (kind, n) in KINDS.items():
        is_wanted = not asked.only or any(word in name for word in asked.only)
        if not is_wanted or any(word in name for word in asked.without):
            continue
        tally, began = Tally(name), monotonic()
        with TemporaryDirectory(prefix="campaign-") as folder:
            Path(folder).chmod(0o755)
            random = Random(f"{asked.seed} {name}")
            setting = Setting(random, Path(folder), tally, n * asked.scale)
            try:
                kind(setting, max(int(n * asked.scale), 1))
            except KeyboardInterrupt:
                tally.remarks.append("stopped before its end")
        tallies.append(tally)
        print(f"{name}: {tally.trials:,} in {monotonic() - began:.0f} s", file=sys.stderr)
        for words in (*tally.failures, *tally.not_ours, *tally.remarks):
            print(f"    {words}", file=sys.stderr, flush=True)
    _print(tallies)
    return 1 if any(tally.failures for tally in tallies) else 0


def _print(tallies: list[Tally]) -> None:
    print("| kind | trials | lost | tracebacks | hangs | other failures | of others |")
    print("|---|---:|---:|---:|---:|---:|---:|")
    for t in tallies:
        cells = (t.trials, *map(len, (t.lost, t.tracebacks, t.hangs, t.others, t.not_ours)))
        print(f"| {t.kind} | " + " | ".join(f"{cell:,}" for cell in cells) + " |")


if __name__ == "__main__":
    sys.exit(main())
