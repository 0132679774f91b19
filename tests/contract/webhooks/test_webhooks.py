"""`/api/webhooks` against docs/protocol.md §5: what it takes, answers and refuses."""

import base64
import secrets

import pytest

from ..envelope import data, error, offence, offences
from .conftest import ADDRESS

SECRET = "whsec_" + base64.b64encode(b"x" * 24).decode()
FIELDS = {
    "id",
    "url",
    "events",
    "active",
    "secret",
    "owner",
    "created_at",
    "updated_at",
    "failing_since",
    "disabled_reason",
}
TEN = (
    "task.created",
    "task.updated",
    "task.deleted",
    "task.triggered",
    "task.completed",
    "task.failed",
    "worker.registered",
    "worker.unregistered",
    "worker.heartbeat",
    "system.health_check",
)


# --- making and changing ---


def test_a_new_webhook_is_answered_whole_with_its_secret_this_once(webhooks):
    made = webhooks.make(events=["task.completed", "task.failed", "task.failed"])
    assert set(made) == FIELDS
    assert (made["url"], made["events"], made["active"]) == (ADDRESS, ["task.completed", "task.failed"], True)
    assert (made["owner"], made["failing_since"], made["disabled_reason"]) == ("", None, None)
    assert made["created_at"] == made["updated_at"]
    assert len(base64.b64decode(made["secret"].removeprefix("whsec_"), validate=True)) == 32
    masked = {**made, "secret": f"whsec_…{made['secret'][-4:]}"}
    assert webhooks.get(made) == masked
    assert masked in data(webhooks.grid.get("/api/webhooks"))["items"]


def test_webhooks_are_listed_in_pages_newest_first(webhooks):
    made = [webhooks.make()["id"] for _ in range(3)]
    first = data(webhooks.grid.get("/api/webhooks", page=1, size=2))
    assert set(first) == {"items", "total", "page", "size", "total_pages"}
    assert [item["id"] for item in first["items"]] == [made[2], made[1]]
    assert (first["total"], first["total_pages"]) == (3, 2)
    assert [item["id"] for item in data(webhooks.grid.get("/api/webhooks", page=2, size=2))["items"]] == [made[0]]


def test_a_change_leaves_what_it_does_not_name(webhooks):
    made = webhooks.make(events=["task.created"], secret=SECRET, active=False)
    assert (made["secret"], made["active"]) == (SECRET, False)
    changed = data(webhooks.put(made, active=True))
    assert changed == {**made, "active": True, "secret": "whsec_…eHh4", "updated_at": changed["updated_at"]}
    changed = data(webhooks.put(made, url="http://9.9.9.9:8080/x?y=z", events=["*"]))
    assert (changed["url"], changed["events"], changed["active"]) == ("http://9.9.9.9:8080/x?y=z", ["*"], True)
    assert data(webhooks.put(made))["events"] == ["*"]


def test_a_secret_is_shown_by_the_answer_that_sets_it(webhooks):
    made, other = webhooks.make(), "whsec_" + base64.b64encode(b"y" * 64).decode()
    assert data(webhooks.put(made, secret=other))["secret"] == other
    fresh = data(webhooks.put(made, secret=None))["secret"]
    assert fresh not in (other, made["secret"])
    assert len(fresh) == len(made["secret"])


def test_a_webhook_that_is_deleted_is_gone_with_its_deliveries(webhooks):
    made = webhooks.make()
    delivery = webhooks.test(made)
    assert data(webhooks.delete(made)) == {"message": "Webhook 删除成功", "deleted_id": made["id"]}
    for answer in (
        webhooks.delete(made),
        webhooks.put(made, active=True),
        webhooks.grid.get(f"/api/webhooks/{made['id']}"),
        webhooks.grid.get(f"/api/webhooks/{made['id']}/deliveries"),
        webhooks.grid.post(f"/api/webhooks/{made['id']}/test"),
        webhooks.grid.post(f"/api/webhooks/{made['id']}/deliveries/{delivery['id']}/resend"),
    ):
        assert str(made["id"]) in error(answer, 404, "RESOURCE_NOT_FOUND")


# --- refusals ---

