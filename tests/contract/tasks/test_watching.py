"""`/api/system` for those who watch the grid: overview, harvest, attention, queues, waits; search in the logs."""

import time
from datetime import UTC, datetime, timedelta

import pytest

from ..envelope import data, error, moment, offence

KINDS = ["idle", "working", "owner", "held", "lost", "away"]
OVERVIEW = {
    "timestamp": "2026-01-01T00:00:00Z",
    "runs": {"pending": 1, "running": 1, "completed": 1, "failed": 0, "aborted": 0},
    "since": {"completed": 1, "failed": 0, "aborted": 0},
    "nodes": dict.fromkeys(KINDS, 1),
}
ITEM = {"kind": "node_lost", "id": "a", "name": "a", "count": 1, "message": "words"}
QUEUE = {
    "queue": "normal/python/1c/512M/s3",
    "priority": "normal",
    "task_type": "python",
    "cpu": 1.0,
    "memory": 512,
    "requires": ["gpu"],
    "min_sandbox": 3,
    "pending": 1,
    "executing": 0,
    "oldest_seconds": 1.5,
    "oldest_run": 1,
    "able": 1,
    "taking": 1,
}


@pytest.fixture(scope="module")
def own(start_coordinator, visit):
    """A grid that nobody else counts on, and that soon calls a silent node lost."""
    return visit(start_coordinator(lease_seconds=1, listing_seconds=1, start_grace_seconds=0, tick_seconds=0.1).url)


def overview(grid, **query: object) -> dict:
    return dict(data(grid.get("/api/system/overview", **query)))


def attention(grid, kind: str) -> list[dict]:
    answer = data(grid.get("/api/system/attention"))
    assert answer["total"] >= len(answer["items"])
    return [item for item in answer["items"] if item["kind"] == kind]


def queue_of(grid, name: str) -> dict | None:
    found = data(grid.get("/api/system/queues"))["queues"]
    return next((queue for queue in found if queue["queue"] == name), None)


# --- overview ---


def test_an_overview_tells_how_runs_and_nodes_stand(grid, assert_like):
    before = overview(grid)
    machine, paused = grid.machine(), grid.machine(status="paused", reason="owner_paused")
    grid.submit()
    attempt = machine.lease()
    machine.beat(machine.holding(attempt), status="running")
    during = overview(grid)
    assert_like({name: during[name] for name in OVERVIEW}, OVERVIEW)
    assert list(during["nodes"]) == KINDS
    assert during["runs"]["running"] == before["runs"]["running"] + 1
    assert during["nodes"]["working"] == before["nodes"]["working"] + 1
    assert during["nodes"]["held"] == before["nodes"]["held"] + 1
    machine.report(attempt)
    paused.beat(status="offline")
    after = overview(grid)
    assert after["runs"]["completed"] == before["runs"]["completed"] + 1
    assert after["nodes"]["away"] == before["nodes"]["away"] + 1


def test_what_ended_is_counted_since_any_instant(grid):
    machine = grid.machine()
    began = datetime.now(UTC) - timedelta(seconds=1)
    before = overview(grid, since=began.isoformat())["since"]
    grid.submit()
    machine.report(machine.lease())
    grid.post(f"/api/runs/{grid.submit()}/abort")
    after = overview(grid, since=began.isoformat())["since"]
    assert after == {**before, "completed": before["completed"] + 1, "aborted": before["aborted"] + 1}
    later = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    assert overview(grid, since=later)["since"] == {"completed": 0, "failed": 0, "aborted": 0}
    assert overview(grid)["since"]["completed"] >= 1


def test_samples_come_of_themselves(grid, eventually):
    def sampled() -> dict | None:
        found = overview(grid, window=120, points=6)["samples"]
        return found if found["waiting"][-1] is not None else None

    found = eventually(sampled, "the coordinator has noted how the grid stands", 30)
    assert found["step_seconds"] == 20
    assert [len(found[name]) for name in ("waiting", "running")] == [6, 6]
    assert {kind: len(points) for kind, points in found["nodes"].items()} == dict.fromkeys(KINDS, 6)
    assert moment(found["start"]).timestamp() % 20 == 0
    assert 0 <= moment(found["start"]).timestamp() + 120 - time.time() <= 20


