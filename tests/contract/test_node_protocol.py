"""The node protocol: joining, fetching work, renewing it, and reporting what became of it."""

import pytest

LEASE_ID = "0" * 32
ATTEMPT = {
    "task_id": 17,
    "run": "uuid",
    "lease_id": "hex",
    "number": 1,
    "task_type": "python",
    "code": "print(1)",
    "parameters": {},
    "timeout": 300.0,
    "resources": {"cpu": 1.0, "memory": 512},
    "submitter": "",
    "trace_id": "req_0123456789abcdef",
    "lease_seconds": 30,
}
STOP = {"kind", "run", "lease_id", "reason"}


def stop_order(attempt, reason):
    return {"kind": "stop", "run": attempt["run"], "lease_id": attempt["lease_id"], "reason": reason}


def test_the_first_heartbeat_joins(grid):
    machine = grid.machine(labels=["gpu"], task_types=["python"], hostname="lab-07", pid=4242, profile="desktop")
    answer = machine.beat()
    assert answer == {
        "status": "ok",
        "node_id": machine.id,
        "server_id": grid.get("/").json()["server_id"],
        "lease_seconds": 30,
        "heartbeat_seconds": 10,
        "orders": [],
    }
    worker = grid.worker(machine.id)
    assert (worker["status"], worker["state"], worker["reason"]) == ("active", "idle", "owner_away")
    assert (worker["labels"], worker["hostname"], worker["profile"]) == (["gpu"], "lab-07", "desktop")


def test_what_a_heartbeat_leaves_out_keeps_its_last_value(grid):
    machine = grid.machine(labels=["gpu"], slots=3)
    grid.post("/internal/heartbeat", {"node_id": machine.id, "status": "busy", "reason": "input"})
    worker = grid.worker(machine.id)
    assert (worker["state"], worker["reason"]) == ("busy", "input")
    assert (worker["labels"], worker["max_concurrent_tasks"], worker["cpu_cores"]) == (["gpu"], 3, 8)


def test_unknown_words_and_orders_to_come_are_ignored(grid):
    machine = grid.machine(temperature=40, sandbox={"level": 3, "colour": "red"})
    assert machine.beat()["status"] == "ok"


def test_an_unknown_node_must_send_a_heartbeat_first(grid):
    answer = grid.get("/internal/task", node_id="stranger")
    assert (answer.status_code, answer.json()) == (409, {"detail": "Node stranger is unknown: send a heartbeat first"})


def test_a_poll_answers_with_all_that_the_node_needs(grid, assert_like):
    machine = grid.machine()
    run = grid.submit("print(1)", timeout=12, parameters={"n": [1, None]}, resources={"cpu": 2, "memory": 700})
    work = machine.poll()
    assert set(work) == {"server_id", "orders", "attempts"}
    attempt = work["attempts"][0]
    assert set(attempt) == set(ATTEMPT)
    assert_like({**attempt, "parameters": {}}, ATTEMPT)
    assert (attempt["task_id"], attempt["number"], attempt["code"], attempt["timeout"]) == (run, 1, "print(1)", 12)
    assert attempt["parameters"] == {"n": [1, None]}
    assert attempt["resources"] == {"cpu": 2, "memory": 700}
    assert len(bytes.fromhex(attempt["lease_id"])) == 16
    assert attempt["run"] == grid.run(run)["uuid"]


def test_parameters_come_as_they_were_sent(grid):
    nested: object = "é😀\u0000\n"
    for _ in range(190):
        nested = [nested]
    grid.submit(parameters={"deep": nested, "large": 2**70, "small": 1e-300})
    assert grid.machine().lease()["parameters"] == {"deep": nested, "large": 2**70, "small": 1e-300}


def test_an_open_poll_answers_when_work_comes(grid):
    machine = grid.machine()
    poll = machine.open_poll(wait=60)
    run = grid.submit()
    assert [attempt["task_id"] for attempt in poll.answer()["attempts"]] == [run]


def test_a_poll_is_empty_when_its_wait_is_over(grid):
    work = grid.machine().poll(wait=0.05)
    assert (work["attempts"], work["orders"]) == ([], [])


