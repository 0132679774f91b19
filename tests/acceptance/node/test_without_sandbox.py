"""A machine without bubblewrap: Landlock, or nothing, or plain processes for an owner who trusts the submitters."""

import os
import threading
import time

import pytest

from idlegrid.session import Session
from idlegrid_node.agent import Agent
from idlegrid_node.link import Link
from idlegrid_node.policy import ALWAYS
from idlegrid_node.sandbox import interpreters, remedies, selftest
from idlegrid_node.sandbox.backend import Kind
from idlegrid_node.sandbox.cores import Placement
from idlegrid_node.sandbox.execution import Execution
from idlegrid_node.sandbox.files import FilesOut
from idlegrid_node.sandbox.floor import HostFloor
from idlegrid_node.sandbox.job import DISK_MB, Job, Limits
from idlegrid_node.sandbox.limits import Host, Watcher
from idlegrid_node.sandbox.sandbox import Sandbox
from idlegrid_node.settings import Settings


@pytest.fixture
def no_bubblewrap(monkeypatch):
    monkeypatch.setattr(interpreters, "bwraps", lambda **_: iter(()))


@pytest.fixture
def no_landlock(monkeypatch):
    monkeypatch.setattr(selftest, "KINDS", (Kind.BUBBLEWRAP, Kind.PROCESS))


def choose(*, trust_submitters: bool = False) -> selftest.Standing:
    return selftest.choose(selftest.Means(trust_submitters=trust_submitters))


@pytest.fixture
def execute(no_bubblewrap, no_landlock, tmp_path):
    standing = choose(trust_submitters=True)
    started = []

    def execute(code: str, timeout: float = 20.0, sink=None) -> Execution:
        limits = Limits(timeout=timeout)
        watcher = Watcher(limits, Host(HostFloor(0.0), Placement()))
        job, files = Job(code, limits=limits), FilesOut(tmp_path / "files")
        started.append(Execution(lambda: Sandbox(standing.backend, DISK_MB), job, watcher, files, sink=sink))
        return started[-1]

    yield execute
    for execution in started:
        execution.close()


def test_without_bubblewrap_landlock_is_the_next_best_and_the_remedy_is_named(no_bubblewrap):
    standing = choose()
    if standing.backend is None:
        pytest.skip(f"no Landlock here: {standing.reason}")
    assert standing.as_json()["level"] == 2
    assert "bubblewrap" in standing.reason
    assert standing.remedy == remedies.REMEDY_INSTALL


def test_without_any_sandbox_there_is_level_0_and_a_remedy(no_bubblewrap, no_landlock):
    standing = choose()
    assert standing.backend is None
    assert standing.as_json()["level"] == 0
    assert "bubblewrap" in standing.reason
    assert "bubblewrap" in standing.remedy


def test_a_node_without_a_sandbox_stays_joined_and_takes_no_work(coordinator, tmp_path, no_bubblewrap, no_landlock):
    session = Session(coordinator.url)
    settings = Settings(coordinator.url, "n", tmp_path, ALWAYS)
    agent = Agent(settings, Link(session, "n"), choose)
    agent.start()
    beat = coordinator.wait_for_status("unknown")
    assert beat["reason"] == "no_sandbox"
    assert beat["sandbox"]["remedy"] == remedies.REMEDY_INSTALL
    coordinator.wait(lambda: coordinator.asked == [("poll", 0)], "a poll that asks for nothing")
    agent.leave()
    coordinator.end_polls()
    coordinator.wait(lambda: "poll" not in {thread.name for thread in threading.enumerate()}, "no open poll")
    session.close()


def test_an_owner_who_trusts_gets_plain_processes_and_says_so(no_bubblewrap, no_landlock):
    standing = choose(trust_submitters=True)
    assert standing.as_json()["level"] == 1
    assert standing.remedy


def test_a_trusted_run_gives_its_result(execute):
    ending = execute("import os\nprint(os.environ['IDLEGRID_PARAMETERS'], 'PATH' in os.environ)").run()
    assert (ending.status, ending.out.text()) == (0, "{} True\n")


def test_a_trusted_run_is_timed_out_with_its_children(execute):
    pids = []
    code = "import os\nos.fork()\nprint(os.getpid(), flush=True)\nwhile True: pass"
    execution = execute(code, 1.5, lambda _stream, data: pids.extend(map(int, data.split())))
    assert execution.run().cause == "timeout"
    execution.close()
    assert len(pids) == 2
    deadline = time.monotonic() + 10
    while any(map(_runs, pids)):
        assert time.monotonic() < deadline, f"still there: {pids}"


def test_freezing_a_trusted_run_stops_only_its_own_processes(execute):
    execution = execute("import time\nprint('up', flush=True)\nwhile True: time.sleep(0.01)")
    thread = threading.Thread(target=execution.run)
    thread.start()
    deadline = time.monotonic() + 20
    execution.freeze()
    while not execution.frozen:
        assert time.monotonic() < deadline, "the run did not freeze"
    assert execution.ending.cause == ""
    execution.stop("cancelled")
    thread.join(20)
    assert execution.ending.cause == "cancelled"


def _runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
