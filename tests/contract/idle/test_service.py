"""`GET /`, `/health` and `/stats` as the idle API's document has them."""

ROOT = {
    "service": "Idle Computing Scheduler",
    "status": "running",
    "version": "1.0.0",
    "server_id": "a1b2c3d4",
    "task_count": 5,
    "pending_tasks": 2,
}
HEALTH = {
    "status": "healthy",
    "timestamp": 1640995200.123,
    "server_id": "a1b2c3d4",
    "components": {"task_queue": "healthy", "memory_storage": "healthy"},
}
STATS = {
    "time_period": "all_time",
    "tasks": {"total": 10, "completed": 7, "pending": 2, "failed": 1, "avg_time": 12.34},
    "nodes": {"total": 0, "idle": 0, "busy": 0, "offline": 0},
    "throughput": {"tasks_per_hour": 0, "compute_hours": 0},
}


def test_the_root_says_what_runs_here(grid, assert_like):
    answer = grid.get("/").json()
    assert_like(answer, ROOT)
    assert answer["service"] == ROOT["service"]
    assert answer["status"] == "running"
    assert answer["version"] == "1.0.0"
    assert len(bytes.fromhex(answer["server_id"])) == 4


def test_the_root_counts_tasks_and_those_that_wait(grid):
    before = grid.get("/").json()
    grid.submit()
    grid.submit()
    machine = grid.machine()
    machine.report(machine.lease())
    after = grid.get("/").json()
    assert after["task_count"] == before["task_count"] + 2
    assert after["pending_tasks"] == before["pending_tasks"] + 1


def test_health_names_both_components(grid, assert_like):
    answer = grid.get("/health")
    assert answer.status_code == 200
    assert_like(answer.json(), HEALTH)
    assert answer.json()["status"] == "healthy"
    assert answer.json()["components"] == HEALTH["components"]


def test_livez_is_plain(grid):
    assert grid.get("/livez").text == "ok"


def test_stats_have_the_documented_shape(grid, assert_like):
    answer = grid.get("/stats").json()
    assert_like(answer, STATS)
    assert answer["time_period"] == "all_time"


def test_stats_count_what_ended_and_how(grid):
    before = grid.get("/stats").json()
    machine = grid.machine()
    for outcome in ("completed", "failed", "timed_out"):
        grid.submit()
        machine.report(machine.lease(), outcome, usage={"cpu_seconds": 7200})
    grid.submit()
    after = grid.get("/stats").json()
    grown = {name: after["tasks"][name] - before["tasks"][name] for name in ("total", "completed", "pending", "failed")}
    assert grown == {"total": 4, "completed": 1, "pending": 1, "failed": 2}
    assert after["throughput"]["tasks_per_hour"] == before["throughput"]["tasks_per_hour"] + 1
    assert after["throughput"]["compute_hours"] > before["throughput"]["compute_hours"]
    assert after["tasks"]["avg_time"] >= 0


def test_stats_count_nodes_by_what_they_do(grid):
    before = grid.get("/stats").json()["nodes"]
    grid.machine(status="idle")
    grid.machine(status="running")
    leaver = grid.machine(status="busy")
    leaver.beat(status="offline")
    after = grid.get("/stats").json()["nodes"]
    assert {name: after[name] - before[name] for name in after} == {"total": 3, "idle": 1, "busy": 1, "offline": 1}
