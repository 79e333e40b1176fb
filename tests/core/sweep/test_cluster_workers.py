"""What the driver of a cluster asks of Dask, and what it makes of the answers.

test_cluster.py has the same on a real one, which takes minutes.
"""

from __future__ import annotations

import logging
import sys
from types import SimpleNamespace
from typing import Any

import pytest

from eetui.core.errors import EetuiError
from eetui.core.sweep import remote
from eetui.core.sweep.aim import parse_aim
from eetui.core.sweep.cluster import DaskWorkers
from eetui.core.sweep.job import Began, Job, JobResult, Reported
from eetui.core.sweep.job_trainer import JobTrainer, Report
from eetui.core.sweep.space import Value
from eetui.core.sweep.workers import Noticed
from eetui.core.version import version
from tests.support.scripted_dask import Library

ADDRESS = "tcp://10.0.0.1:8786"


class Clock:
    """Time that goes on only when it is told to."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, module: str) -> None:
        self.now = 1000.0
        monkeypatch.setattr(f"eetui.core.sweep.{module}.monotonic", lambda: self.now)

    def sleep(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture
def library(monkeypatch):
    scripted = Library()
    monkeypatch.setitem(sys.modules, "distributed", scripted)
    return scripted


@pytest.fixture
def clock(monkeypatch):
    made = Clock(monkeypatch, "cluster")
    monkeypatch.setattr("eetui.core.sweep.cluster.sleep", made.sleep)
    return made


@pytest.fixture
def workers(library, clock, names):
    return DaskWorkers(ADDRESS, names)


def jobs(n, first=0):
    settings: dict[str, Value] = {"d_model": 8, "engine": "numpy"}
    return [Job(first + i, 7, settings, parse_aim("loss@20")) for i in range(n)]


def done(job, busy=0.25):
    return JobResult(job.key, "done", 2.0, busy=busy)


def batches(library):
    """The batches that the latest scheduler was given, as futures."""
    return [future for future in library.clients[-1].submitted if future.function is remote.train]


def two_at_work(workers: Any, library: Library) -> tuple[list[Job], Any]:
    """Two jobs, and their batches, which the cluster has taken."""
    given = jobs(2)
    workers.give(given)
    workers.events(0.0)
    return given, batches(library)


def test_the_documents_are_sent_once_under_their_hash(workers, library, names):
    (client,) = library.clients
    (documents,) = client.submitted
    assert client.address == workers.address == ADDRESS
    assert client.options == {"timeout": 10, "security": None, "set_as_default": False}
    assert documents.function is remote.documents
    assert documents.arguments == ("\n".join(names.texts), names.name)
    assert documents.options == {"key": f"eetui-data-{names.fingerprint}"}


def test_jobs_travel_as_json_and_begin_at_once(workers, library):
    given = jobs(2)
    workers.give(given)
    first, second = batches(library)
    (documents, *_), (channel,) = library.clients[0].submitted, library.clients[0].topics
    assert first.arguments == ([given[0].to_json()], documents, channel, version())
    assert second.arguments[0] == [given[1].to_json()]
    assert first.options["pure"] is False
    assert first.options["key"] != second.options["key"]
    assert workers.events(0.0) == [Began(job.key) for job in given]
    assert workers.events(0.0) == []


def test_there_is_room_for_three_batches_a_thread(workers, library, clock):
    assert (workers.size, workers.room) == (4, 12)
    workers.give(jobs(5))
    assert workers.room == 7
    workers.give(jobs(20, first=5))
    assert workers.room == 0
    library.threads = (1,)
    assert workers.size == 4  # asked again after a second
    clock.now += 1.0
    assert workers.size == 1
    library.threads = ()
    clock.now += 0.9
    assert workers.size == 1
    clock.now += 0.2
    assert workers.size == 1  # never none


def test_a_batch_is_as_many_runs_as_take_a_quarter_of_a_second(workers, library):
    sizes = []
    for i in range(40):
        (job,) = jobs(1, first=100 + i)
        workers.give([job])
        batches(library)[-1].end([done(job, busy=0.0)])
        workers.events(0.0)
        sizes.append(workers.room // 12)
    assert sizes[:6] == [1, 2, 2, 2, 3, 4]  # 1 / 0.8^n, rounded
    assert sizes[-1] == 64
    workers.give(jobs(130))
    assert [len(future.arguments[0]) for future in batches(library)[-3:]] == [64, 64, 2]


def test_a_long_run_is_a_batch_of_its_own(workers, library):
    (job,) = jobs(1)
    workers.give([job])
    batches(library)[-1].end([done(job, busy=30.0)])
    workers.events(0.0)
    assert workers.room == 12


def test_a_result_counts_once(workers, library):
    given, (first, second) = two_at_work(workers, library)
    first.end([done(given[0])])
    second.end([done(given[0]), done(given[1])])
    assert workers.events(0.0) == [done(given[0]), done(given[1])]
    first.end([done(given[0])])
    assert workers.events(0.0) == []
    assert first.timeout == 10
    assert workers.room == 12


def test_what_a_run_tells_on_its_way_is_heard(workers, library):
    (handler,) = library.clients[0].topics.values()
    handler((1.0, {"key": [3, 7], "rung": 2, "loss": 2.5}))
    handler((1.1, {"key": [3, 7], "rung": 3, "loss": 2.25}))
    assert workers.events(0.0) == [Reported((3, 7), 2, 2.5), Reported((3, 7), 3, 2.25)]


def test_what_a_worker_has_to_complain_about_ends_the_sweep(workers, library, refused):
    workers.give(jobs(1))
    batches(library)[0].end("A worker of the cluster has eetui 1 and this is 2: install the same.")
    with refused("install the same", EetuiError):
        workers.events(0.0)


@pytest.mark.parametrize("error", [ImportError("eetui"), AttributeError("train")])
def test_a_worker_without_eetui_is_told_of(workers, library, refused, error):
    workers.give(jobs(1))
    batches(library)[0].end(error)
    with refused("cannot load eetui", EetuiError):
        workers.events(0.0)


def test_a_lost_batch_is_done_again_one_by_one_and_given_up_after_three_times(workers, library):
    given = jobs(3)
    workers.give(given)
    for future, job in zip(batches(library), given, strict=True):
        future.end([done(job, busy=0.0)])
    workers.events(0.0)
    given = jobs(2, first=10)
    workers.give(given)  # in one batch by now
    workers.events(0.0)
    batch = batches(library)[-1]
    assert len(batch.arguments[0]) == 2
    batch.end(RuntimeError("its worker was killed"))
    assert workers.events(0.0) == []
    again, other = batches(library)[-2:]
    assert [f.arguments[0] for f in (again, other)] == [[job.to_json()] for job in given]
    other.end([done(given[1])])
    again.end(RuntimeError("again"))
    assert workers.events(0.0) == [done(given[1])]
    batches(library)[-1].end(RuntimeError("and again"))
    failed = JobResult(given[0].key, "failed", why="Its worker ended 3 times.")
    assert workers.events(0.0) == [failed]
    assert len(batches(library)) == 3 + 1 + 2 + 1


def test_only_jobs_that_are_out_are_told_to_stop(workers, library):
    given = jobs(3)
    workers.give(given)
    (channel,) = library.clients[0].topics
    workers.stop([given[0].key, (99, 7)])
    assert library.stopped == [(channel, [list(given[0].key)])]
    batches(library)[0].end([done(given[0])])
    workers.events(0.0)
    workers.stop([given[1].key])
    assert library.stopped[1:] == [(channel, [list(given[1].key)])]
    workers.stop([given[2].key])
    assert sorted(library.stopped[2][1]) == [[1, 7], [2, 7]]
    workers.withdraw([given[2].key])  # what is sent comes to its end
    assert workers.room == 10


def test_a_scheduler_that_goes_is_waited_for_and_gets_everything_again(workers, library, clock):
    given = jobs(3)
    workers.give(given)
    old = batches(library)
    old[0].end([done(given[0])])
    workers.events(0.0)
    client = library.clients[0]
    assert workers.size == 4
    client.status, library.fails = "closed", OSError("nobody there")
    assert workers.events(0.0) == [
        Noticed("The scheduler has gone; the sweep waits until it is back.")
    ]
    assert clock.now == pytest.approx(1000.2)
    assert client.closed == [1]
    assert (workers.room, workers.size) == (0, 4)
    assert workers.events(0.0) == []
    stopped = len(library.stopped)
    workers.stop([given[1].key])
    old[1].end([done(given[1])])  # too late: its scheduler has gone
    assert len(library.stopped) == stopped
    library.fails = None
    assert workers.events(0.0) == [
        Noticed("The scheduler is back; what it had lost is done again.")
    ]
    assert library.clients[-1].options["timeout"] == 2
    assert [f.arguments[0] for f in batches(library)] == [[job.to_json()] for job in given[1:]]
    documents, *_ = library.clients[-1].submitted
    assert documents.function is remote.documents
    for future, job in zip(batches(library), given[1:], strict=True):
        future.end([done(job)])
    assert workers.events(0.0) == [done(job) for job in given[1:]]
    assert workers.room == 12


def test_what_ends_while_its_scheduler_goes_is_done_again(workers, library):
    given, (first, second) = two_at_work(workers, library)

    def go(timeout: float) -> None:
        library.clients[0].status = "closed"
        raise OSError("gone")

    first.result = go
    first.end(None)
    second.end([done(given[1])])
    assert workers.events(0.0) == []
    workers.events(0.0)
    assert [f.arguments[0] for f in batches(library)] == [[job.to_json()] for job in given]


def test_a_scheduler_is_waited_for_ten_minutes(workers, library, clock, refused):
    library.clients[0].status, library.fails = "closed", TimeoutError()
    workers.events(0.0)
    clock.now = 1000.0 + 600.0
    assert workers.events(0.0) == []
    clock.now = 1000.0 + 600.1
    with refused(f"no Dask scheduler at {ADDRESS}", EetuiError):
        workers.events(0.0)


@pytest.mark.parametrize("error", [OSError(), TimeoutError(), ValueError(), RuntimeError()])
def test_where_no_scheduler_is_a_sentence_says_so(library, names, refused, error):
    library.fails = error
    with refused("no Dask scheduler at", EetuiError):
        DaskWorkers(ADDRESS, names)


def test_what_is_out_is_taken_back_at_the_end(workers, library):
    workers.give(jobs(2))
    workers.close()
    (client,) = library.clients
    assert client.cancelled == [(batches(library), True)]
    assert client.closed == [2]
    assert library.closed_clusters == []


def test_a_cluster_that_has_gone_wrong_is_left_all_the_same(library, names):
    workers = DaskWorkers("local", names, workers=3)

    def broken(futures: object, force: bool) -> None:
        raise RuntimeError("no")

    library.clients[0].cancel = broken
    workers.close()
    assert library.closed_clusters == [5]


def test_dasks_own_cluster_is_for_nobody_else(library, names):
    workers = DaskWorkers("local", names, workers=3)
    (cluster,) = library.clusters
    assert workers.address == library.clients[0].address == "tcp://127.0.0.1:4242"
    assert cluster.options == {
        "n_workers": 3, "threads_per_worker": 1, "host": "127.0.0.1", "dashboard_address": None,
        "silence_logs": logging.CRITICAL, "security": None,
    }  # fmt: skip
    assert logging.getLogger("distributed.core").level == logging.CRITICAL


def test_certificates_are_asked_for_and_looked_for(library, names, tmp_path, refused):
    with refused("--tls FOLDER"):
        DaskWorkers("tls://10.0.0.1:8786", names)
    for name in ("ca.pem", "cert.pem"):
        (tmp_path / name).write_text("x")
    with refused("key.pem: --tls needs a folder with ca.pem, cert.pem, key.pem"):
        DaskWorkers("tls://10.0.0.1:8786", names, tls=str(tmp_path))
    (tmp_path / "key.pem").write_text("x")
    DaskWorkers("tls://10.0.0.1:8786", names, tls=str(tmp_path))
    security = library.clients[0].options["security"]
    assert security.pop("require_encryption") is True
    assert security.pop("tls_ca_file") == str(tmp_path / "ca.pem")
    sides = ("client", "scheduler", "worker")
    cert, key = str(tmp_path / "cert.pem"), str(tmp_path / "key.pem")
    assert security == {
        f"tls_{side}_{kind}": path
        for side in sides
        for kind, path in (("cert", cert), ("key", key))
    }


def test_without_dask_a_sentence_says_how_to_get_it(monkeypatch, names, refused):
    monkeypatch.setitem(sys.modules, "distributed", None)
    with refused("pip install 'eetui[cluster]'", EetuiError):
        DaskWorkers(ADDRESS, names)


# -- what runs on the other side -------------------------------------------------------------------


def test_a_worker_trains_what_is_trained_here(names):
    job = Job(0, 7, {"d_model": 8, "engine": "numpy"}, parse_aim("loss@20"), is_told=False)
    data = remote.documents("\n".join(names.texts), names.name)
    found = remote.train([job.to_json()], data, "channel", version())
    assert isinstance(found, list)
    assert [(r.key, r.value) for r in found] == [(job.key, JobTrainer(names).train(job).value)]


def test_a_worker_with_another_version_trains_nothing():
    found = remote.train([{}], ("anna", "x"), "channel", "99.0")
    assert found == (
        f"A worker of the cluster has eetui {version()} and this is 99.0: install the same."
    )


def test_a_run_tells_how_it_goes_on_at_most_four_times_a_second(monkeypatch, names):
    clock, told, asked = Clock(monkeypatch, "remote"), [], []
    stopped: list[list[int]] | None = []

    class Variable:
        def __init__(self, channel: str) -> None:
            assert channel == "channel"

        def get(self, timeout: str) -> list[list[int]]:
            asked.append(timeout)
            if stopped is None:
                raise TimeoutError
            return stopped

    worker = SimpleNamespace(log_event=lambda channel, what: told.append((channel, what)))
    library = SimpleNamespace(Variable=Variable, get_worker=lambda: worker)
    monkeypatch.setitem(sys.modules, "distributed", library)
    steps = iter((0.1, 0.15, 0.2, 0.25, 0.25, 0.25, 0.25))

    class Trainer(JobTrainer):
        def train(self, job: Job, report: Report = lambda rung, loss: False) -> JobResult:
            answers = []
            nonlocal stopped
            for rung, pause in enumerate(steps, start=1):
                clock.now += pause
                stopped = {5: None, 6: [[1, 1]], 7: [[0, 7]]}.get(rung, [])
                answers.append(report(rung, 2.0 + rung))
            assert answers == [False] * 6 + [True]
            return done(job)

    monkeypatch.setattr(remote, "JobTrainer", Trainer)
    job = Job(0, 7, {"d_model": 8, "engine": "numpy"}, parse_aim("loss@20"))
    data = ("anna\nbert", "another text, so that no trainer is warm")
    assert remote.train([job.to_json()], data, "channel", version()) == [done(job)]
    heard = [what["rung"] for channel, what in told if channel == "channel"]
    assert heard == [2, 4, 5, 6, 7]  # 0.25 s, 0.7 s, and so on
    assert told[0][1] == {"key": [0, 7], "rung": 2, "loss": 4.0}
    assert asked == ["1s"] * 5
