"""Why a run does not run yet, by nodes that speak the node protocol and a queue that is really suspended."""

import time

import pytest
import redis
from rq.suspension import resume, suspend

from .envelope import data, error, moment, offence

BUSY = {"status": "busy", "reason": "input"}


@pytest.fixture
def explained(grid):
    """`explained(run)`: the whole answer, after looking that the short sentence is the same as far as it goes."""

    def explain(run: int) -> dict:
        told = dict(data(grid.get(f"/api/runs/{run}/explain")))
        short = grid.status(run).get("waiting_for")
        assert short is None or short in [reason["message"] for reason in told["reasons"]]
        assert told["position"] == (None if told["ahead"] is None else told["ahead"] + 1)
        if told["reasons"]:
            assert told["summary"] == told["reasons"][0]["message"]
        return told

    return explain


def codes(told: dict) -> list[str]:
    return [reason["code"] for reason in told["reasons"]]


def test_an_explanation_has_the_documented_shape(grid, explained, assert_like):
    run = grid.submit()
    example = {
        "run_id": 1,
        "uuid": "0b9f",
        "status": "pending",
        "summary": "No node …",
        "reasons": [{"code": "no_node", "message": "No node …", "details": {}}],
        "ahead": 0,
        "position": 1,
        "may_start_at": None,
        "nodes": {"known": 0, "able": 0, "by_state": {}},
    }
    told = explained(run)
    assert_like(told, example)
    assert (codes(told), told["run_id"]) == (["no_node"], run)
    assert told["summary"] == grid.status(run)["waiting_for"]
    assert "idlegrid node" in told["summary"]
    assert data(grid.get(f"/api/v1/runs/{run}/explain")) == told


def test_owners_who_are_there_are_told(grid, explained):
    for words in (BUSY, BUSY, {"status": "cooling", "reason": "after_return"}):
        grid.machine(**words)
    grid.machine(resources={"cpu_cores": 1, "memory_mb": 256})
    run = grid.submit()
    told = explained(run)
    assert codes(told) == ["owners_present"]
    assert told["nodes"] == {"known": 4, "able": 3, "by_state": {"busy": 2, "cooling": 1}}
    assert told["reasons"][0]["details"]["nodes"] == 3
    assert told["may_start_at"] is None
    assert told["summary"] == grid.status(run)["waiting_for"]


@pytest.mark.parametrize(
    ("words", "need", "asked", "best"),
    [
        ({"resources": {"cpu": 64}}, "cpu", 64, 8),
        ({"resources": {"memory": 30_000}}, "memory", 32_768, 16_384),
        ({"min_sandbox": 4}, "sandbox", 4, 3),
        ({"requires": ["gpu", "lab"]}, "labels", ["gpu", "lab"], ["lab"]),
    ],
)
def test_a_need_that_no_node_meets_is_told_with_the_best_there_is(grid, explained, words, need, asked, best):
    remedy = "sudo systemd-run idlegrid node"
    grid.machine(labels=["lab"], sandbox={"level": 3, "remedy": remedy})
    grid.machine(**BUSY, resources={"cpu_cores": 1, "memory_mb": 512})
    run = grid.submit(**words)
    told = explained(run)
    (reason,) = told["reasons"]
    assert reason["code"] == "need_unmet"
    assert {name: reason["details"][name] for name in ("need", "asked", "best")} == {
        "need": need,
        "asked": asked,
        "best": best,
    }
    assert (remedy in told["summary"]) == (need == "sandbox")
    assert told["summary"] == grid.status(run)["waiting_for"]
    assert (told["nodes"]["known"], told["nodes"]["able"], told["may_start_at"]) == (2, 0, None)


def test_needs_that_are_met_but_not_together_are_told(grid, explained):
    grid.machine(resources={"cpu_cores": 32, "memory_mb": 512})
    grid.machine(resources={"cpu_cores": 1, "memory_mb": 65_536})
    (reason,) = explained(grid.submit(resources={"cpu": 16, "memory": 4096}))["reasons"]
    assert (reason["details"]["need"], len(reason["details"]["lacks"])) == ("together", 1)


def test_a_task_of_a_type_that_no_node_runs_and_one_that_waits_for_it_are_explained(grid, explained):
    grid.machine()
    name = f"parent-{time.time_ns()}"
    words = {"executor": "x", "command": "x"}
    parent = data(grid.post("/api/tasks", {**words, "name": name, "task_type": "fortran"}), 201)["id"]
    child_words = {**words, "name": f"child-of-{name}", "task_type": "python", "code": "1", "dependencies": [name]}
    child = data(grid.post("/api/tasks", child_words), 201)["id"]
    first, second = (data(grid.post(f"/api/tasks/{task}/trigger"))["run_id"] for task in (parent, child))

    assert explained(first)["reasons"][0]["details"]["need"] == "task_type"
    told = explained(second)
    assert codes(told) == ["dependency"]
    assert told["reasons"][0]["details"]["parents"] == [
        {"task_id": parent, "task_name": name, "run_id": first, "status": "pending"}
    ]
    assert (told["ahead"], told["position"], told["may_start_at"]) == (None, None, None)
    assert name in told["summary"]
    assert told["summary"] == grid.status(second)["waiting_for"]
    for task in (child, parent):
        grid.ask("DELETE", f"/api/tasks/{task}")


