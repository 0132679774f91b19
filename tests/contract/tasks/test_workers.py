"""`/api/workers` against its document: lists, registering by hand, details, the operator's word, heartbeats."""

import secrets
from typing import Any

import pytest

from ..envelope import data, error, moment, offence

MADE = {
    "id": "worker-001",
    "hostname": "server-01",
    "ip_address": "192.168.1.100",
    "port": 8080,
    "task_types": ["python", "shell"],
    "max_concurrent_tasks": 5,
    "current_task_count": 0,
    "status": "active",
    "last_heartbeat": "2024-01-01T00:00:00Z",
    "registered_at": "2024-01-01T00:00:00Z",
    "metadata": {},
}
"""What the document shows of a worker that was just registered."""


def words(**more: object) -> dict[str, Any]:
    host = f"server-{secrets.token_hex(6)}"
    usual = {"hostname": host, "ip_address": "192.168.1.100", "port": 8080, "task_types": ["python", "shell"]}
    return {**usual, **more}


@pytest.fixture
def register(grid):
    """`register(**words)`: a worker that is gone when the test is over."""
    made: list[str] = []

    def take_in(**more: object) -> dict[str, Any]:
        worker = data(grid.post("/api/workers", words(**more)), 201)
        made.append(worker["id"])
        return dict(worker)

    yield take_in
    for worker_id in made:
        grid.ask("DELETE", f"/api/workers/{worker_id}")


def detail(grid, worker_id: str) -> dict[str, Any]:
    return dict(data(grid.get(f"/api/workers/{worker_id}")))


def put(grid, worker_id: str, **more: object) -> Any:
    return grid.ask("PUT", f"/api/workers/{worker_id}", json=more)


def beat(grid, worker_id: str, **more: object) -> Any:
    return grid.post(f"/api/workers/{worker_id}/heartbeat", more)


def found(grid, **query: object) -> list[str]:
    return [item["id"] for item in data(grid.get("/api/workers", size=200, **query))["items"]]


# --- registering ---


def test_a_registered_worker_is_answered_as_documented(register):
    worker = register(metadata={"rack": 7})
    assert set(MADE) <= set(worker)
    assert {name: type(worker[name]) for name in MADE} == {name: type(value) for name, value in MADE.items()}
    assert (worker["max_concurrent_tasks"], worker["current_task_count"], worker["status"]) == (5, 0, "active")
    assert (worker["task_types"], worker["metadata"]) == (["python", "shell"], {"rack": 7})
    assert moment(worker["registered_at"]) == moment(worker["last_heartbeat"])


def test_the_same_worker_is_registered_once_and_again_after_it_left(grid, register):
    worker = register()
    same = words(hostname=worker["hostname"])
    error(grid.post("/api/workers", same), 409, "RESOURCE_CONFLICT")
    data(grid.ask("DELETE", f"/api/workers/{worker['id']}"))
    assert register(hostname=worker["hostname"])["id"] == worker["id"]
    assert register(hostname=worker["hostname"], port=1)["id"] != worker["id"]


