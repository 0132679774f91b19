"""While Redis is away submissions are taken at once, and when it is back, even empty, the work is handed out."""

import shutil
import time

import pytest


@pytest.fixture
def outage(private_redis, start_coordinator, visit):
    """A grid and the Redis that only it uses."""
    coordinator = start_coordinator(redis_url=private_redis.url, tick_seconds=0.1, outbox_seconds=0)
    yield visit(coordinator.url), private_redis
    coordinator.stop()


def wipe(redis) -> None:
    for entry in redis.folder.iterdir():
        shutil.rmtree(entry) if entry.is_dir() else entry.unlink()


def test_submissions_are_taken_without_redis_and_leased_when_it_is_back(outage, eventually):
    grid, redis = outage
    machine = grid.machine()
    early = grid.submit("print('early')")
    redis.kill()

    began = time.monotonic()
    late = grid.submit("print('late')")
    assert time.monotonic() - began < 2  # what the grid promises: a Redis that is away delays nobody
    assert grid.status(late)["status"] == "pending"
    assert machine.poll()["attempts"] == []
    assert grid.get("/get_task").json()["status"] == "no_tasks"
    assert machine.beat()["status"] == "ok"

    health = grid.get("/health")
    assert health.status_code == 200
    assert health.json()["status"] == "degraded"
    assert health.json()["components"] == {"task_queue": "unavailable", "memory_storage": "healthy"}

    wipe(redis)
    redis.start()
    attempts: list = []

    def both_are_here() -> bool:
        machine.beat(*[machine.holding(attempt) for attempt in attempts])
        attempts.extend(machine.poll(wait=1, slots=2)["attempts"])
        return len(attempts) >= 2

    eventually(both_are_here, "both runs are leased", 60)
    assert sorted(attempt["task_id"] for attempt in attempts) == [early, late]
    for attempt in attempts:
        assert machine.report(attempt).status_code == 200
    assert [grid.status(run)["status"] for run in (early, late)] == ["completed", "completed"]
    eventually(lambda: grid.get("/health").json()["status"] == "healthy", "the grid is healthy again")


def test_a_result_is_recorded_without_redis(outage, eventually):
    grid, redis = outage
    machine = grid.machine()
    run = grid.submit()
    attempt = machine.lease()
    redis.kill()
    assert machine.report(attempt, result="kept").status_code == 200
    assert grid.status(run)["result"] == "kept"
    wipe(redis)
    redis.start()
    eventually(lambda: grid.get("/health").json()["status"] == "healthy", "the grid is healthy again")
    assert machine.poll(wait=0.5)["attempts"] == []


def test_an_idempotency_key_holds_without_redis(outage):
    grid, redis = outage
    redis.kill()
    answers = [grid.post("/submit", {"code": "1"}, headers={"Idempotency-Key": "once"}) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [200, 200]
    assert answers[0].json() == answers[1].json()
