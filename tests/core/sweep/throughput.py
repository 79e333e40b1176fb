"""How many points a second a driver asks for and tells, and how many tasks Dask takes.

    PYTHONPATH=. python tests/core/sweep/throughput.py

CPU seconds of this process, so that what else the machine does counts little; PostgreSQL's own
processes are not in them. SQLite and PostgreSQL are measured as Optuna has them (ask, tell), and as
a study of ours uses them.
"""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from time import perf_counter, process_time

import optuna

from eetui.core.sweep.aim import parse_aim
from eetui.core.sweep.point import SeedResult
from eetui.core.sweep.space import make_space
from eetui.core.sweep.storage import find_place, open_storage
from eetui.core.sweep.study import create_study
from eetui.core.sweep.sweep_plan import make_plan
from tests.support.postgres import WHY_NOT, Postgres

POINTS = 150
TOGETHER = 8
"""Points that are put down at once: half a second of runs of 60 ms on two cores gives 16."""
TASKS = 3000
SPACE = {"d_model": "16,32,64", "batch": "8..128", "lr": "0.001..0.03"}


@contextmanager
def timed(what: str, n: int) -> Iterator[None]:
    """Print the CPU and wall milliseconds of each of n."""
    cpu, wall = process_time(), perf_counter()
    yield
    cpu, wall = (process_time() - cpu) / n, (perf_counter() - wall) / n
    print(
        f"{what:44} {cpu * 1e3:7.2f} ms CPU {wall * 1e3:8.2f} ms wall {1 / cpu:8.0f} a CPU second"
    )


def optunas(what: str, url: str | None) -> None:
    """Optuna's own ask and tell, by TPE."""
    storage = None if url is None else open_storage(find_place(url), make=True)
    study = optuna.create_study(storage=storage, sampler=optuna.samplers.TPESampler(seed=1))
    numbers = optuna.distributions.FloatDistribution(1e-3, 3e-2, log=True)
    sizes = optuna.distributions.CategoricalDistribution([8, 16, 32, 64, 128])
    with timed(f"Optuna, {what}: ask and tell", POINTS):
        for _ in range(POINTS):
            trial = study.ask({"learning_rate": numbers, "batch": sizes})
            study.tell(trial, trial.params["learning_rate"])


def ours(what: str, place: str) -> None:
    """The same through a study of ours."""
    plan = make_plan(make_space(SPACE), parse_aim("loss@2000"), runs=POINTS, pruner="none")
    study = create_study(find_place(place), plan)
    with timed(f"a study of ours, {what}: ask and tell", POINTS):
        for i in range(POINTS):
            asked = study.ask()
            assert asked is not None
            value = float(asked.point.settings["learning_rate"])
            kept = SeedResult(42, "done", value, value, value, 2000, 0.06, ((0.06, value),))
            study.tell(asked, replace(asked.point, state="done", trainings=(kept,)))
            if i % TOGETHER == TOGETHER - 1:
                study.write()


def nothing(i: int) -> int:
    """A task that is all overhead."""
    return i


def dask_tasks() -> None:
    """Tasks that do nothing, given one by one and gathered, on Dask's local cluster."""
    from distributed import Client, LocalCluster

    cluster = LocalCluster(
        n_workers=2, threads_per_worker=1, dashboard_address=None, silence_logs=logging.CRITICAL
    )
    with cluster, Client(cluster) as client:
        client.gather([client.submit(nothing, i) for i in range(100)])
        wall, cpu = perf_counter(), process_time()
        client.gather([client.submit(nothing, -i, pure=False) for i in range(TASKS)])
        wall, cpu = perf_counter() - wall, process_time() - cpu
    print(f"Dask: {TASKS / wall:.0f} tasks a second by the wall, {cpu / TASKS * 1e3:.2f} ms each")


def main() -> None:
    """Measure all of it."""
    optunas("memory", None)
    with tempfile.TemporaryDirectory() as folder:
        optunas("SQLite", str(Path(folder) / "a.db"))
        ours("SQLite", str(Path(folder) / "b.db"))
        ours("a journal", f"journal:{folder}/c.log")
    if WHY_NOT:
        print(WHY_NOT)
    else:
        with Postgres() as postgres:
            optunas("PostgreSQL", postgres.url)
            ours("PostgreSQL", f"{postgres.url}#ours")
    dask_tasks()


if __name__ == "__main__":
    main()