WRONG = [
    ("url", "", "min_length"),
    ("url", None, "type"),
    ("url", 7, "type"),
    ("url", "https://8.8.8.8/" + "x" * 2_000, "max_length"),
    ("url", "ftp://8.8.8.8/", "url"),
    ("url", "8.8.8.8/hook", "url"),
    ("url", "https://", "url"),
    ("url", "https:///hook", "url"),
    ("url", "https://8.8.8.8:99999/", "url"),
    ("url", "https://8.8.8.8:0/", "url"),
    ("url", "https://[8.8.8.8/", "url"),
    ("url", "https://ann:secret@8.8.8.8/", "url"),
    ("url", "https://8.8.8.8@127.0.0.1/", "url"),
    ("url", "https://8.8.8.8/a b", "url"),
    ("url", "https://8.8.8.8/\n", "url"),
    ("url", "https://8.8.8.8\\@127.0.0.1/", "url"),
    ("url", "http://127.0.0.1:8000/", "url"),
    ("url", "http://localhost/", "url"),
    ("url", "http://10.1.2.3/", "url"),
    ("url", "http://169.254.169.254/latest/meta-data", "url"),
    ("url", "http://0x7f000001/", "url"),
    ("url", "http://127.1/", "url"),
    ("url", "http://0/", "url"),
    ("url", "http://[::1]/", "url"),
    ("url", "http://[::ffff:10.0.0.1]/", "url"),
    ("url", "http://[fd00::1]/", "url"),
    ("events", [], "min_length"),
    ("events", "*", "type"),
    ("events", None, "type"),
    ("events.1", ["task.created", "task.exploded"], "enum"),
    ("events", ["*", "task.created"], "exclusive"),
    ("events", ["task.created"] * 21, "max_length"),
    ("secret", 7, "type"),
    ("secret", "whsec_", "secret"),
    ("secret", "secret", "secret"),
    ("secret", base64.b64encode(b"x" * 24).decode(), "secret"),
    ("secret", "whsec_" + base64.b64encode(b"x" * 23).decode(), "secret"),
    ("secret", "whsec_" + base64.b64encode(b"x" * 65).decode(), "secret"),
    ("secret", "whsec_" + "*" * 40, "secret"),
    ("secret", SECRET + "é", "secret"),
    ("active", "yes", "type"),
    ("active", None, "type"),
    ("owner", "eve", "unknown_field"),
]


@pytest.mark.parametrize(("field", "value", "rule"), WRONG)
def test_what_no_webhook_may_be_is_refused_by_field_and_rule(webhooks, field, value, rule):
    words = {field.partition(".")[0]: value}
    told = offences(webhooks.post(**words))[0]
    assert (told["field"], told["rule"]) == (field, rule)
    assert rule != "secret" or told["value"] is None
    assert offence(webhooks.grid.ask("PUT", "/api/webhooks/1", json=words)) == (field, rule)


def test_an_unknown_event_is_told_the_ten(webhooks):
    message = offences(webhooks.post(events=["task.exploded"]))[0]["message"]
    assert all(f"'{event}'" in message for event in TEN)


@pytest.mark.parametrize("missing", ["url", "events"])
def test_a_new_webhook_needs_an_address_and_events(grid, missing):
    words = {"url": ADDRESS, "events": ["*"]}
    del words[missing]
    assert offence(grid.post("/api/webhooks", words)) == (missing, "required")


def test_a_name_that_cannot_be_found_is_taken_for_each_try_looks_again(webhooks):
    assert webhooks.make(url=f"https://{secrets.token_hex(8)}.invalid/")["active"]


@pytest.mark.parametrize("number", ["0", "9223372036854775808", "999999999999"])
def test_an_id_that_no_webhook_has_is_not_found(grid, number):
    assert f"Webhook {number} not found" in error(grid.get(f"/api/webhooks/{number}"), 404, "RESOURCE_NOT_FOUND")


@pytest.mark.parametrize("number", ["x", "-1", "1.5"])
def test_an_id_that_is_no_number_is_refused(grid, number):
    assert offence(grid.get(f"/api/webhooks/{number}"))[0] == "webhook_id"


