"""`/api/system` and `/readyz` against their document, on a grid that nobody else counts on."""

import json
import re
import shutil
import sqlite3
import subprocess
import time
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta

import pytest
import requests

from ..envelope import data, error, moment, offence

STATS = {
    "tasks": {"total": 100, "active": 80, "paused": 10, "completed": 10, "failed": 0},
    "task_runs": {"total": 1000, "pending": 5, "running": 10, "completed": 980, "failed": 5, "aborted": 0},
    "workers": {"total": 10, "active": 8, "offline": 1, "draining": 1, "average_load": 0.3},
    "performance": {
        "average_execution_time": 30.5,
        "tasks_per_minute": 50.2,
        "success_rate": 98.0,
        "system_uptime": "7d 12h 30m",
    },
    "resource_usage": {
        "cpu_usage": 25.5,
        "memory_usage": 1024,
        "disk_usage": 85.5,
        "network_io": {"bytes_in": 1024000, "bytes_out": 2048000},
    },
}
HEALTH = {
    "status": "healthy",
    "timestamp": "2024-01-01T00:00:00Z",
    "version": "1.0.0",
    "components": {
        "database": {
            "status": "healthy",
            "response_time": 0.005,
            "connection_pool": {"total": 10, "active": 2, "idle": 8},
        },
        "message_queue": {"status": "healthy", "response_time": 0.002, "queue_size": 0},
        "scheduler": {"status": "healthy", "active_workers": 5, "pending_tasks": 0},
        "api": {"status": "healthy", "request_rate": 10.5, "response_time": 0.001},
    },
}


@pytest.fixture(scope="module")
def own(start_coordinator, visit):
    """A coordinator for this module, and a Grid over it."""
    coordinator = start_coordinator(log_level="error")
    return coordinator, visit(coordinator.url)


@pytest.fixture
def system(own):
    return own[1]


def entries(system, **query: object) -> list[dict]:
    return list(data(system.get("/api/system/logs", **query))["items"])


def logged(system, eventually, request_id: str) -> dict:
    """The entry of a request, once it is in the journal."""

    def found() -> list[dict]:
        return [e for e in entries(system, size=200) if e["metadata"].get("request_id") == request_id]

    return dict(eventually(found, "the journal has the request")[0])


def samples(system) -> dict[str, float]:
    """The metrics: everything before the value → the value."""
    lines = system.get("/api/system/metrics").text.splitlines()
    return {name: float(value) for name, _, value in (line.rpartition(" ") for line in lines if line[:1] != "#")}


@contextmanager
def without_record(coordinator):
    """The record's tables are not where they were."""
    with closing(sqlite3.connect(coordinator.data / "grid.db", isolation_level=None)) as connection:
        connection.execute("ALTER TABLE facts RENAME TO elsewhere")
        try:
            yield
        finally:
            connection.execute("ALTER TABLE elsewhere RENAME TO facts")


# --- health ---


def test_health_is_as_documented(system, assert_like):
    found = data(system.get("/api/system/health"))
    assert_like(found, HEALTH)
    assert {part["status"] for part in found["components"].values()} == {"healthy"}
    pool = found["components"]["database"]["connection_pool"]
    assert pool["total"] == pool["active"] + pool["idle"]


def test_health_counts_what_waits_and_who_is_there(system):
    before = data(system.get("/api/system/health"))["components"]
    run = system.submit()
    machine = system.machine()
    after = data(system.get("/api/system/health"))["components"]
    assert after["scheduler"]["pending_tasks"] - before["scheduler"]["pending_tasks"] == 1
    assert after["scheduler"]["active_workers"] - before["scheduler"]["active_workers"] == 1
    assert after["api"]["request_rate"] > 0
    assert after["api"]["response_time"] > 0
    machine.report(machine.lease())
    assert run
    machine.beat(status="offline")


def test_without_the_record_health_names_the_parts_and_readyz_says_no(own, system, eventually):
    coordinator, _ = own
    with without_record(coordinator):
        answer = system.get("/api/system/health")
        assert error(answer, 503, "DATABASE_ERROR") == "The record does not answer"
        assert answer.headers["Retry-After"]
        parts = answer.json()["error"]["details"]["components"]
        assert parts["database"]["status"] == "unhealthy"
        assert parts["message_queue"]["status"] == "healthy"
        ready = system.get("/readyz")
        assert (ready.status_code, ready.json()["record"]) == (503, "unavailable")
    assert system.get("/readyz").json() == {"status": "ready", "record": "healthy", "queue": "healthy"}