def test_a_newer_poll_ends_the_older_one_empty(grid):
    machine = grid.machine()
    older = machine.open_poll(wait=60)
    newer = machine.open_poll(wait=60)
    assert older.answer()["attempts"] == []
    run = grid.submit()
    assert [attempt["task_id"] for attempt in newer.answer()["attempts"]] == [run]


def test_each_run_goes_to_one_node_of_those_that_wait(grid):
    polls = [grid.machine().open_poll() for _ in range(3)]
    runs = [grid.submit() for _ in range(3)]
    assert sorted(poll.answer()["attempts"][0]["task_id"] for poll in polls) == runs


def test_a_poll_without_room_hears_orders_only(grid):
    machine = grid.machine()
    run = grid.submit()
    attempt = machine.lease()
    poll = machine.open_poll(slots=0)
    waiting = grid.submit()
    grid.post(f"/api/runs/{run}/abort")
    work = poll.answer()
    assert work["attempts"] == []
    assert work["orders"] == [stop_order(attempt, "cancelled")]
    assert grid.status(waiting)["status"] == "pending"


def test_a_poll_takes_what_fits_into_its_room(grid):
    machine = grid.machine()
    for cpu in (4, 2, 2):
        grid.submit(resources={"cpu": cpu, "memory": 64})
    assert machine.poll(slots=4, cpu=1, memory=8000)["attempts"] == []
    assert machine.poll(slots=4, cpu=8, memory=32)["attempts"] == []
    assert len(machine.poll(slots=2, cpu=8, memory=8000)["attempts"]) == 2
    assert len(machine.poll(slots=4, cpu=2, memory=64)["attempts"]) == 1


def test_a_run_goes_only_where_its_labels_are(grid):
    run = grid.submit(requires=["gpu", "fast"])
    assert grid.machine(labels=["gpu"]).poll()["attempts"] == []
    assert grid.machine(labels=["fast", "gpu", "old"]).lease()["task_id"] == run


def test_a_node_without_a_sandbox_gets_nothing(grid):
    run = grid.submit()
    assert grid.machine(sandbox={"level": 0}).poll()["attempts"] == []
    assert "sandbox" in grid.status(run)["waiting_for"]


def test_more_urgent_runs_go_first_and_equals_in_order(grid):
    machine = grid.machine()
    runs = {name: grid.submit(priority=name) for name in ("low", "normal", "high", "critical")}
    later = grid.submit(priority="high")
    order = [machine.lease()["task_id"] for _ in range(5)]
    assert order == [runs["critical"], runs["high"], later, runs["normal"], runs["low"]]


def test_a_flat_report_is_recorded_and_may_be_repeated(grid):
    machine = grid.machine()
    run = grid.submit()
    attempt = machine.lease()
    usage = {"cpu_seconds": 0.5, "wall_seconds": 1.5, "max_memory_mb": 11.0, "processes": 1}
    for _ in range(2):
        answer = machine.report(attempt, result="42", usage=usage)
        assert answer.status_code == 200
        assert answer.json()["results"] == [{"run": attempt["run"], "status": "ok"}]
    shown = grid.run(run)
    assert (shown["status"], shown["result"], shown["usage"]) == ("completed", "42", usage)
    assert len(shown["attempt_list"]) == 1


def test_many_reports_are_each_judged_alone(grid):
    machine = grid.machine()
    runs = [grid.submit() for _ in range(3)]
    first, second, third = machine.poll(slots=3)["attempts"]
    stale = machine.said({**second, "lease_id": LEASE_ID})
    unknown = machine.said({"run": "nobody", "lease_id": LEASE_ID})
    answer = machine.report_many(machine.said(first), stale, unknown, machine.said(third, "failed", error="no"))
    assert answer.status_code == 200
    verdicts = answer.json()["results"]
    assert [verdict["run"] for verdict in verdicts] == [first["run"], second["run"], "nobody", third["run"]]
    assert [verdict["status"] for verdict in verdicts] == ["ok", "conflict", "conflict", "ok"]
    assert all(isinstance(verdict["detail"], str) for verdict in verdicts[1:3])
    assert [grid.status(run)["status"] for run in runs] == ["completed", "running", "failed"]


