"""RQ's own command line against the Redis of a running grid: what it shows is true, and what it steers obeys."""

import re
import subprocess
import sys

import pytest

pytestmark = pytest.mark.redis

SOON_SECONDS = 3.0
"""After `rq resume` a waiting run is on a node within this; twice as long passes, for a machine under load."""

SMALL = {"cpu": 0.1, "memory": 64}


def rq(up, *arguments):
    command = [sys.executable, "-m", "rq.cli", *arguments, "--url", up.redis_url]
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=60).stdout


def counts(up, serializer="json"):
    """What `rq info` says: the queues of runs with (waiting, on nodes), and the state of each worker."""
    shown = rq(up, "info", "--raw", "--serializer", serializer)
    queues = {
        name: (int(waiting), int(executing))
        for name, waiting, executing in re.findall(r"^queue (\S+) (\d+), (\d+) executing", shown, re.MULTILINE)
    }
    workers = dict(re.findall(r"^worker (\S+) \(.*\) (\w+)", shown, re.MULTILINE))
    return {name: counted for name, counted in queues.items() if "python" in name}, workers


@pytest.fixture(scope="module")
def grid(shared):
    return shared("--nodes", "2")


@pytest.fixture
def caller(grid):
    """A caller whose runs are all over before the next test."""
    caller = grid.caller()
    yield caller
    rq(grid, "resume")
    for run in caller.get("/api/runs?size=100")["data"]["items"]:
        if run["status"] in ("pending", "running"):
            caller.ask(f"/api/runs/{run['id']}/abort", {})


def test_rq_info_lists_the_nodes_and_what_each_does(grid, caller, eventually):
    nodes = {node["id"]: node["max_concurrent_tasks"] for node in caller.nodes()}
    assert len(nodes) == 2
    eventually(lambda: [counts(grid)[1].get(node) for node in nodes] == ["idle", "idle"], "both are idle")
    for _ in range(sum(nodes.values())):
        caller.submit("import time; time.sleep(120)", resources=SMALL)
    eventually(lambda: [counts(grid)[1][node] for node in nodes] == ["busy", "busy"], "both are busy")


def test_rq_info_counts_what_waits_and_what_runs(grid, caller, eventually):
    room = sum(node["max_concurrent_tasks"] for node in caller.nodes())
    for _ in range(room + 5):
        caller.submit("import time; time.sleep(120)", resources=SMALL)
    for _ in range(3):
        caller.submit("print(1)", requires=["a-label-no-node-has"])
    eventually(lambda: caller.get("/stats")["tasks"]["pending"] == 8, "all that have room run")

    def figures():
        return sorted(counts(grid)[0].values())

    eventually(lambda: [f for f in figures() if f != (0, 0)] == [(3, 0), (5, room)], "rq info counts the same")


def test_while_suspended_runs_wait_and_once_resumed_they_run(grid, caller, eventually):
    rq(grid, "suspend")
    runs = [caller.submit(f"print({number})") for number in range(3)]
    eventually(lambda: sum(waiting for waiting, _ in counts(grid)[0].values()) == 3, "the three are queued")
    assert [caller.get(f"/status/{run}?wait=1")["status"] for run in runs] == ["pending"] * 3
    rq(grid, "resume")
    eventually(lambda: not any(caller.status(r)["status"] == "pending" for r in runs), "all run", 2 * SOON_SECONDS)
    assert [caller.ended(run)["result"] for run in runs] == ["0", "1", "2"]


def test_what_runs_when_leasing_is_suspended_goes_on_to_its_end(grid, caller, eventually):
    run = caller.submit("import time; time.sleep(1); print('done')")
    eventually(lambda: caller.takes(run), "it runs")
    rq(grid, "suspend")
    assert caller.ended(run)["result"] == "done"
    late = caller.submit("print('late')")
    rq(grid, "resume")
    assert caller.ended(late)["result"] == "late"