def test_without_redis_the_grid_is_degraded_and_still_ready(private_redis, start_coordinator, visit, eventually):
    coordinator = start_coordinator(redis_url=private_redis.url)
    grid = visit(coordinator.url)
    assert "scheduler_queue_depth" in grid.get("/api/system/metrics").text
    private_redis.kill()
    eventually(lambda: grid.get("/health").json()["status"] == "degraded", "Redis is missed")
    found = data(grid.get("/api/system/health"))
    assert found["status"] == "degraded"
    assert found["components"]["message_queue"] == {"status": "unhealthy", "response_time": None, "queue_size": None}
    assert grid.get("/readyz").json() == {"status": "ready", "record": "healthy", "queue": "unavailable"}
    text = grid.get("/api/system/metrics").text
    assert "scheduler_queue_depth" not in text
    assert "scheduler_runs" in text
    assert data(grid.get("/api/system/stats"))["task_runs"]["total"] == 0
    coordinator.stop()


def test_livez_asks_nobody(system):
    assert system.get("/livez").text == "ok"


# --- stats and metrics ---


def test_stats_are_as_documented_with_one_addition(system, assert_like):
    found = data(system.get("/api/system/stats"))
    assert found.pop("reclaims")["count"] >= 0
    assert_like(found, STATS)
    assert re.fullmatch(r"\d+d \d+h \d+m", found["performance"]["system_uptime"])


def test_stats_and_metrics_count_what_happens(system):
    before, first = data(system.get("/api/system/stats")), samples(system)
    machine = system.machine(current_load={"cpu_percent": 50, "memory_percent": 1})
    for outcome in ("completed", "completed", "failed"):
        system.submit()
        machine.report(machine.lease(), outcome)
    machine.report(machine.lease() if system.submit() else {}, "evicted", reason="input")
    evicted = machine.lease()
    aborted = system.submit()
    system.post(f"/api/runs/{aborted}/abort")
    system.submit(priority="high")
    after, second = data(system.get("/api/system/stats")), samples(system)

    runs = {name: after["task_runs"][name] - before["task_runs"][name] for name in after["task_runs"]}
    assert runs == {"total": 6, "pending": 1, "running": 1, "completed": 2, "failed": 1, "aborted": 1}
    assert after["workers"]["active"] - before["workers"]["active"] == 1
    assert after["workers"]["average_load"] == 0.5
    assert after["performance"]["tasks_per_minute"] > 0

    grown = {name: second[name] - first.get(name, 0) for name in second}
    assert grown["scheduler_evictions_total"] == 1
    assert grown["scheduler_leases_running"] == 1
    assert grown['scheduler_runs{state="completed"}'] == 2
    assert grown['scheduler_queue_depth{priority="high"}'] == 1
    assert grown['scheduler_nodes{state="idle"}'] == 1
    assert grown["scheduler_task_execution_duration_seconds_count"] == 2
    assert grown['scheduler_task_execution_duration_seconds_bucket{le="+Inf"}'] == 2
    assert grown['scheduler_http_request_duration_seconds_count{api="idle",method="POST"}'] == 6
    machine.report(evicted)
    machine.report(machine.lease())
    machine.beat(status="offline")


def test_long_polls_are_not_in_the_latencies(system):
    machine = system.machine()
    first = samples(system)
    machine.poll()
    second = samples(system)
    name = 'scheduler_http_request_duration_seconds_count{api="nodes",method="GET"}'
    assert second.get(name) == first.get(name)
    machine.beat(status="offline")