def test_the_defaults_of_an_overview_are_a_quarter_of_an_hour(grid):
    found = overview(grid)["samples"]
    assert (found["step_seconds"], len(found["waiting"])) == (20, 45)


# --- harvest ---


def test_the_harvest_is_told_by_hour_node_and_submitter(grid):
    machine = grid.machine()
    grid.submit()
    attempt = machine.lease()
    machine.report(attempt, usage={"cpu_seconds": 1e6, "wall_seconds": 2e6, "max_memory_mb": 1.0, "processes": 1})
    found = data(grid.get("/api/system/usage", hours=3))
    assert len(found["hours"]) == 3
    starts = [moment(hour["start"]).timestamp() for hour in found["hours"]]
    assert starts == [starts[0], starts[0] + 3600, starts[0] + 7200]
    assert (found["start"], starts[0] % 3600) == (found["hours"][0]["start"], 0)
    mine = next(one for one in found["workers"] if one["name"] == machine.id)
    assert mine == {"name": machine.id, "cpu_seconds": 1e6, "wall_seconds": 2e6, "attempts": 1}
    for name in ("cpu_seconds", "wall_seconds", "attempts"):
        assert found["total"][name] == pytest.approx(sum(hour[name] for hour in found["hours"]))
    assert found["submitters"][0]["cpu_seconds"] >= 1e6
    assert len(found["workers"]) <= 10


# --- attention ---


def test_a_node_that_was_lost_wants_an_operator(own, eventually, assert_like):
    machine = own.machine(hostname="lab-lost")

    def lost() -> list[dict]:
        return [item for item in attention(own, "node_lost") if item["id"] == machine.id]

    (item,) = eventually(lost, "the node is missed")
    assert_like({name: item[name] for name in ITEM}, ITEM)
    assert item["name"] == "lab-lost"
    assert abs(moment(item["since"]).timestamp() - time.time()) < 120
    assert overview(own)["nodes"]["lost"] >= 1
    machine.beat(status="offline")
    assert lost() == []


def test_a_task_whose_last_three_runs_failed_wants_an_operator(grid, tasks, ran):
    task = tasks.make(retry_count=0)

    def failing() -> list[dict]:
        return [item for item in attention(grid, "task_failing") if item["id"] == str(task["id"])]

    for _ in range(2):
        ran(task, "failed")
    assert failing() == []
    ran(task, "failed")
    (item,) = failing()
    assert (item["name"], item["count"], item["message"]) == (task["name"], 3, "Its last 3 runs all failed.")
    ran(task)
    assert failing() == []


def test_a_node_that_fails_all_that_it_takes_wants_an_operator(grid):
    hole = grid.machine()
    for _ in range(10):
        grid.submit()
        hole.report(hole.lease(), "failed", reason="user_error")
    (item,) = [item for item in attention(grid, "node_failing") if item["id"] == hole.id]
    assert item["message"].startswith("It fails ")
    assert grid.ask("PUT", f"/api/workers/{hole.id}", json={"status": "offline"}).ok
    assert [item for item in attention(grid, "node_failing") if item["id"] == hole.id] == []


def test_a_queue_that_no_node_could_take_wants_an_operator(grid, eventually):
    grid.machine()
    run = grid.submit(requires=["nowhere"])
    second = grid.submit(requires=["nowhere"])

    def unserved() -> list[dict]:
        return [item for item in attention(grid, "queue_unserved") if item["name"].endswith("nowhere")]

    (item,) = eventually(lambda: [one for one in unserved() if one["count"] == 2], "both runs are queued")
    assert item["id"] == str(run)
    assert item["message"] == "2 runs wait in vain. No node has the label nowhere."
    assert abs(moment(item["since"]).timestamp() - time.time()) < 120
    for one in (run, second):
        grid.post(f"/api/runs/{one}/abort")
    eventually(lambda: not unserved(), "nothing waits there any more")


