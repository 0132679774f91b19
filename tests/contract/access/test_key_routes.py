"""`/api/keys`: made, listed, revoked; and what becomes of who holds one."""

import threading
import time

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from ..envelope import data, error, moment, offence


def make(closed, **words):
    return closed.ask("POST", "/api/keys", closed.admin, json={"name": "bob", "scopes": ["submit"], **words})


FIELDS = {
    "id", "name", "prefix", "scopes", "node_id", "uses_left",
    "created_at", "expires_at", "revoked_at", "last_used_at",
}  # fmt: skip


def test_a_key_that_was_made_is_shown_once_and_good_at_once(closed):
    answer = make(closed, scopes=["submit", "read:tasks", "submit"], expires_in=60.5)
    made = data(answer, 201)
    assert set(made) == FIELDS | {"key"}
    assert answer.headers["Cache-Control"] == "no-store"
    assert made["key"].startswith("ig_submit_")
    assert (made["prefix"], made["scopes"]) == (made["key"][:12], ["read:tasks", "submit"])
    assert (moment(made["expires_at"]) - moment(made["created_at"])).total_seconds() == pytest.approx(60.5, abs=0.01)
    assert closed.get("/api/tasks", made["key"]).status_code == 200
    listed = data(closed.get("/api/keys", closed.admin))
    assert listed["total"] == len(listed["items"]) == len(closed.store.all())
    shown = next(item for item in listed["items"] if item["id"] == made["id"])
    assert set(shown) == FIELDS
    assert made["key"] not in closed.get("/api/keys", closed.admin).text


@pytest.mark.parametrize(("uses", "left"), [({}, 1), ({"uses": 5}, 5)])
def test_a_join_token_has_uses(closed, uses, left):
    made = data(make(closed, scopes=["join"], **uses), 201)
    assert (made["uses_left"], made["key"][:8]) == (left, "ig_join_")


@pytest.mark.parametrize(
    ("words", "field", "rule"),
    [
        ({"scopes": ["submit", "read:all", "fly"]}, "scopes", "enum"),
        ({"scopes": []}, "scopes", "min_length"),
        ({"scopes": None}, "scopes", "type"),
        ({"scopes": "submit"}, "scopes", "type"),
        ({"name": ""}, "name", "min_length"),
        ({"name": "x" * 201}, "name", "max_length"),
        ({"name": "a\0b"}, "name", "pattern"),
        ({"expires_in": 0}, "expires_in", "min"),
        ({"expires_in": 1e12}, "expires_in", "max"),
        ({"uses": 2}, "uses", "exclusive"),
        ({"scopes": ["join"], "uses": 0}, "uses", "min"),
        ({"node_id": "n1"}, "node_id", "unknown_field"),
    ],
    ids=str,
)
def test_a_key_that_makes_no_sense_is_refused(closed, words, field, rule):
    before = len(closed.store.all())
    assert offence(make(closed, **words)) == (field, rule)
    assert len(closed.store.all()) == before


def test_unknown_scopes_are_named(closed):
    answer = make(closed, scopes=["submit", "read:all", "fly"]).json()["error"]["details"]
    assert "fly, read:all;" in answer["errors"][0]["message"]
    assert answer["value"] == ["fly", "read:all"]


def test_a_revoked_key_is_refused_at_once_and_stays_in_the_list(closed):
    made = data(make(closed), 201)
    assert closed.get("/results", made["key"]).status_code == 200
    revoked = data(closed.ask("DELETE", f"/api/keys/{made['id']}", closed.admin))
    assert revoked["revoked_at"] is not None
    assert closed.get("/results", made["key"], closed.address()).status_code == 401
    again = data(closed.ask("DELETE", f"/api/keys/{made['id']}", closed.admin))
    assert again["revoked_at"] == revoked["revoked_at"]
    for missing in (10**9, 10**30):
        error(closed.ask("DELETE", f"/api/keys/{missing}", closed.admin), 404, "RESOURCE_NOT_FOUND")


def test_a_key_revoked_elsewhere_is_refused_within_seconds(closed, eventually):
    key, made = closed.make("submit")
    assert closed.get("/results", key).status_code == 200
    closed.store.revoke(made.id, time.time())
    eventually(lambda: closed.get("/results", key, closed.address()).status_code == 401, "the key is refused")


def test_an_expired_key_is_refused(closed, eventually):
    assert closed.get("/results", closed.key("submit", expires_at=time.time() - 1), closed.address()).status_code == 401
    key = closed.key("submit", expires_at=time.time() + 2)
    assert closed.get("/results", key).status_code == 200
    eventually(lambda: closed.get("/results", key, closed.address()).status_code == 401, "the key is refused")


def test_a_listener_is_cut_off_when_its_key_is_revoked(closed):
    made = data(make(closed), 201)
    with connect(f"{closed.coordinator.url.replace('http', 'ws', 1)}/ws/updates?api_key={made['key']}") as socket:
        closed.ask("DELETE", f"/api/keys/{made['id']}", closed.admin)
        with pytest.raises(ConnectionClosed):
            socket.recv(timeout=20)


def test_a_poll_ends_when_its_key_is_revoked(closed, eventually):
    key, made = closed.make("node")
    answers = []
    closed.ask("POST", "/internal/heartbeat", key, json={"node_id": "n1", "status": "idle", "reason": "always"})
    poll = threading.Thread(target=lambda: answers.append(ask_for_work(closed, key)))
    poll.start()
    eventually(lambda: last_used(closed, made.id), "the key's use is in the record")
    closed.ask("DELETE", f"/api/keys/{made.id}", closed.admin)
    poll.join(30)
    assert answers == [401]


def ask_for_work(closed, key: str) -> int:
    """With a connection of its own."""
    grid = type(closed)(closed.coordinator)
    try:
        return grid.get("/internal/task?node_id=n1&wait=60", key).status_code
    finally:
        grid.close()


def last_used(closed, key_id: int) -> float | None:
    return next(one.last_used_at for one in closed.store.all() if one.id == key_id)


def test_a_key_s_last_use_is_in_the_list(closed, eventually):
    key, made = closed.make("submit")
    assert closed.get("/results", key).status_code == 200
    eventually(lambda: last_used(closed, made.id), "the key's use is in the record")


def test_keys_can_be_made_before_they_are_asked_for(grid):
    made = data(grid.post("/api/keys", {"name": "bob", "scopes": ["submit"]}), 201)
    assert data(grid.ask("DELETE", f"/api/keys/{made['id']}"))["revoked_at"] is not None


def test_a_key_made_for_one_node_is_no_legacy_worker_s(closed):
    key, _ = closed.make("node", node_id="n1")
    refused = [
        closed.ask("GET", "/get_task", key),
        closed.ask("POST", "/submit_result", key, json={"task_id": 1, "result": "x"}),
    ]
    assert [(answer.status_code, "made for the node n1" in answer.text) for answer in refused] == [(403, True)] * 2
