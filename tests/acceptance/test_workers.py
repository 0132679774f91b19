"""What an operator wants of nodes, seen on their processes and in the attempts of runs; all of it asked over HTTP."""

import itertools
from datetime import UTC, datetime, timedelta

import pytest

from .conftest import short_folder
from .taskgrid import task_grid

MILLISECOND = timedelta(milliseconds=1)
"""Times on the wire are cut to these."""
FOREVER = "(trap '' TERM; sleep {0}) & sleep {0}"
"""A shell command that `{0}` marks."""


@pytest.fixture(scope="module")
def grid(shared):
    """Two nodes of four slots, `left` and `right`; `all` is a label of both."""
    with short_folder() as folder, task_grid(shared("--nodes", "0"), folder, left=(), right=()) as made:
        yield made


@pytest.fixture(autouse=True)
def _as_before(grid):
    """What an operator changed of the nodes is undone."""
    yield
    for name in grid.nodes:
        grid.done("PUT", f"/api/workers/{name}", {"status": "active", "max_concurrent_tasks": 4})


def put(grid, name, **words):
    return grid.done("PUT", f"/api/workers/{name}", words)


def now():
    return datetime.now(UTC) - MILLISECOND


def moment(text):
    return datetime.fromisoformat(text)


def started_on(run):
    """When its newest attempt was leased, and to whom."""
    newest = run["attempt_list"][-1]
    return moment(newest["leased_at"]), newest["worker_id"]


def test_a_draining_node_finishes_what_runs_and_takes_more_only_when_it_is_active_again(grid, eventually):
    held = grid.trigger(grid.shell("sleep 3; echo finished", requires=["left"]))
    grid.running(held)
    assert put(grid, "left", status="draining")["status"] == "draining"
    later = grid.trigger(grid.shell("echo later", requires=["left"]))
    eventually(lambda: grid.done("GET", "/api/workers/left")["state"] == "draining", "the node itself drains")
    shown = grid.ended(held)
    assert (shown["status"], shown["result"], shown["attempts"]) == ("completed", "finished", 1)
    waits = grid.run(later)
    assert (waits["status"], waits["attempts"]) == ("pending", 0)
    assert "draining" in waits["waiting_for"]
    before = now()
    assert put(grid, "left", status="active")["status"] == "active"
    shown = grid.ended(later)
    assert shown["result"] == "later"
    assert started_on(shown)[0] >= before


def test_a_node_that_may_run_one_task_at_a_time_never_runs_two(grid):
    put(grid, "left", status="draining")
    task = grid.shell("sleep 0.2", requires=["left"], max_instances=9)
    runs = [grid.trigger(task) for _ in range(4)]
    changed = put(grid, "left", status="active", max_concurrent_tasks=1)
    assert changed["max_concurrent_tasks"] == 1
    attempts = [attempt for run in runs for attempt in grid.ended(run)["attempt_list"]]
    assert [(a["worker_id"], a["outcome"]) for a in attempts] == [("left", "completed")] * 4
    spans = sorted((moment(a["leased_at"]), moment(a["ended_at"])) for a in attempts)
    assert all(end <= start for (_, end), (start, _) in itertools.pairwise(spans)), spans


def taken_from_left(grid, mark):
    """A run that the left node holds, and two behind it, while the right one takes nothing; each is aborted by name."""
    put(grid, "right", status="draining", max_concurrent_tasks=1)
    put(grid, "left", max_concurrent_tasks=1)
    held = grid.trigger(grid.shell(FOREVER.format(mark), requires=["all"]))
    grid.running(held)
    behind = [grid.trigger(grid.shell("echo behind", requires=["all"])) for _ in range(2)]
    return held, behind