# --- queues ---


def test_queues_tell_what_waits_for_how_long_and_for_whom(grid, eventually, assert_like):
    grid.machine(labels=["gpu"])
    grid.machine(labels=["gpu"], status="busy", reason="input")
    run = grid.submit(priority="high", requires=["gpu"], resources={"cpu": 1.5, "memory": 600})
    name = "high/python/1.5c/1024M/s3/gpu"
    queue = eventually(lambda: queue_of(grid, name), "the run is queued")
    assert_like(queue, QUEUE)
    told = {"priority": "high", "cpu": 1.5, "memory": 1024, "requires": ["gpu"], "pending": 1, "executing": 0}
    assert {field: queue[field] for field in told} == told
    assert (queue["able"], queue["taking"]) == (2, 1)
    assert 0 <= queue["oldest_seconds"] < 120
    assert queue["oldest_run"] == run
    whole = data(grid.get("/api/system/queues"))
    assert whole["suspended"] is False
    assert whole["waiting"] >= 1
    grid.post(f"/api/runs/{run}/abort")
    eventually(lambda: queue_of(grid, name) is None, "an empty queue is not told")


def test_queues_tell_how_long_what_started_had_waited(grid):
    machine = grid.machine()
    grid.submit(priority="critical", resources={"cpu": 3, "memory": 512})
    machine.report(machine.lease())
    waits = data(grid.get("/api/system/queues", window=600))["waits"]
    (row,) = [row for row in waits if (row["priority"], row["class"]) == ("critical", "3 cores, 512 MB")]
    assert row["started"] >= 1
    assert 0 <= row["p50"] <= row["p95"] < 600
    timeline = data(grid.get("/api/system/timeline", window=600, buckets=10))
    assert [len(timeline[name]) for name in ("wait_p50", "wait_p95")] == [10, 10]
    assert timeline["wait_p95"][-1] >= timeline["wait_p50"][-1] >= 0


def test_without_redis_what_waits_is_unknown_and_that_wants_an_operator(private_redis, start_coordinator, visit):
    coordinator = start_coordinator(redis_url=private_redis.url)
    away = visit(coordinator.url)
    private_redis.kill()
    error(away.get("/api/system/queues"), 503, "MESSAGE_QUEUE_ERROR")
    items = attention(away, "component_down")
    assert "message_queue" in [item["id"] for item in items]
    assert {item["since"] for item in items} == {None}
    assert overview(away)["runs"]["running"] == 0
    coordinator.stop()


# --- logs ---


def test_the_journal_is_searched_by_a_part_of_the_message_in_any_case(grid, eventually):
    def found(search: str) -> int:
        return int(data(grid.get("/api/system/logs", search=search))["total"])

    eventually(lambda: found("COORDINATOR start"), "the start is in the journal")
    assert found("coordinator_start") == found("%") == 0


# --- what is refused ---


@pytest.mark.parametrize(
    ("path", "query", "field"),
    [
        ("overview", {"since": "yesterday"}, "since"),
        ("overview", {"window": 59}, "window"),
        ("overview", {"window": 86_401}, "window"),
        ("overview", {"window": "nan"}, "window"),
        ("overview", {"points": 0}, "points"),
        ("overview", {"points": 501}, "points"),
        ("usage", {"hours": 0}, "hours"),
        ("usage", {"hours": 745}, "hours"),
        ("queues", {"window": 0}, "window"),
        ("logs", {"search": "x" * 201}, "search"),
        ("logs", {"search": "a\0b"}, "search"),
    ],
)
def test_what_means_nothing_is_refused(grid, path, query, field):
    assert offence(grid.get(f"/api/system/{path}", **query))[0] == field