def test_an_empty_report_is_fine_whatever_it_calls_itself(grid):
    assert grid.machine().report_many().json()["results"] == []
    assert grid.machine().report_many(flat=True).json()["results"] == []


def test_a_report_may_ask_for_the_next_run(grid):
    machine = grid.machine()
    grid.submit()
    attempt = machine.lease()
    following = grid.submit()
    answer = machine.report(attempt, next={"slots": 1, "cpu": 1.0, "memory": 512}).json()
    assert answer["status"] == "ok"
    assert [attempt["task_id"] for attempt in answer["attempts"]] == [following]
    attempt = answer["attempts"][0]
    assert machine.report_many(machine.said(attempt), next={"slots": 1}).json()["attempts"] == []


def test_a_flat_report_of_another_lease_is_a_conflict(grid):
    machine = grid.machine()
    run = grid.submit()
    attempt = machine.lease()
    answer = machine.report({**attempt, "lease_id": LEASE_ID})
    assert answer.status_code == 409
    assert f"Task {run}" in answer.json()["detail"]
    assert grid.status(run)["status"] == "running"


def test_a_different_second_report_is_a_conflict(grid):
    machine = grid.machine()
    run = grid.submit()
    attempt = machine.lease()
    machine.report(attempt, result="first")
    assert machine.report(attempt, result="second").status_code == 409
    assert grid.status(run)["result"] == "first"


@pytest.mark.parametrize(("outcome", "reason"), [("evicted", "input"), ("returned", "shutdown")])
def test_a_run_that_comes_back_goes_to_the_front(grid, outcome, reason):
    machine = grid.machine()
    first, second = grid.submit(), grid.submit()
    attempt = machine.lease()
    assert machine.report(attempt, outcome, reason=reason).status_code == 200
    assert grid.status(first)["status"] == "pending"
    again = machine.lease()
    assert (again["task_id"], again["number"]) == (first, 2)
    assert again["lease_id"] != attempt["lease_id"]
    assert machine.lease()["task_id"] == second
    shown = grid.run(first)
    assert shown["retry_count"] == 0
    assert [(a["number"], a["outcome"]) for a in shown["attempt_list"]] == [(1, outcome), (2, "running")]


def test_a_report_of_an_attempt_that_was_given_away_is_a_conflict(grid):
    machine = grid.machine()
    run = grid.submit()
    attempt = machine.lease()
    machine.report(attempt, "evicted")
    grid.machine().lease()
    assert machine.report(attempt, result="too late").status_code == 409
    assert grid.status(run)["status"] == "running"


def test_what_a_node_handed_back_it_may_hand_back_again_but_not_report(grid):
    machine = grid.machine()
    run = grid.submit()
    attempt = machine.lease()
    machine.report(attempt, "returned")
    assert machine.report(attempt, "returned").status_code == 200
    assert machine.report(attempt, result="after all").status_code == 409
    assert grid.status(run)["status"] == "pending"
    assert machine.lease()["number"] == 2


def test_an_attempt_that_is_not_listed_returns_to_its_queue(hasty_grid, eventually):
    machine = hasty_grid.machine()
    run = hasty_grid.submit()
    attempt = machine.lease()

    def pending() -> bool:
        machine.beat()
        return hasty_grid.status(run)["status"] == "pending"

    eventually(pending, "the attempt that its node never listed is pending")
    assert machine.beat(machine.holding(attempt))["orders"] == [stop_order(attempt, "lease_gone")]
    assert [a["outcome"] for a in hasty_grid.run(run)["attempt_list"]] == ["returned"]


def test_an_attempt_that_is_listed_is_renewed(hasty_grid, eventually):
    machine = hasty_grid.machine()
    kept, dropped = hasty_grid.submit(), hasty_grid.submit()
    attempt, _ = machine.poll(slots=2)["attempts"]

    def dropped_is_back() -> bool:
        machine.beat(machine.holding(attempt))
        return hasty_grid.status(dropped)["status"] == "pending"

    eventually(dropped_is_back, "the attempt that is not listed is pending")
    assert hasty_grid.status(kept)["status"] == "running"
    assert machine.report(attempt).status_code == 200


