"""What runs in the copy: changes a file, runs its tests, changes it back, and counts."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from random import Random
from time import monotonic

from tests.mutation.coverage_map import CoverageMap
from tests.mutation.kinds import KINDS
from tests.mutation.mutants import Mutant, eligible, mutants
from tests.mutation.tree import NATIVE, TESTS, Tree
from tests.mutation.trial import outcome, warm_up

BUDGET_SECONDS = 12.0
"""Of tests for one mutant, by what they took when they were recorded."""


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int)
    parser.add_argument("--sample", type=int)
    parser.add_argument("--kinds", action="store_true")
    parser.add_argument("--only", default="")
    parser.add_argument("--map", type=Path, required=True)
    asked = parser.parse_args()
    tree = Tree(Path.cwd())
    load = partial(_coverage_map, asked.map, tree)
    _compile_kernels()
    warm_up()
    if asked.kinds:
        trials = _named(asked.only, tree, load)
    else:
        trials = _sampled(Random(asked.seed), asked.sample, asked.only, tree, load())
    n, survivors, began = 0, [], monotonic()
    for mutant, tests in trials:
        found = _try(tree, mutant, tests)
        n += 1
        if found not in ("failed", "no end"):
            survivors.append(f"{mutant} ({found})")
        print(
            f"{n:4} {found:9} {monotonic() - began:6.0f} s  {mutant}", file=sys.stderr, flush=True
        )
    killed = n - len(survivors)
    print(f"{killed} of {n} killed, {100 * killed / n:.1f} %")
    for words in survivors:
        print(f"    {words}")
    return 0


def _compile_kernels() -> None:
    """Numba's, once, or each trial would compile them until its processor time is used up."""
    code = (
        "from eetui.core.config import ModelConfig\n"
        "from eetui.core.engines.registry import create\n"
        "numba = create('numba')\n"
        "numba.prepare(ModelConfig(), numba.default_optimizations())\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


PYTEST = (sys.executable, "-m", "pytest", "-n0", "-q", "-p", "no:cacheprovider")


def _coverage_map(path: Path, tree: Tree) -> CoverageMap:
    """The map that is kept at `path`, of the tests that there are; those it lacks are recorded."""
    done = subprocess.run(
        [*PYTEST, "--collect-only", *TESTS], capture_output=True, text=True, check=True
    )
    there = {line for line in done.stdout.split("\n") if "::" in line}
    missing = there.difference(CoverageMap.load(path, tree.folder).tests)
    if missing:
        names = tree.folder / "missing.txt"
        names.write_text("".join(f"{name}\n" for name in sorted(missing)))
        _record(names, path)
    known = CoverageMap.load(path, tree.folder)
    known.keep(there)
    return known


def _record(names: Path, path: Path) -> None:
    """Run tests once, and write down which lines each of them runs."""
    command = [*PYTEST, "-p", "tests.mutation.recorder", f"@{names}"]
    env = {**os.environ, "EETUI_COVERAGE_MAP": str(path)}
    done = subprocess.run(command, env=env, check=False, capture_output=True, text=True)
    if not path.exists():
        raise SystemExit((done.stdout + done.stderr)[-2000:])


def _sampled(
    random: Random, n: int, only: str, tree: Tree, known: CoverageMap
) -> Iterator[tuple[Mutant, list[str]]]:
    every = [
        mutant
        for path in eligible(tree.folder)
        if only in path
        for mutant in mutants(path, (tree.folder / path).read_bytes())
    ]
    for mutant in random.sample(every, min(n, len(every))):
        yield mutant, known.of(mutant.path, mutant.line, BUDGET_SECONDS)


def _named(
    only: str, tree: Tree, load: Callable[[], CoverageMap]
) -> Iterator[tuple[Mutant, list[str]]]:
    kinds = [kind for kind in KINDS if only in f"{kind.name} {kind.path}"]
    mutants = {kind: kind.mutant(tree.folder) for kind in kinds}
    known = CoverageMap() if all(kind.tests for kind in kinds) else load()
    _require_passing(tree, {kind.tests for kind in kinds if kind.tests})
    for kind, mutant in mutants.items():
        yield mutant, [*kind.tests] or known.of(mutant.path, mutant.line, BUDGET_SECONDS)


def _require_passing(tree: Tree, named: set[tuple[str, ...]]) -> None:
    """Tests that fail without a fault would find every one."""
    if not named:
        return
    if said := tree.build_native():
        raise SystemExit(said)
    for tests in sorted(named):
        if outcome([*tests], tree.folder / "log.txt") != "passed":
            said = (tree.folder / "log.txt").read_text()[-2000:]
            raise SystemExit(f"{' '.join(tests)} fails without a fault:\n{said}")


def _try(tree: Tree, mutant: Mutant, tests: list[str]) -> str:
    if not tests:
        return "no test"
    is_native = mutant.path.startswith(str(NATIVE / "src"))
    with tree.changed(mutant.path, mutant.content):
        if is_native and (said := tree.build_native()):
            raise SystemExit(f"{mutant} cannot be compiled:\n{said}")
        return outcome(tests, tree.folder / "log.txt")


if __name__ == "__main__":
    sys.exit(main())