def test_reclaims_of_all_nodes_are_in_stats_and_metrics(system):
    machines, now = [system.machine(), system.machine()], time.time()
    before = samples(system)["scheduler_reclaims_total"]
    for number, machine in enumerate(machines, 1):
        told = {"at": now - number, "reason": "input", "frozen_s": number / 10, "memory_s": float(number)}
        machine.beat(reclaims=[{**told, "outcome": "evicted"}])
        machine.beat(reclaims=[{**told, "outcome": "evicted"}], status="offline")
    found, metrics = data(system.get("/api/system/stats"))["reclaims"], samples(system)
    assert datetime.now(UTC) - moment(found.pop("since")) < timedelta(hours=1)
    assert found == {"count": 2, "frozen_p50": 0.1, "frozen_p99": 0.2, "memory_p50": 1.0, "memory_p99": 2.0}
    assert metrics["scheduler_reclaims_total"] - before == 2
    quantiles = {name: value for name, value in metrics.items() if name.startswith("scheduler_reclaim_")}
    assert quantiles == {
        'scheduler_reclaim_frozen_seconds{quantile="0.5"}': 0.1,
        'scheduler_reclaim_frozen_seconds{quantile="0.99"}': 0.2,
        'scheduler_reclaim_memory_seconds{quantile="0.5"}': 1.0,
        'scheduler_reclaim_memory_seconds{quantile="0.99"}': 2.0,
    }


def test_tasks_are_counted_by_status(system):
    before = data(system.get("/api/system/stats"))["tasks"]
    words = {"name": "counted", "task_type": "python", "executor": "python", "command": "python", "code": "1"}
    task = data(system.post("/api/tasks", words), 201)["id"]
    assert data(system.get("/api/system/stats"))["tasks"]["active"] - before["active"] == 1
    system.post(f"/api/tasks/{task}/pause")
    paused, metrics = data(system.get("/api/system/stats"))["tasks"], samples(system)
    assert (paused["paused"] - before["paused"], paused["active"] - before["active"]) == (1, 0)
    assert (metrics["scheduler_tasks_total"], metrics["scheduler_tasks_active"]) == (paused["total"], paused["active"])
    system.ask("DELETE", f"/api/tasks/{task}")
    assert data(system.get("/api/system/stats"))["tasks"] == before


def test_metrics_have_the_documents_names_and_bounds(system):
    answer = system.get("/api/system/metrics")
    assert answer.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
    for line in (
        "# HELP scheduler_tasks_total Total number of tasks",
        "# TYPE scheduler_tasks_total gauge",
        "# HELP scheduler_tasks_active Number of active tasks",
        "# TYPE scheduler_tasks_active gauge",
        "# HELP scheduler_workers_total Total number of workers",
        "# TYPE scheduler_workers_total gauge",
        "# HELP scheduler_task_execution_duration_seconds Task execution duration",
        "# TYPE scheduler_task_execution_duration_seconds histogram",
    ):
        assert line in answer.text.splitlines()
    found = re.findall(r'scheduler_task_execution_duration_seconds_bucket\{le="(.+?)"\}', answer.text)
    assert found == ["0.1", "0.5", "1.0", "5.0", "10.0", "60.0", "600.0", "3600.0", "+Inf"]


def test_promtool_finds_nothing_but_the_documents_two_gauge_names(system):
    promtool = shutil.which("promtool")
    if promtool is None:
        pytest.skip("no promtool on PATH (Debian: apt install prometheus)")
    machine = system.machine()
    told = {"at": time.time(), "reason": "input", "frozen_s": 0.1, "memory_s": 1.0, "outcome": "ended"}
    machine.beat(reclaims=[told], status="offline")
    text = system.get("/api/system/metrics").content
    done = subprocess.run([promtool, "check", "metrics"], input=text, capture_output=True, check=False)
    complaints = (done.stdout + done.stderr).decode().splitlines()
    assert {line.split()[0] for line in complaints} == {"scheduler_tasks_total", "scheduler_workers_total"}
    assert all('non-histogram and non-summary metrics should not have "_count"' not in line for line in complaints)


# --- the journal ---


def test_a_change_stands_in_the_journal_under_its_request_id_whatever_the_log_shows(own, system, eventually):
    answer = system.post("/api/tasks/999999/trigger")
    entry = logged(system, eventually, answer.headers["X-Request-ID"])
    assert set(entry) == {"timestamp", "level", "service", "message", "metadata"}
    assert (entry["level"], entry["service"]) == ("info", "api")
    assert entry["message"] == "POST /api/tasks/999999/trigger 404"
    known = {name: entry["metadata"][name] for name in ("action", "method", "path", "status")}
    assert known == {"action": "request", "method": "POST", "path": "/api/tasks/999999/trigger", "status": 404}
    assert datetime.now(UTC) - moment(entry["timestamp"]) < timedelta(hours=1)
    log = (own[0].data / "serve.log").read_text()
    assert answer.headers["X-Request-ID"] not in log, "this coordinator's terminal shows errors alone"


