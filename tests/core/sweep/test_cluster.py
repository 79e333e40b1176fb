"""Sweeps on a real Dask cluster: nothing is lost and nothing counts twice, whoever is killed.

They take minutes: `EETUI_CLUSTER=1 pytest tests/core/sweep/test_cluster.py` runs them.
"""

from __future__ import annotations

import datetime
import ipaddress
import json
import os
import signal
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path
from time import monotonic, sleep

import pytest

from eetui.core.engines.registry import default
from eetui.core.errors import EetuiError
from eetui.core.sweep.aim import parse_aim
from eetui.core.sweep.job import Job, JobResult
from eetui.core.sweep.job_trainer import JobTrainer
from eetui.core.sweep.space import Value, make_space
from eetui.core.sweep.storage import find_place
from eetui.core.sweep.study import create_study, open_study
from eetui.core.sweep.sweep import Sweep
from eetui.core.sweep.workers import LocalWorkers
from tests.support.cluster import Cluster

WANTED = "EETUI_CLUSTER"
PATIENCE = 300.0

pytestmark = pytest.mark.skipif(
    WANTED not in os.environ, reason=f"{WANTED}=1 runs the tests on a real Dask cluster"
)


@pytest.fixture
def cluster(tmp_path):
    made = Cluster(tmp_path)
    yield made
    made.close()


@pytest.fixture
def many(plan):
    """2,000 short runs."""
    space = make_space({"lr": "0.001..0.03", "d_model": "8", "engine": default()})
    return replace(plan, space=space, aim=parse_aim("loss@20"), runs=2000)


def workers_of(cluster, names, **more):
    from eetui.core.sweep.cluster import DaskWorkers

    return DaskWorkers(cluster.address, names, **more)


def once(progress) -> bool:
    """Whether each point was trained from each seed exactly once."""
    seeds = list(progress.plan.all_seeds)
    return all([t.seed for t in point.trainings] == seeds for point in progress.points)


def test_two_thousand_runs(cluster, many, journal, names):
    *_, last = Sweep(create_study(find_place(journal), many), workers_of(cluster, names))
    assert (last.over, last.trained) == (2000, 2000)
    assert once(last)
    assert len({point.settings["learning_rate"] for point in last.points}) == 2000


def test_a_worker_that_is_killed_loses_nothing(cluster, many, journal, names):
    plan = replace(many, runs=300, aim=parse_aim("loss@500"))
    killed = False
    sweep = Sweep(create_study(find_place(journal), plan), workers_of(cluster, names))
    for progress in sweep:
        if progress.over >= 40 and not killed:
            killed = True
            os.kill(cluster.workers[0].pid, signal.SIGKILL)
    assert killed
    assert sweep.latest.count("done") == 300
    assert once(sweep.latest)
    assert len(open_study(find_place(journal)).points) == 300


def test_a_scheduler_that_comes_back_is_gone_on_with(cluster, many, journal, names):
    plan = replace(many, runs=300, aim=parse_aim("loss@500"))
    restarted: threading.Thread | None = None
    said = []
    sweep = Sweep(create_study(find_place(journal), plan), workers_of(cluster, names))

    def restart():
        sleep(3.0)  # so that the driver sees that it has gone
        cluster.restart()

    for progress in sweep:
        if progress.notice and progress.notice not in said:
            said.append(progress.notice)
        if progress.over >= 40 and restarted is None:
            cluster.kill_scheduler()
            restarted = threading.Thread(target=restart)
            restarted.start()
    assert restarted is not None
    restarted.join()
    assert any("has gone" in words for words in said)
    assert any("is back" in words for words in said)
    assert sweep.latest.count("done") == 300
    assert once(sweep.latest)


def test_every_worker_gives_the_loss_that_is_found_here(cluster, names):
    settings: dict[str, Value] = {"d_model": 16, "engine": default()}
    jobs = [Job(i, 7, settings, parse_aim("loss@200")) for i in range(40)]
    workers = workers_of(cluster, names)
    workers.give(jobs)
    found: list[JobResult] = []
    deadline = monotonic() + PATIENCE
    while len(found) < len(jobs):
        assert monotonic() < deadline
        found += [event for event in workers.events(1.0) if isinstance(event, JobResult)]
    workers.close()
    assert {result.value for result in found} == {JobTrainer(names).train(jobs[0]).value}


