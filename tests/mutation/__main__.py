"""`python -m tests.mutation`: 300 small faults in `core`, and how many of them a test finds.

    python -m tests.mutation --sample 300 --seed 1     a random sample of its Python
    python -m tests.mutation --kinds                   the faults of kinds.py, Python and C

It works in a copy of the project, alone and at leisure: prefix it with `nice`. It first runs the
tests once to see which of them run which lines; --map names a file that keeps this, and to which
later runs add the tests that are new.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.mutation.copy import environment, make_copy


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m tests.mutation",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--sample", type=int, default=300)
    parser.add_argument("--kinds", action="store_true", help="the named faults instead")
    parser.add_argument("--only", default="", help="those with this in their name or path")
    parser.add_argument("--map", type=Path, help="where the coverage is kept")
    asked = parser.parse_args()
    with TemporaryDirectory(prefix="mutation-") as name:
        folder = Path(name)
        python = make_copy(folder)
        kept = (asked.map or folder / "map.json").resolve()
        what = ["--kinds"] if asked.kinds else ["--sample", asked.sample, "--seed", asked.seed]
        command = [
            python,
            "-m",
            "tests.mutation.inside",
            *what,
            "--only",
            asked.only,
            "--map",
            kept,
        ]
        done = subprocess.run(
            [*map(str, command)], cwd=folder, env=environment(folder), check=False
        )
    return done.returncode


if __name__ == "__main__":
    sys.exit(main())