def test_a_retrys_delay_is_told_with_its_end(grid, explained, eventually):
    machine = grid.machine()
    words = {"name": f"again-{time.time_ns()}", "task_type": "python", "executor": "x", "command": "x"}
    task = data(grid.post("/api/tasks", {**words, "code": "1", "retry_count": 20}), 201)["id"]
    run = data(grid.post(f"/api/tasks/{task}/trigger"))["run_id"]

    def delayed():
        """Each failure's delay is twice the one before: at last one is longer than asking takes."""
        machine.report(machine.lease(), "failed")
        told = explained(run)
        return told if codes(told) == ["retry_delay"] else None

    told = eventually(delayed, "a delay is explained before it is over")
    details = told["reasons"][0]["details"]
    assert (details["retries"], details["limit"]) == (grid.run(run)["retry_count"], 20)
    assert told["may_start_at"] == details["at"]
    assert told["ahead"] is None
    grid.ask("DELETE", f"/api/tasks/{task}")


def test_a_run_behind_ten_others_is_the_eleventh_over_priorities_and_classes(grid, explained):
    machine = grid.machine(slots=1)
    grid.submit()
    held = machine.lease()
    machine.beat(machine.holding(held))
    grid.submit(priority="low")
    grid.submit(priority="critical", resources={"cpu": 64})  # nobody who could take the run could take this one
    for words in ({}, {"resources": {"memory": 256}}, {"priority": "high"}):
        for _ in range(3):
            grid.submit(**words)
    run = grid.submit()
    assert (explained(run)["ahead"], explained(run)["position"]) == (9, 10)
    grid.submit()
    grid.submit(priority="critical", resources={"memory": 1024})
    told = explained(run)
    assert (told["ahead"], told["position"]) == (10, 11)
    assert codes(told) == ["nodes_full", "behind"]
    assert told["reasons"][1]["details"] == {"ahead": 10}
    assert told["reasons"][0]["details"]["held"] == 1

    machine.report(held, "evicted", reason="input")
    first = explained(held["task_id"])
    assert (first["ahead"], codes(first)) == (4, ["behind"])  # those of higher priority


def test_nodes_that_are_drained_or_paused_are_told_before_they_have_heard_of_it(grid, explained):
    drained, sent_off = grid.machine(), grid.machine()
    grid.machine(status="paused", reason="owner_paused")
    grid.ask("PUT", f"/api/workers/{drained.id}", json={"status": "draining"})
    grid.ask("PUT", f"/api/workers/{sent_off.id}", json={"status": "offline"})
    told = explained(grid.submit())
    assert codes(told) == ["nodes_held_back"]
    assert told["nodes"]["by_state"] == {"draining": 1, "offline": 1, "paused": 1}
    assert grid.status(told["run_id"])["waiting_for"] == told["summary"]


def test_a_node_without_memory_for_it_is_full_and_one_with_room_takes_it_at_once(grid, explained):
    machine = grid.machine(resources={"cpu_cores": 8, "memory_mb": 1024})
    grid.submit(resources={"memory": 700})
    assert codes(explained(machine.lease()["task_id"])) == []
    run = grid.submit()
    told = explained(run)
    assert codes(told) == ["nodes_full"]
    assert told["reasons"][0]["details"]["without_room"] == 1
    began = time.time()
    grid.machine(**BUSY)
    grid.machine()
    told = explained(run)
    assert (codes(told), told["ahead"], "about to take it" in told["summary"]) == ([], 0, True)
    assert began - 1 < moment(told["may_start_at"]).timestamp() < time.time() + 1


def test_a_run_that_has_started_or_ended_is_told_where_it_stands(grid, explained):
    machine = grid.machine(hostname="lab-09")
    run = grid.submit()
    attempt = machine.lease()
    told = explained(run)
    assert (told["status"], told["reasons"], told["ahead"], told["may_start_at"]) == ("running", [], None, None)
    assert told["summary"].startswith("It runs on lab-09")
    machine.beat(machine.holding(attempt, "frozen"), status="frozen", reason="input")
    assert explained(run)["summary"] == "It is frozen on lab-09, whose owner is there (input)."
    machine.report(attempt, "failed", reason="memory_limit")
    assert explained(run)["summary"].endswith("UTC: memory_limit.")