def test_a_worker_with_another_version_is_refused_in_a_sentence(cluster, many, journal, names):
    study = create_study(find_place(journal), many)
    with pytest.raises(EetuiError, match=r"has eetui .* and this is 99\.0: install the same\."):
        list(Sweep(study, workers_of(cluster, names, own_version="99.0")))


def test_a_driver_that_went_away_comes_back_to_its_study(cluster, tmp_path):
    file = tmp_path / "study.db"
    command = [
        sys.executable, "-m", "eetui.tui", "sweep", "--study", str(file), "--on", cluster.address,
        "--no-store", "--json",
    ]  # fmt: skip
    space = ["--d-model", "8", "--lr", "0.001..0.03", "--runs", "200", "--aim", "loss@400"]
    first = subprocess.Popen([*command, *space], stdout=subprocess.DEVNULL)
    deadline = monotonic() + PATIENCE
    while _finished(file) < 10:
        assert monotonic() < deadline
        assert first.poll() is None, "it was over before it could be killed"
        sleep(0.1)
    first.kill()
    first.wait()
    before = _finished(file)
    assert before < 200
    again = subprocess.run(command, capture_output=True, text=True, check=True)
    found = json.loads(again.stdout)
    assert (found["runs"], found["trainings"]) == (200, 200)


def _finished(file: Path) -> int:
    if not file.exists():
        return 0
    try:
        return len(open_study(find_place(str(file))).points)
    except EetuiError:  # it is being made
        return 0


def test_a_long_run_that_is_losing_is_stopped_over_the_scheduler(cluster, plan, journal, names):
    space = make_space({"lr": "0.00001..0.02", "d_model": "16", "engine": default()})
    plan = replace(plan, space=space, aim=parse_aim("loss@1.5s"), runs=16, pruner="median")
    *_, last = Sweep(create_study(find_place(journal), plan), workers_of(cluster, names))
    assert last.count("pruned") > 0
    assert last.count("done") + last.count("pruned") == 16


def test_tls_lets_only_those_in_who_have_the_certificates(tmp_path, many, journal, names, refused):
    _certificates(tmp_path / "tls")
    cluster = Cluster(tmp_path, tls=tmp_path / "tls")
    try:
        plan = replace(many, runs=20)
        workers = workers_of(cluster, names, tls=str(tmp_path / "tls"))
        *_, last = Sweep(create_study(find_place(journal), plan), workers)
        assert last.count("done") == 20
        with refused("--tls FOLDER"):
            workers_of(cluster, names)
        _certificates(tmp_path / "others")
        with refused("does not answer us", EetuiError):
            workers_of(cluster, names, tls=str(tmp_path / "others"))
        with refused("ca.pem"):
            workers_of(cluster, names, tls=str(tmp_path))
    finally:
        cluster.close()


def test_dasks_own_local_cluster_listens_on_loopback_alone(names):
    from eetui.core.sweep.cluster import DaskWorkers

    workers = DaskWorkers("local", names, workers=1)
    try:
        assert workers.address.startswith("tcp://127.0.0.1:")
        assert workers.size == 1
    finally:
        workers.close()


def test_a_cluster_and_our_own_processes_agree(cluster, plan, tmp_path, names):
    space = make_space({"d_model": "8,12,16", "engine": default()})
    plan = replace(plan, space=space, sampler="grid", runs=None, seeds=2)
    places = [find_place(f"journal:{tmp_path / name}") for name in ("a.log", "b.log")]
    *_, here = Sweep(create_study(places[0], plan), LocalWorkers(names, 1))
    *_, there = Sweep(create_study(places[1], plan), workers_of(cluster, names))
    found = [{p.settings["d_model"]: p.values for p in each.points} for each in (here, there)]
    assert found[0] == found[1]


def _certificates(folder: Path) -> None:
    """One certificate that signs itself, for all sides."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    folder.mkdir()
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.datetime.now(datetime.UTC)
    names = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=2))
        .add_extension(names, False)
        .add_extension(x509.BasicConstraints(True, None), True)
        .sign(key, hashes.SHA256())
    )
    certificate = made.public_bytes(serialization.Encoding.PEM)
    secret = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    for file, content in (("ca", certificate), ("cert", certificate), ("key", secret)):
        (folder / f"{file}.pem").write_bytes(content)
