"""The log says who came and who was refused, and holds no key nor token, whichever way one came."""

import json

import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from .conftest import FAILURES


def lines(closed) -> list[dict]:
    """What the coordinator's log says, line by line."""
    text = (closed.coordinator.data / "serve.log").read_text()
    return [json.loads(line) for line in text.splitlines() if line.startswith("{")]


def said(closed, action: str, **words: object) -> list[dict]:
    wanted = {"action": action, **words}
    return [line for line in lines(closed) if wanted.items() <= line.items()]


def journal(closed) -> str:
    with closed.engine.connect() as connection:
        rows = connection.exec_driver_sql("SELECT message, metadata FROM journal")
        return "\n".join(f"{message} {metadata}" for message, metadata in rows)


def test_a_refusal_is_logged_with_all_that_is_known(closed):
    address = closed.address()
    key, made = closed.make("read:tasks", name="rita")
    closed.get("/api/tasks", "", address)
    closed.get("/api/tasks", "ig_submit_unknown", address)
    closed.get("/api/keys", key, address)
    first, second, third = said(closed, "refused", address=address)
    assert "key is required" in first["reason"]
    assert "not valid" in second["reason"]
    assert "lacks the scope admin" in third["reason"]
    assert (third["key"], third["name"], third["path"]) == (made.id, "rita", "/api/keys")
    assert first["path"] == "/api/tasks"
    assert "key" not in first
    assert third["level"] == "warning"


def test_what_a_handler_refuses_is_logged_too(closed):
    address = closed.address()
    key, made = closed.make("node", node_id="n1")
    answer = closed.ask("POST", "/internal/heartbeat", key, address, json={"node_id": "n2", "status": "idle"})
    assert answer.status_code == 403
    assert [line["key"] for line in said(closed, "refused", address=address)] == [made.id]


def test_the_first_use_of_a_key_from_an_address_is_logged(closed):
    key, made = closed.make("read:tasks", name="uma")
    addresses = sorted([closed.address(), closed.address()])
    for _ in range(3):
        for address in addresses:
            closed.get("/api/tasks", key, address)
    uses = said(closed, "key_used", key=made.id)
    assert sorted(use["address"] for use in uses) == addresses
    assert {use["name"] for use in uses} == {"uma"}


def test_refusals_beyond_the_limit_have_no_lines_of_their_own(closed):
    address = closed.address()
    for _ in range(FAILURES + 10):
        closed.get("/api/tasks", "", address)
    assert len(said(closed, "refused", address=address)) == FAILURES


def test_no_key_is_in_any_log(closed, eventually):
    good, wrong = closed.key("submit", name="secretive"), "ig_submit_" + "NotAKeyAtAll" * 3
    token = closed.token(good)
    for secret in (good, wrong, token, f"x.{wrong}.y"):
        closed.get("/results", secret, closed.address())
        closed.get("/api/tasks", address=closed.address(), params={"api_key": secret})
        closed.get("/api/runs", address=closed.address(), params={"api_key": secret, "size": "many"})
        closed.get("/nothing/here", address=closed.address(), params={"api_key": secret})
        closed.get(f"/api/{secret}", good, closed.address())
        closed.ask("POST", "/submit", good, closed.address(), data=secret)
        closed.ask("POST", f"/api/tasks?api_key={secret}", address=closed.address(), json={"name": 1})
        listen(closed, secret)
    made = closed.ask("POST", "/api/keys", closed.admin, json={"name": "quiet", "scopes": ["submit"]}).json()["data"]
    eventually(lambda: "quiet" in journal(closed), "the journal has caught up")
    logged = (closed.coordinator.data / "serve.log").read_text() + journal(closed)
    for secret in (good, wrong, token, made["key"], closed.admin):
        for part in (secret, secret[12:24], secret[-12:]):
            assert part not in logged


def listen(closed, secret: str) -> None:
    url = f"{closed.coordinator.url.replace('http', 'ws', 1)}/ws/updates?api_key={secret}"
    try:
        with connect(url):
            pass
    except InvalidStatus:
        pass


@pytest.mark.parametrize(("path", "words"), [("/api/runs", {"size": "many"}), ("/results", {"limit": "many"})])
def test_what_is_said_of_a_wrong_question_does_not_repeat_the_key(closed, path, words):
    key = closed.key("read:runs")
    answer = closed.get(path, params={"api_key": key, **words})
    assert answer.status_code == 422
    assert key[12:] not in answer.text