@pytest.mark.parametrize(
    ("more", "field"),
    [
        ({"hostname": None}, "hostname"),
        ({"hostname": ""}, "hostname"),
        ({"hostname": "a\0b"}, "hostname"),
        ({"ip_address": 5}, "ip_address"),
        ({"port": 65_536}, "port"),
        ({"port": "80"}, "port"),
        ({"task_types": []}, "task_types"),
        ({"task_types": ["a b"]}, "task_types.0"),
        ({"max_concurrent_tasks": 0}, "max_concurrent_tasks"),
        ({"max_concurrent_tasks": 1.5}, "max_concurrent_tasks"),
        ({"metadata": []}, "metadata"),
        ({"metadata": {"x": "y" * 70_000}}, "metadata"),
        ({"metadata": {"sandbox_level": 9}}, "metadata.sandbox_level"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_bad_words_are_refused_and_named(grid, more, field):
    assert offence(grid.post("/api/workers", words(**more)))[0] == field


@pytest.mark.parametrize("missing", ["hostname", "ip_address", "port", "task_types"])
def test_a_missing_word_is_named(grid, missing):
    rest = {name: value for name, value in words().items() if name != missing}
    assert offence(grid.post("/api/workers", rest)) == (missing, "required")


def test_a_registered_worker_speaks_the_node_protocol_with_its_id(grid, register):
    worker = register(max_concurrent_tasks=1)
    machine = grid.machine(worker["id"], slots=4)
    run, other = grid.submit(), grid.submit()
    attempts = machine.poll(wait=20, slots=4)["attempts"]
    assert [attempt["task_id"] for attempt in attempts] == [run]
    assert machine.poll(slots=3)["attempts"] == []
    machine.report(attempts[0])
    assert [attempt["task_id"] for attempt in machine.poll(wait=20, slots=4)["attempts"]] == [other]
    assert found(grid).count(worker["id"]) == 1


# --- lists ---


def test_workers_are_filtered(grid, register):
    plain, odd = register(), register(task_types=["shell", "r_2"])
    assert found(grid, hostname=plain["hostname"].upper()) == [plain["id"]]
    assert found(grid, hostname="nobody") == []
    assert found(grid, task_type="r_2") == [odd["id"]]
    assert found(grid, task_type="rx2") == []
    data(put(grid, odd["id"], status="draining"))
    assert odd["id"] in found(grid, status="draining")
    assert odd["id"] not in found(grid, status="active")
    assert plain["id"] in found(grid, status="active")


def test_only_types_that_the_operator_allows_are_found_and_shown(grid):
    machine = grid.machine(task_types=["python", "shell"])
    worker = data(put(grid, machine.id, task_types=["shell", "http"]))
    assert worker["task_types"] == ["shell"]
    assert machine.id in found(grid, task_type="shell")
    assert machine.id not in found(grid, task_type="python")


@pytest.mark.parametrize(
    "sort",
    ["created_at", "registered_at", "id", "hostname", "status", "last_heartbeat", "load_average", "cpu_usage"],
)
def test_workers_are_sorted_both_ways(grid, register, sort):
    for load in (0.2, 0.9, 0.5):
        beat(grid, register()["id"], load_average=load, cpu_usage=load)
    pages = [data(grid.get("/api/workers", sort=sort, order=order, size=200))["items"] for order in ("asc", "desc")]
    field = "registered_at" if sort == "created_at" else sort
    values = [item[field] for item in pages[0]]
    assert values == sorted(values)
    assert [item["id"] for item in pages[1]] == [item["id"] for item in reversed(pages[0])]


def test_workers_come_in_pages_newest_first(grid, register):
    older, newer = register(), register()
    page = data(grid.get("/api/workers", page=2, size=1))
    assert [item["id"] for item in page["items"]] == [older["id"]]
    assert (page["page"], page["size"], page["total"] >= 2, page["total_pages"]) == (2, 1, True, page["total"])
    assert found(grid)[0] == newer["id"]


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"page": 0}, "page"),
        ({"size": 201}, "size"),
        ({"status": "asleep"}, "status"),
        ({"sort": "sandbox"}, "sort"),
        ({"order": "up"}, "order"),
        ({"hostname": "a\0b"}, "hostname"),
    ],
)
def test_a_bad_filter_is_refused_and_named(grid, query, field):
    assert offence(grid.get("/api/workers", **query))[0] == field


# --- one worker ---


def test_a_worker_whole_has_its_tasks_and_what_it_has_done(grid):
    machine = grid.machine()
    for outcome in ("completed", "completed", "failed"):
        grid.submit()
        machine.report(machine.lease(), outcome, usage={"wall_seconds": 2.0})
    run = grid.submit()
    machine.lease()
    worker = detail(grid, machine.id)
    (task,) = worker["current_tasks"]
    assert moment(task.pop("started_at"))
    assert task == {"run_id": run, "task_id": None, "task_name": None, "status": "running"}
    statistics = worker["statistics"]
    assert statistics.pop("uptime") == "0d 0h 0m"
    assert statistics == {
        "total_tasks_executed": 3,
        "successful_tasks": 2,
        "failed_tasks": 1,
        "average_execution_time": 2.0,
    }
    assert worker["current_task_count"] == 1


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", ""), ("PUT", ""), ("DELETE", ""), ("POST", "/heartbeat")],
)
def test_an_unknown_worker_is_not_found(grid, method, path):
    error(grid.ask(method, f"/api/workers/nobody{path}", json={}), 404, "RESOURCE_NOT_FOUND")


# --- the operator's word ---


def test_a_change_is_answered_as_documented(grid, register):
    worker = register()
    changed = data(
        put(grid, worker["id"], max_concurrent_tasks=10, task_types=["python", "http"], metadata={"cpu_cores": 3})
    )
    assert set(MADE) <= set(changed)
    assert (changed["max_concurrent_tasks"], changed["task_types"]) == (10, ["python", "http"])
    assert (changed["metadata"], changed["cpu_cores"], changed["memory_mb"]) == ({"cpu_cores": 3}, 3.0, 5120)
    assert data(put(grid, worker["id"]))["max_concurrent_tasks"] == 10


@pytest.mark.parametrize(
    ("more", "field"),
    [
        ({"status": "gone"}, "status"),
        ({"max_concurrent_tasks": 0}, "max_concurrent_tasks"),
        ({"task_types": "python"}, "task_types"),
        ({"metadata": {"memory_mb": -1}}, "metadata.memory_mb"),
        ({"hostname": "other"}, "hostname"),
    ],
)
def test_a_bad_change_is_refused_named_and_changes_nothing(grid, register, more, field):
    worker = register()
    assert offence(put(grid, worker["id"], **more))[0] == field
    assert detail(grid, worker["id"])["metadata"] == {}


def test_a_node_that_offers_less_than_the_limit_keeps_to_its_own(grid):
    machine = grid.machine(slots=2)
    assert data(put(grid, machine.id, max_concurrent_tasks=7))["max_concurrent_tasks"] == 2
    assert data(put(grid, machine.id, max_concurrent_tasks=1))["max_concurrent_tasks"] == 1