def check_it_went_first(grid, eventually, mark, held, behind):
    """The run left its node at once, stood at the front of its queue, spent no retry, and the others followed."""
    eventually(lambda: not grid.guests(mark, "left"), "nothing of it is left on the node")
    put(grid, "right", status="active")
    shown = grid.when(held, lambda run: run["worker_id"] == "right", "runs on the other node")
    assert (shown["status"], shown["attempts"], shown["retry_count"]) == ("running", 2, 0)
    eventually(lambda: len(grid.guests(mark, "right")) >= 2, "its processes run there")
    assert [grid.run(run)["attempts"] for run in behind] == [0, 0]
    assert grid.done("POST", f"/api/runs/{held}/abort")["status"] == "aborted"
    others = [started_on(grid.ended(run)) for run in behind]
    assert [node for _, node in others] == ["right"] * 2
    assert started_on(grid.run(held))[0] <= min(at for at, _ in others)


def test_what_a_node_that_is_put_offline_holds_runs_elsewhere_before_all_others(grid, eventually):
    held, behind = taken_from_left(grid, "8765.25")
    eventually(lambda: len(grid.guests("8765.25", "left")) >= 2, "its processes run")
    assert put(grid, "left", status="offline")["status"] == "offline"
    check_it_went_first(grid, eventually, "8765.25", held, behind)
    assert grid.done("GET", "/api/workers/left")["status"] == "offline"


def test_an_unregistered_node_gives_back_what_it_holds_and_stays_away_until_it_is_started_anew(grid, eventually):
    held, behind = taken_from_left(grid, "8765.75")
    eventually(lambda: len(grid.guests("8765.75", "left")) >= 2, "its processes run")
    assert grid.done("DELETE", "/api/workers/left")["worker_id"] == "left"
    check_it_went_first(grid, eventually, "8765.75", held, behind)
    mine = grid.trigger(grid.shell("echo mine", requires=["left"]))
    assert grid.nodes["left"].runs
    assert grid.ask("GET", "/api/workers/left")[0] == 404
    assert [worker["id"] for worker in grid.caller.nodes()] == ["right"]
    assert (grid.run(mine)["status"], grid.run(mine)["attempts"]) == ("pending", 0)
    assert grid.nodes["left"].stop() == 0
    before = now()
    grid.nodes["left"].start()
    shown = grid.ended(mine)
    assert shown["result"] == "mine"
    assert started_on(shown)[0] >= before
    assert grid.done("GET", "/api/workers/left")["status"] == "active"


def test_a_worker_registered_by_hand_speaks_the_node_protocol(grid):
    said = {"hostname": "by-hand", "ip_address": "127.0.0.1", "port": 9, "task_types": ["python"]}
    worker = grid.done("POST", "/api/workers", said | {"metadata": {"labels": ["hand"]}})["id"]
    run = grid.trigger(grid.make("print('never executed')", requires=["hand"], retry_count=1))
    attempt = grid.caller.get(f"/internal/task?node_id={worker}&wait=20")["attempts"][0]
    assert (attempt["task_id"], attempt["code"]) == (run, "print('never executed')")
    beat = {"current_task_count": 1, "current_tasks": [run], "load_average": 0.5, "cpu_usage": 12.5}
    heard = grid.done("POST", f"/api/workers/{worker}/heartbeat", beat)
    assert (heard["worker_id"], heard["status"]) == (worker, "active")
    shown = grid.done("GET", f"/api/workers/{worker}")
    assert [task["run_id"] for task in shown["current_tasks"]] == [run]
    assert (shown["load_average"], shown["cpu_usage"], shown["current_task_count"]) == (0.5, 12.5, 1)
    lease = {"run": attempt["run"], "lease_id": attempt["lease_id"]}
    report = {"node_id": worker, **lease, "outcome": "completed", "result": "by hand", "exit_code": 0}
    assert grid.caller.get("/internal/result", report)["results"][0]["status"] == "ok"
    shown = grid.ended(run)
    assert (shown["status"], shown["result"], shown["worker_id"]) == ("completed", "by hand", worker)
    assert shown["worker_hostname"] == "by-hand"
    assert grid.done("DELETE", f"/api/workers/{worker}")["worker_id"] == worker