@pytest.mark.parametrize(("field", "value"), [("page", 0), ("size", 201), ("state", "lost")])
def test_a_list_is_asked_for_in_its_words(webhooks, field, value):
    made = webhooks.make()
    assert offence(webhooks.grid.get(f"/api/webhooks/{made['id']}/deliveries", **{field: value}))[0] == field


# --- trying out ---


def test_a_test_is_a_health_check_that_says_so_also_for_one_that_is_not_active(webhooks):
    made = webhooks.make(active=False)
    delivery = webhooks.test(made)
    assert set(delivery) == {
        "id",
        "event",
        "state",
        "attempts",
        "next_attempt_at",
        "status_code",
        "error",
        "seconds",
        "created_at",
        "ended_at",
        "body",
    }
    assert (delivery["event"], delivery["state"], delivery["attempts"]) == ("system.health_check", "pending", 0)
    assert delivery["next_attempt_at"] == delivery["created_at"]
    [body] = webhooks.told(made)
    assert (body["event"], body["timestamp"]) == ("system.health_check", delivery["created_at"])
    assert set(body["data"]) == {"status", "components", "previous", "test"}
    assert (body["data"]["previous"], body["data"]["test"]) == (None, True)
    assert body["data"]["status"] in ("healthy", "degraded")


def test_deliveries_are_listed_by_state_newest_first_and_sent_again_under_their_id(webhooks):
    made = webhooks.make(events=["system.health_check"], active=False)
    first, second = webhooks.test(made), webhooks.test(made)
    page = webhooks.deliveries(made, size=1)
    assert (page["total"], page["total_pages"]) == (2, 2)
    assert page["items"][0]["id"] == second["id"]
    data(webhooks.put(made, active=False))  # what is pending for it fails
    assert webhooks.deliveries(made, state="pending")["total"] == 0
    failed = webhooks.deliveries(made, state="failed")["items"]
    assert [item["id"] for item in failed] == [second["id"], first["id"]]
    again = data(webhooks.grid.post(f"/api/webhooks/{made['id']}/deliveries/{first['id']}/resend"), 202)
    assert (again["id"], again["state"], again["ended_at"]) == (first["id"], "pending", None)
    other = webhooks.make()
    answer = webhooks.grid.post(f"/api/webhooks/{other['id']}/deliveries/{first['id']}/resend")
    assert first["id"] in error(answer, 404, "RESOURCE_NOT_FOUND")


# --- what happens on a grid reaches its endpoints ---


def test_a_whole_life_on_the_grid_is_told_in_order(webhooks, grid):
    webhook = webhooks.make(events=[event for event in TEN if event != "worker.heartbeat"])
    name = f"task-{secrets.token_hex(6)}"
    words = {"name": name, "task_type": "python", "executor": "python", "command": "python", "code": "print(1)"}
    task = data(grid.post("/api/tasks", words), 201)
    machine = grid.machine()
    run = data(grid.post(f"/api/tasks/{task['id']}/trigger"))["run_id"]
    machine.report(machine.lease())
    grid.ask("DELETE", f"/api/tasks/{task['id']}")
    machine.beat(status="offline", reason="shutdown")
    told = [body for body in webhooks.told(webhook) if body["event"] != "system.health_check"]
    assert [body["event"] for body in told] == [
        "task.created",
        "worker.registered",
        "task.triggered",
        "task.completed",
        "task.deleted",
        "worker.unregistered",
    ]
    whole = grid.run(run)
    over = told[3]["data"]
    assert over == {name: whole["id" if name == "run_id" else "uuid" if name == "run_uuid" else name] for name in over}
    assert told[5]["data"]["reason"] == "shutdown"


def test_a_webhook_that_was_just_changed_is_heeded_at_once(webhooks, grid):
    webhook = webhooks.make(events=["task.failed"])
    for event, heard in (("task.created", 0), ("task.failed", 1), ("task.created", 1)):
        data(webhooks.put(webhook, events=[event]))
        data(grid.post(f"/api/runs/{grid.submit()}/abort"))
        assert webhooks.deliveries(webhook)["total"] == heard