def test_a_node_that_falls_silent_loses_its_runs_and_is_offline(hasty_grid, eventually):
    machine = hasty_grid.machine()
    run = hasty_grid.submit()
    attempt = machine.lease()
    machine.beat(machine.holding(attempt))
    eventually(lambda: hasty_grid.status(run)["status"] == "pending", "the lost run is pending")
    eventually(lambda: hasty_grid.worker(machine.id)["status"] == "offline", "the silent node is offline")
    shown = hasty_grid.run(run)
    assert [(a["outcome"], a["reason"]) for a in shown["attempt_list"]] == [("lost", "node_lost")]
    assert shown["retry_count"] == 0
    assert machine.report(attempt, result="late but the newest").status_code == 200
    assert hasty_grid.status(run)["result"] == "late but the newest"


def test_a_frozen_attempt_stays_and_says_that_it_is_frozen(grid):
    machine = grid.machine()
    run = grid.submit()
    attempt = machine.lease()
    assert machine.beat(machine.holding(attempt, "frozen"), status="frozen", reason="input")["orders"] == []
    assert grid.status(run)["status"] == "running"
    shown = grid.run(run)
    assert (shown["status"], shown["reason"]) == ("running", "frozen")
    assert shown["attempt_list"][0]["outcome"] == "frozen"
    machine.beat(machine.holding(attempt))
    assert grid.run(run)["reason"] == ""
    assert [event["event"] for event in grid.run(run)["events"]][-2:] == ["frozen", "thawed"]


def test_usage_is_shown_while_it_runs(grid):
    machine = grid.machine()
    run = grid.submit()
    usage = {"cpu_seconds": 1.2, "wall_seconds": 3.0, "max_memory_mb": 40.5, "processes": 3}
    machine.beat(machine.holding(machine.lease(), usage=usage))
    assert grid.run(run)["usage"] == usage


def test_a_cancelled_run_is_stopped_through_the_open_poll(grid):
    machine = grid.machine()
    run = grid.submit()
    attempt = machine.lease()
    machine.beat(machine.holding(attempt))
    poll = machine.open_poll(wait=60)
    grid.post(f"/api/runs/{run}/abort")
    assert poll.answer()["orders"] == [stop_order(attempt, "cancelled")]


def test_a_stop_is_repeated_until_it_is_carried_out(grid):
    machine = grid.machine()
    run = grid.submit()
    attempt = machine.lease()
    grid.post(f"/api/runs/{run}/abort")
    for _ in range(3):
        assert machine.beat(machine.holding(attempt))["orders"] == [stop_order(attempt, "cancelled")]
    assert machine.report(attempt, "cancelled").status_code == 200
    assert machine.beat()["orders"] == []
    assert grid.run(run)["status"] == "aborted"


def test_a_result_after_the_cancellation_is_a_conflict(grid):
    machine = grid.machine()
    run = grid.submit()
    attempt = machine.lease()
    grid.post(f"/api/runs/{run}/abort")
    answer = machine.report(attempt, result="too late")
    assert answer.status_code == 409
    assert "cancelled" in answer.json()["detail"]
    assert grid.run(run)["status"] == "aborted"


def test_a_node_that_leaves_gets_no_more_work(grid):
    machine = grid.machine()
    machine.beat(status="offline")
    assert grid.worker(machine.id)["status"] == "offline"
    assert grid.get("/internal/task", node_id=machine.id).status_code == 409
    machine.beat()
    assert grid.worker(machine.id)["status"] == "active"
    grid.submit()
    assert machine.lease()["number"] == 1


def test_a_piece_of_log_sent_twice_is_kept_once(grid):
    machine = grid.machine()
    run = grid.submit()
    attempt = machine.lease()
    pieces = [{"seq": n, "time": 1640995200.0 + n, "stream": "stdout", "text": f"line {n}\n"} for n in range(3)]
    machine.beat(machine.holding(attempt, logs=pieces[:2]))
    machine.beat(machine.holding(attempt, logs=pieces[:2]))
    machine.report(attempt, logs=pieces)
    machine.report(attempt, logs=pieces)
    items = grid.get(f"/api/runs/{run}/logs").json()["data"]["items"]
    assert [item["text"] for item in items] == ["line 0\n", "line 1\n", "line 2\n"]