def test_a_draining_worker_finishes_what_runs_and_takes_no_more(grid):
    machine = grid.machine()
    grid.submit()
    attempt = machine.lease()
    waiting = machine.open_poll()
    assert data(put(grid, machine.id, status="draining"))["status"] == "draining"
    assert waiting.answer()["orders"] == [{"kind": "drain"}]
    run = grid.submit()
    assert machine.poll()["attempts"] == []
    assert machine.beat(machine.holding(attempt), status="draining")["orders"] == []
    assert machine.report(attempt).status_code == 200
    assert data(put(grid, machine.id, status="active"))["status"] == "active"
    assert {"kind": "resume"} in machine.beat(status="draining")["orders"]
    machine.beat()
    assert machine.lease()["task_id"] == run


def test_what_an_offline_worker_holds_goes_back_at_once(grid):
    machine, other = grid.machine(), None
    run = grid.submit()
    attempt = machine.lease()
    machine.beat(machine.holding(attempt))
    assert data(put(grid, machine.id, status="offline"))["status"] == "offline"
    assert grid.run(run)["status"] == "pending"
    stop = {"kind": "stop", "run": attempt["run"], "lease_id": attempt["lease_id"], "reason": "lease_gone"}
    assert stop in machine.beat(machine.holding(attempt))["orders"]
    other = grid.machine()
    assert other.lease()["number"] == 2
    assert grid.run(run)["retry_count"] == 0


def test_an_unregistered_worker_loses_its_runs_and_is_told_to_leave(grid):
    machine = grid.machine()
    run = grid.submit()
    attempt = machine.lease()
    waiting = machine.open_poll(slots=3)
    gone = data(grid.ask("DELETE", f"/api/workers/{machine.id}"))
    assert gone == {"message": "Worker 注销成功", "worker_id": machine.id}
    told = waiting.answer()
    assert (told["attempts"], [order["kind"] for order in told["orders"]]) == ([], ["stop", "leave"])
    assert machine.beat(machine.holding(attempt))["orders"][-1] == {"kind": "leave"}
    assert grid.run(run)["status"] == "pending"
    assert machine.id not in found(grid)
    for method, path in (("GET", ""), ("DELETE", ""), ("POST", "/heartbeat")):
        error(grid.ask(method, f"/api/workers/{machine.id}{path}", json={}), 404, "RESOURCE_NOT_FOUND")
    assert machine.beat(joins=True)["orders"] == []
    assert machine.lease()["task_id"] == run
    assert detail(grid, machine.id)["status"] == "active"


# --- heartbeats ---


def test_a_heartbeat_is_answered_as_documented_and_shown(grid, register):
    worker = register(metadata={"rack": 7})
    heard = data(
        beat(
            grid,
            worker["id"],
            current_task_count=0,
            load_average=0.4,
            memory_usage=512,
            cpu_usage=25.5,
            current_tasks=[],
            metadata={"shelf": 2},
        )
    )
    assert set(heard) == {"worker_id", "status", "last_heartbeat", "message"}
    assert (heard["worker_id"], heard["status"], heard["message"]) == (worker["id"], "active", "心跳接收成功")
    shown = detail(grid, worker["id"])
    assert (shown["load_average"], shown["memory_usage"], shown["cpu_usage"]) == (0.4, 512, 25.5)
    assert (shown["metadata"], shown["last_heartbeat"]) == ({"rack": 7, "shelf": 2}, heard["last_heartbeat"])


@pytest.mark.parametrize(
    ("more", "field"),
    [
        ({"load_average": "high"}, "load_average"),
        ({"cpu_usage": -1}, "cpu_usage"),
        ({"memory_usage": 1.5}, "memory_usage"),
        ({"current_tasks": ["x"]}, "current_tasks.0"),
        ({"current_tasks": [2**63]}, "current_tasks.0"),
        ({"current_task_count": -1}, "current_task_count"),
        ({"mood": "good"}, "mood"),
    ],
)
def test_a_bad_heartbeat_is_refused_and_named(grid, register, more, field):
    assert offence(beat(grid, register()["id"], **more))[0] == field


def test_a_run_that_a_heartbeat_does_not_list_goes_back(hasty_grid, eventually):
    grid = hasty_grid
    worker = data(grid.post("/api/workers", words()), 201)
    run = grid.submit()
    (attempt,) = grid.get("/internal/task", node_id=worker["id"], wait=20).json()["attempts"]
    assert attempt["task_id"] == run

    def is_back() -> bool:
        data(beat(grid, worker["id"], current_tasks=[]))
        return bool(grid.run(run)["status"] == "pending")

    eventually(is_back, "the run that is not listed goes back")
    data(grid.ask("DELETE", f"/api/workers/{worker['id']}"))


def test_a_worker_that_nobody_hears_of_is_offline(hasty_grid, eventually):
    grid = hasty_grid
    worker = data(grid.post("/api/workers", words()), 201)
    eventually(lambda: detail(grid, worker["id"])["status"] == "offline", "the worker is lost")
    assert detail(grid, worker["id"])["statistics"]["uptime"] == "0d 0h 0m"
    assert data(beat(grid, worker["id"]))["status"] == "active"
    data(grid.ask("DELETE", f"/api/workers/{worker['id']}"))
