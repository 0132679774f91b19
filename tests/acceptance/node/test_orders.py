"""What the operator and a submitter want of a node: stopped runs, a node that joins, drains, and one that is let go."""

import os
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from ..standin import NodeProcess
from .machines import ALWAYS, machine

GONE_SECONDS = 3.0
"""The task API's promise: so long after it was aborted nothing of a run is left on its node."""
DEAF_TREE = (
    "import os, signal, time\nfor number in (signal.SIGTERM, signal.SIGINT): signal.signal(number, signal.SIG_IGN)\n"
    "for n in range(3): os.fork()\nif n: os.setpgid(0, 0)\nprint('up', flush=True)\nwhile True: time.sleep(1)"
)
DEAF_SHELLS = "trap '' TERM INT; for n in 1 2 3; do (trap '' TERM; while :; do sleep 1; done) & done; echo up; wait"


class Silent(BaseHTTPRequestHandler):
    """Takes a request and says nothing."""

    def do_GET(self) -> None:
        self.server.asked.set()
        self.server.done.wait(60)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def silent_url():
    with HTTPServer(("127.0.0.1", 0), Silent) as server:
        server.asked, server.done = threading.Event(), threading.Event()
        server.handle_error = lambda *_: None
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/", server.asked
        server.done.set()
        server.shutdown()
        thread.join()


@pytest.fixture(scope="module")
def node(tmp_path_factory):
    words = (*ALWAYS, "--network", "any", "--slots", "3")
    with machine(tmp_path_factory.mktemp("node"), *words, policy="warm_sandboxes = 0") as there:
        yield there


def gone_in_time(there, attempt):
    """Order a stop as an abort does; the run's processes must be gone in time, and it is reported as cancelled."""
    guests = [process.pid for process in there.node.guests]
    assert guests
    there.grid.order("stop", attempt, "cancelled")
    there.grid.wait(lambda: not any(map(_alive, guests)), "nothing of the run to be left", GONE_SECONDS)
    assert there.grid.report_of(attempt)["outcome"] == "cancelled"
    assert there.node.guests == []


def _alive(pid):
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@pytest.mark.parametrize(
    "run",
    [{"code": DEAF_TREE}, {"code": "", "task_type": "shell", "command": DEAF_SHELLS}],
    ids=["python", "shell"],
)
def test_an_aborted_run_that_hears_no_signal_is_gone(node, run):
    attempt = node.grid.submit(**run, timeout=60)
    node.began(attempt)
    gone_in_time(node, attempt)


def test_an_aborted_request_is_gone(node, silent_url):
    url, asked = silent_url
    attempt = node.grid.submit("", task_type="http", command=url, request={})
    assert asked.wait(60)
    gone_in_time(node, attempt)


def test_a_node_joins_once_for_each_start(coordinator, launch):
    coordinator.failing, coordinator.heartbeat_seconds = True, 0.2
    node = launch()
    coordinator.wait(lambda: node.log.exists() and "heartbeat_failed" in node.log.read_text(), "a heartbeat in vain")
    coordinator.failing = False
    coordinator.wait(lambda: len(coordinator.heartbeats) >= 2, "two answered heartbeats")
    assert [beat["joins"] for beat in coordinator.heartbeats] == [True] + [False] * (len(coordinator.heartbeats) - 1)


def test_an_unregistered_node_ends_what_runs_says_nothing_of_it_and_stays(tmp_path):
    with machine(tmp_path, *ALWAYS, "--slots", "2") as there:
        grid, node = there.grid, there.node
        attempt = grid.submit(DEAF_TREE, timeout=60)
        there.began(attempt)
        guests = [process.pid for process in node.guests]
        grid.heartbeat_seconds = 0.2
        grid.always = [{"kind": "leave"}]
        grid.order("leave")
        grid.wait(lambda: not any(map(_alive, guests)), "nothing of the run to be left", GONE_SECONDS)
        beat = grid.wait_for_status("paused")
        assert beat["reason"] == "unregistered"
        grid.wait(lambda: not grid.heartbeats[-1]["attempts"], "a heartbeat that holds nothing")
        late = grid.submit("print('late')")
        count = len(grid.heartbeats)
        grid.wait(lambda: len(grid.heartbeats) >= count + 2, "two more heartbeats")
        assert node.running
        assert grid.reports == []
        assert node.guests == []
        assert node.log.read_text().count('"event": "unregistered"') == 1
        _starts_anew(there, tmp_path, late)


def _starts_anew(there, folder, late):
    assert there.node.terminate() == 0
    there.grid.always = []
    there.grid.heartbeats.clear()
    there.node = NodeProcess(there.grid.url, folder, *ALWAYS)
    assert there.grid.report_of(late)["result"] == "late"
    assert there.grid.heartbeats[0]["joins"] is True


def test_a_node_takes_the_types_that_its_owner_names(coordinator, launch):
    launch(*ALWAYS, "--task-types", "shell")
    coordinator.wait_for_status("idle")
    assert coordinator.heartbeats[-1]["task_types"] == ["shell"]
    assert coordinator.run("print(1)")["reason"] == "task_type"
    assert coordinator.run("", task_type="shell", command="echo $((6 * 7))")["result"] == "42"


def test_a_node_that_may_not_go_out_cannot_be_told_to_take_requests(coordinator, launch):
    node = launch(*ALWAYS, "--task-types", "python,http")
    assert node.wait() != 0
    assert "http needs --network public" in node.log.read_text()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root lends users")
def test_a_request_is_made_by_a_user_without_rights(tmp_path, silent_url):
    url, asked = silent_url
    with machine(tmp_path, *ALWAYS, "--network", "any", policy="warm_sandboxes = 0") as there:
        attempt = there.grid.submit("", task_type="http", command=url, request={})
        assert asked.wait(60)
        assert 0 not in {process.uids().real for process in there.node.guests}
        there.grid.order("stop", attempt, "cancelled")
        there.grid.report_of(attempt)
