"""What nodes tell of their owners, and what the operator asks of them: reclaims, policies."""

import time

import pytest

from ..envelope import data, moment, offence

POLICY = {
    "profile": "desktop",
    "start_after_s": 300.0,
    "spare_cores": 1,
    "stop_on_battery": True,
    "exclusive_programs": ["x", "y"],
}


def detail(grid, machine) -> dict:
    return dict(data(grid.get(f"/api/workers/{machine.id}")))


def put(grid, machine_id: str, policy: object):
    return grid.ask("PUT", f"/api/workers/{machine_id}", json={"policy": policy})


def reclaim(at: object, **words: object) -> dict:
    usual = {"at": at, "reason": "input", "signal": "input_idle_s", "frozen_s": 0.25, "memory_s": 8.0}
    return {**usual, "memory_mb": 410.0, "outcome": "evicted", **words}


# --- reclaims ---


def test_reclaims_are_told_once_over_and_shown_with_their_worker(grid):
    machine, now = grid.machine(), time.time()
    told = [reclaim(now - 60), reclaim(now - 30, frozen_s=0.75, memory_s=None, outcome="thawed")]
    for _ in range(2):
        assert machine.beat(reclaims=told)["status"] == "ok"
    found = detail(grid, machine)["reclaims"]
    assert moment(found.pop("since")).timestamp() == pytest.approx(now - 60, abs=1)
    assert found == {"count": 2, "frozen_p50": 0.25, "frozen_p99": 0.75, "memory_p50": 8.0, "memory_p99": 8.0}


def test_a_worker_that_has_told_none_has_no_figures(grid):
    none = {"frozen_p50": None, "frozen_p99": None, "memory_p50": None, "memory_p99": None, "since": None}
    assert detail(grid, grid.machine())["reclaims"] == {"count": 0, **none}


def test_what_a_leaving_node_tells_is_kept(grid):
    machine = grid.machine()
    machine.beat(status="offline", reclaims=[reclaim(time.time() - 1)])
    assert detail(grid, machine)["reclaims"]["count"] == 1


@pytest.mark.parametrize(
    ("bad", "field"),
    [
        ({"reclaims": [reclaim("noon")]}, "reclaims.0.at"),
        ({"reclaims": [reclaim(1.0), reclaim(2.0, frozen_s=-1)]}, "reclaims.1.frozen_s"),
        ({"reclaims": [reclaim(1.0, outcome="lost")]}, "reclaims.0.outcome"),
        ({"reclaims": [reclaim(1.0, signal="x" * 101)]}, "reclaims.0.signal"),
        ({"reclaims": [reclaim(1.0)] * 101}, "reclaims"),
        ({"policy": {"values": {"a": {}}, "refused": ""}}, "policy.values.a"),
        ({"policy": {"values": {}, "refused": "a\0b"}}, "policy.refused"),
    ],
)
def test_a_heartbeat_that_tells_nonsense_is_refused_with_the_place(grid, bad, field):
    machine = grid.machine()
    answer = grid.post("/internal/heartbeat", {"node_id": machine.id, **bad})
    assert answer.status_code == 422
    assert f"{field}:" in answer.json()["detail"]
    assert detail(grid, machine)["reclaims"]["count"] == 0


# --- policies ---


def test_a_policy_is_shown_as_the_node_tells_it(grid):
    machine = grid.machine()
    assert detail(grid, machine)["policy"] == {"values": {}, "pushed": {}, "refused": ""}
    machine.beat(policy={"values": POLICY, "refused": "start_after_s: the owner says 300"})
    machine.beat()
    shown = detail(grid, machine)["policy"]
    assert shown == {"values": POLICY, "pushed": {}, "refused": "start_after_s: the owner says 300"}
    assert [type(shown["values"][name]) for name in ("spare_cores", "start_after_s")] == [int, float]


def test_a_pushed_policy_is_in_every_answer_until_it_is_taken_away(grid):
    machine, wanted = grid.machine(), {"start_after_s": 600, "stop_on_battery": False, "exclusive_programs": ["game"]}
    assert data(put(grid, machine.id, wanted))["policy"]["pushed"] == wanted
    assert [machine.beat()["policy"] for _ in range(2)] == [wanted] * 2
    data(grid.ask("PUT", f"/api/workers/{machine.id}", json={"max_concurrent_tasks": 2}))
    assert machine.beat()["policy"] == wanted
    assert data(put(grid, machine.id, {"start_after_s": 60}))["policy"]["pushed"] == {"start_after_s": 60}
    assert data(put(grid, machine.id, None))["policy"]["pushed"] == {}
    assert "policy" not in machine.beat()


@pytest.mark.parametrize(
    ("policy", "field", "rule"),
    [
        ([], "policy", "type"),
        ({"Start": 1}, "policy.Start.[key]", "pattern"),
        ({"a" * 65: 1}, f"policy.{'a' * 65}.[key]", "pattern"),
        ({"a": {}}, "policy.a", "type"),
        ({"a": None}, "policy.a", "type"),
        ({"a": [1]}, "policy.a", "type"),
        ({"a": 2**60}, "policy.a", "type"),
        ({"a" * n: 1 for n in range(1, 65)} | {"b": 1}, "policy", "max_length"),
        ({"a": "x" * 16_384}, "policy", "max_length"),
    ],
)
def test_what_cannot_be_a_policy_is_refused_and_changes_nothing(grid, policy, field, rule):
    machine = grid.machine()
    data(put(grid, machine.id, {"start_after_s": 600}))
    assert offence(put(grid, machine.id, policy)) == (field, rule)
    assert machine.beat()["policy"] == {"start_after_s": 600}


def test_a_worker_registered_by_hand_has_no_policy_to_push(grid):
    worker = {"hostname": "by-hand", "ip_address": "192.168.1.7", "port": 1, "task_types": ["python"]}
    made = data(grid.post("/api/workers", worker), 201)
    assert offence(put(grid, made["id"], {"start_after_s": 600})) == ("policy", "unsupported")
    assert data(put(grid, made["id"], None))["policy"]["pushed"] == {}
    data(grid.ask("DELETE", f"/api/workers/{made['id']}"))
