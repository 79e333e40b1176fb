"""The held-out loss after some seconds of one core, from sixteen seeds that no search has seen.

    PYTHONPATH=. python tests/core/sweep/record.py WIDTH SECONDS [FIRST [LAST]]

trains the best settings that were found for that width and time, in this process and one after
another, and prints the mean over the seeds with its 95 % interval. docs/sweeps.md has the table.
"""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from math import nan
from pathlib import Path
from typing import Any

import numpy as np

from eetui.core.data.dataset import load_dataset
from eetui.core.engines.registry import default
from eetui.core.sweep.aim import parse_aim
from eetui.core.sweep.job import Job
from eetui.core.sweep.job_trainer import JobTrainer
from eetui.core.sweep.point import SeedResult, SweepPoint
from eetui.core.sweep.space import Value

FIRST_SEED = 1000
SEEDS = 16

MUON = {"optimizer": "muon"}
FOUND: dict[tuple[int, str], dict[str, Any]] = {
    (16, "0.5"): {**MUON, "n_heads": 4, "batch": 96, "learning_rate": 0.007},
    (16, "1"): {
        **MUON, "n_heads": 4, "batch": 128, "learning_rate": 0.0065, "schedule": "cosine",
    },
    (16, "10"): {
        **MUON, "n_heads": 2, "n_layers": 2, "batch": 256, "learning_rate": 0.0042,
        "activation": "relu2",
    },
    (32, "0.5"): {
        **MUON, "n_heads": 4, "batch": 64, "learning_rate": 0.0036, "activation": "relu2",
    },
    (32, "1"): {**MUON, "n_heads": 4, "batch": 128, "learning_rate": 0.005, "schedule": "cosine"},
    (32, "10"): {"n_heads": 4, "batch": 128, "learning_rate": 0.0024},
    (64, "0.5"): {"n_heads": 8, "batch": 48, "learning_rate": 0.005},
    (64, "1"): {
        "n_heads": 4, "batch": 96, "learning_rate": 0.0055, "activation": "relu2",
        "schedule": "cosine",
    },
    (64, "10"): {"n_heads": 4, "batch": 96, "learning_rate": 0.0023},
    (128, "0.5"): {"n_heads": 8, "batch": 16, "learning_rate": 0.003},
    (128, "1"): {"n_heads": 16, "batch": 32, "learning_rate": 0.0035},
    (128, "10"): {**MUON, "n_heads": 16, "batch": 96, "learning_rate": 0.0015},
}  # fmt: skip


def main(width: str, seconds: str, *more: str) -> None:
    """Train the seeds and print a line."""
    options = dict(word.split("=", 1) for word in more)
    settings: dict[str, Value] = {"engine": default(), "products": "bf16", "d_model": int(width)}
    settings |= FOUND[int(width), seconds]
    settings |= {key: json.loads(value) for key, value in options.items() if key not in OWN}
    first, n = int(options.get("first", FIRST_SEED)), int(options.get("seeds", SEEDS))
    dataset = load_dataset(options.get("data"))
    trainer, aim = JobTrainer(dataset), parse_aim(f"loss@{seconds}s")
    trainer.train(Job(0, 1, settings, replace(aim, seconds=0.02)))  # what is loaded only once
    found = []
    for seed in range(first, first + n):
        found.append(SeedResult.of(trainer.train(Job(0, seed, settings, aim))))
        kept = Path(options["keep"]) if "keep" in options else None
        if kept is not None:
            with kept.open("a") as file:
                file.write(json.dumps([width, seconds, found[-1].to_json()]) + "\n")
    point = SweepPoint(0, settings, "done", tuple(found))
    low, high = point.interval or (nan, nan)
    steps = np.median([result.steps for result in found])
    print(f"d_model {width}, {seconds} s, {n} seeds from {first}, {steps:,.0f} steps", end=": ")
    print(f"{point.mean:.4f} ({low:.4f} to {high:.4f}), training loss {point.loss:.4f}", flush=True)


OWN = {"first", "seeds", "data", "keep"}

if __name__ == "__main__":
    main(*sys.argv[1:])