def test_what_is_not_there_is_not_explained(grid):
    for run in (10**9, 2**70):
        assert error(grid.get(f"/api/runs/{run}/explain"), 404, "RESOURCE_NOT_FOUND") == f"Run {run} not found"


@pytest.fixture
def lone_grid(private_redis, start_coordinator, visit):
    """A grid on a Redis that no other uses."""
    coordinator = start_coordinator(redis_url=private_redis.url)
    yield visit(coordinator.url)
    coordinator.stop()


def test_a_queue_that_is_suspended_or_away_is_told_first(lone_grid, private_redis):
    grid = lone_grid
    grid.machine()
    large, run = grid.submit(resources={"cpu": 64}), grid.submit()

    def told(number: int) -> dict:
        return dict(data(grid.get(f"/api/runs/{number}/explain")))

    with redis.Redis.from_url(private_redis.url) as connection:
        suspend(connection)
        assert (codes(told(run)), told(run)["ahead"], told(run)["may_start_at"]) == (["queue_suspended"], 0, None)
        assert codes(told(large)) == ["queue_suspended", "need_unmet"]
        resume(connection)
    assert (codes(told(run)), told(run)["may_start_at"] is None) == ([], False)
    private_redis.kill()
    assert codes(told(large)) == ["queue_away", "need_unmet"]
    assert (told(large)["ahead"], told(large)["position"], told(large)["may_start_at"]) == (None, None, None)
    assert told(large)["nodes"] == {"known": 1, "able": 0, "by_state": {}}


# --- before there is a run ---


def preview(grid, **words) -> dict:
    before = grid.task_count()
    told = dict(data(grid.post("/api/runs/explain", words)))
    assert grid.task_count() == before
    return told


def test_a_preview_has_the_documented_shape(grid, assert_like):
    example = {
        "summary": "No node …",
        "reasons": [{"code": "no_node", "message": "No node …", "details": {}}],
        "ahead": 0,
        "may_start_at": None,
        "nodes": {"known": 0, "able": 0, "taking": 0, "free": 0, "by_state": {}},
        "needs": {
            "cpu": 1.0,
            "memory": 512,
            "task_type": "python",
            "requires": [],
            "min_sandbox": 3,
            "queue": "normal/python/1c/512M/s3",
        },
    }
    told = preview(grid)
    assert_like(told, example)
    assert (codes(told), told["needs"]) == (["no_node"], example["needs"])
    assert data(grid.post("/api/v1/runs/explain", {})) == told


def test_a_preview_says_what_the_run_is_told_when_it_is_made(grid, explained):
    for facts in (BUSY, {"resources": {"cpu_cores": 1, "memory_mb": 256}}):
        grid.machine(**facts)
    words = {"resources": {"cpu": 1.2, "memory": 600}, "priority": "high", "timeout": 9, "parameters": {"a": 1}}
    told = preview(grid, **words)
    assert told["nodes"] == {"known": 2, "able": 1, "taking": 0, "free": 0, "by_state": {"busy": 1}}
    assert (told["needs"]["cpu"], told["needs"]["memory"]) == (1.5, 1024)
    run = explained(grid.submit(**words))
    same = ("summary", "reasons", "ahead", "may_start_at")
    assert {name: told[name] for name in same} == {name: run[name] for name in same}
    after = preview(grid, **words)
    assert (codes(after), after["ahead"]) == (["owners_present", "behind"], 1)


def test_a_preview_of_what_could_start_now_says_so(grid):
    grid.machine(slots=1)
    told = preview(grid, retry_count=3, requires=[])
    assert (told["reasons"], told["ahead"]) == ([], 0)
    assert "free" in told["summary"]
    assert (told["nodes"]["taking"], told["nodes"]["free"]) == (1, 1)
    assert abs(moment(told["may_start_at"]).timestamp() - time.time()) < 60
    fetching = preview(grid, task_type="http", request={"method": "GET"}, min_sandbox=1)
    assert (codes(fetching), fetching["reasons"][0]["details"]["need"]) == (["need_unmet"], "task_type")
    assert fetching["needs"]["queue"] == "normal/http/1c/512M/s1-stated"


@pytest.mark.parametrize(
    ("words", "field"),
    [
        ({"code": "1"}, "code"),
        ({"colour": "red"}, "colour"),
        ({"resources": {"cpu": 0}}, "resources.cpu"),
        ({"request": {}}, "request"),
        ({"requires": ["x" * 99] * 9}, "requires"),
    ],
)
def test_a_preview_of_what_cannot_be_submitted_is_refused(grid, words, field):
    assert offence(grid.post("/api/runs/explain", words))[0] == field
