"""Times a step of every framework's contestant and of the native engine, and prints a table.

    taskset -c 1 python tests/core/race/framework_timing.py         on one core, batch 16
    taskset -c 1 python tests/core/race/framework_timing.py --gpu   on the GPU, batch 16 and 128

Contestants take turns, and a figure is the median of its turns in microseconds a step. On the CPU
that is the time of the process on the core, so other programs add little. On a GPU it is the time
that passes; native's stays that of one core.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from statistics import median
from time import perf_counter, process_time

from eetui.core import cpu
from eetui.core.config import ModelConfig, default_n_heads
from eetui.core.data.dataset import load_dataset
from eetui.core.engines.subject import Subject
from eetui.core.race.contestant import Contestant, Learner
from eetui.core.race.contestants.engines import EngineContestant
from eetui.core.race.roster import ON_GPU, create
from eetui.core.race.tasks import make_task

BF16 = EngineContestant("native, bf16", "native", "Products in bfloat16.", ("bf16",))
ON_CPU = ("torch", "torch-compile", "jax")
GPUS = ("torch+gpu", "torch-compile+gpu", "jax+gpu")
TURN_SECONDS = 0.25
TURNS = 9
FIRST_STEPS = 64

Clock = Callable[[], float]


def us_of_a_turn(learner: Learner, n_steps: int, clock: Clock) -> float:
    """Microseconds a step of n steps."""
    start = clock()
    learner.advance(n_steps)
    return (clock() - start) * 1e6 / n_steps


def us_per_step(learners: Sequence[Learner], clocks: Sequence[Clock], turns: int) -> list[float]:
    """The median of each learner's turns, which alternate."""
    lengths: list[int] = []
    found: list[list[float]] = []
    for learner, clock in zip(learners, clocks, strict=True):
        learner.advance(FIRST_STEPS)
        us = us_of_a_turn(learner, FIRST_STEPS, clock)
        lengths.append(max(1, round(TURN_SECONDS * 1e6 / us)))
        found.append([])
    for _ in range(turns):
        for own, learner, n, clock in zip(found, learners, lengths, clocks, strict=True):
            own.append(us_of_a_turn(learner, n, clock))
    return [median(own) for own in found]


def timed(
    contestants: Sequence[Contestant], d_model: int, batch: int, turns: int = TURNS
) -> tuple[list[float], list[str]]:
    """Microseconds a step of each contestant, and what it computes on."""
    model = ModelConfig(d_model=d_model, n_heads=default_n_heads(d_model))
    task = make_task("equal", Subject(load_dataset(), model), batch=batch)
    learners = [contestant.start(task) for contestant in contestants]
    clocks = [perf_counter if c.name in ON_GPU else process_time for c in contestants]
    return us_per_step(learners, clocks, turns), [learner.detail for learner in learners]


def print_table(contestants: Sequence[Contestant], widths: Sequence[int], batches: Sequence[int]):
    """A row for each width and batch, the last column the best framework over each native."""
    head = ["batch", "d_model", *(c.name for c in contestants), "the best framework over native"]
    print(f"| {' | '.join(head)} |\n|{'---|' * len(head)}")
    for batch in batches:
        for d_model in widths:
            times, details = timed(contestants, d_model, batch)
            pairs = list(zip(contestants, times, strict=True))
            best = min(us for contestant, us in pairs if contestant.extra)
            ratios = ", ".join(
                f"{best / us:.1f}" for contestant, us in pairs if not contestant.extra
            )
            cells = [str(batch), str(d_model), *(f"{us:,.1f}" for us in times), ratios]
            print(f"| {' | '.join(cells)} |", flush=True)
    print(f"\nOn {cpu.detect().name}: {', '.join(details)}.")


def main() -> None:
    parser = argparse.ArgumentParser(description="Times the frameworks' contestants.")
    parser.add_argument("--gpu", action="store_true", help="those on the GPU, d_model 16 to 512")
    parser.add_argument("--d-model", type=int, nargs="+", help="other widths")
    options = parser.parse_args()
    contestants: list[Contestant] = [create("native")]
    for contestant in (BF16, *map(create, GPUS if options.gpu else ON_CPU)):
        if reason := contestant.why_not():
            print(f"{contestant.name}: {reason}")
        else:
            contestants.append(contestant)
    if not any(contestant.extra for contestant in contestants):
        raise SystemExit("There is no framework to time here.")
    widths = (16, 32, 64, 128, 256, 512) if options.gpu else (16, 32, 64, 128)
    print_table(contestants, options.d_model or widths, (16, 128) if options.gpu else (16,))


if __name__ == "__main__":
    main()