def test_a_good_read_is_not_worth_an_entry(system, eventually):
    quiet = system.get("/api/runs").headers["X-Request-ID"]
    loud = system.get("/api/runs/0").headers["X-Request-ID"]
    assert logged(system, eventually, loud)["metadata"]["status"] == 404
    assert all(entry["metadata"].get("request_id") != quiet for entry in entries(system, size=200))


def test_the_log_bears_the_request_id_too(grid, _shared_coordinator, eventually):  # noqa: PT019  its log is read
    name = grid.post("/api/tasks/999999/trigger").headers["X-Request-ID"]
    log = _shared_coordinator.data / "serve.log"

    def written() -> list[dict]:
        return [json.loads(line) for line in log.read_text().splitlines() if name in line]

    (line,) = eventually(written, "the log has the line")
    assert (line["request_id"], line["action"], line["status"], line["level"]) == (name, "request", 404, "info")


def test_entries_are_filtered_by_level_service_and_time(system, eventually):
    first = logged(system, eventually, system.post("/api/tasks/1/pause").headers["X-Request-ID"])
    last = logged(system, eventually, system.post("/api/tasks/2/pause").headers["X-Request-ID"])
    assert first in entries(system, level="info", service="api", size=200)
    assert first in entries(system, level="debug", size=200)
    assert first not in entries(system, level="warn", size=200)
    assert {entry["level"] for entry in entries(system, level="error", size=200)} <= {"error"}
    assert entries(system, service="nobody") == []
    until = entries(system, end_time=first["timestamp"], size=200)
    assert last not in until
    assert last in entries(system, start_time=last["timestamp"], size=200)
    assert entries(system, start_time="2999-01-01") == []


def test_the_journal_comes_in_pages_newest_first(system, eventually):
    for number in (1, 2):
        logged(system, eventually, system.post(f"/api/tasks/{number}/resume").headers["X-Request-ID"])
    page = data(system.get("/api/system/logs", page=2, size=1))
    assert (page["page"], page["size"], page["total"] >= 2, page["total_pages"]) == (2, 1, True, page["total"])
    times = [entry["timestamp"] for entry in entries(system, size=200)]
    assert times == sorted(times, reverse=True)


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"level": "loud"}, "level"),
        ({"service": "a\0b"}, "service"),
        ({"start_time": "yesterday"}, "start_time"),
        ({"end_time": "2024-13-01"}, "end_time"),
        ({"page": 0}, "page"),
        ({"size": 201}, "size"),
    ],
)
def test_a_bad_filter_of_the_journal_is_refused_and_named(system, query, field):
    assert offence(system.get("/api/system/logs", **query))[0] == field


def test_what_the_record_could_not_take_at_once_comes_into_the_journal_later(own, system, eventually):
    with closing(sqlite3.connect(own[0].data / "grid.db", isolation_level=None)) as connection:
        connection.execute("ALTER TABLE journal RENAME TO elsewhere")
        answer = system.post("/api/tasks/3/pause")
        assert answer.status_code == 404
        error(system.get("/api/system/logs"), 503, "DATABASE_ERROR")
        connection.execute("ALTER TABLE elsewhere RENAME TO journal")
    assert logged(system, eventually, answer.headers["X-Request-ID"])["metadata"]["status"] == 404


# --- request ids ---


def test_every_answer_under_api_names_its_request(system):
    names = {system.get(path).headers["X-Request-ID"] for path in ("/api/runs", "/api/nothing", "/api")}
    assert len(names) == 3
    assert all(re.fullmatch(r"req_[0-9a-f]{16}", name) for name in names)
    assert "X-Request-ID" not in system.get("/health").headers


def test_a_refused_request_is_named_too(system):
    refused = requests.get(f"{system.url}/api/runs", headers={"Origin": "http://elsewhere.example"}, timeout=30)
    error(refused, 403, "AUTHORIZATION_ERROR")
