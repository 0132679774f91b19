"""Checkpoints: an attempt sends one, the run's next attempt finds it, on any node."""

import hashlib
import os
import resource
import socket
from http.client import HTTPResponse
from urllib.parse import urlsplit

import pytest

MIB = 1 << 20
STATE = b"\0\xffstate" + bytes(range(256)) * 40


class Held:
    """A run that a machine holds, and what is asked of its checkpoint."""

    def __init__(self, grid, run: int = 0) -> None:
        self.grid, self.machine = grid, grid.machine()
        self.run = run or grid.submit()
        self.attempt = self.machine.lease()

    def path(self, **words: str) -> str:
        attempt = {**self.attempt, **words}
        return f"/internal/checkpoints/{attempt['run']}?node_id={self.machine.id}&lease_id={attempt['lease_id']}"

    def put(self, body: bytes = STATE, **words: str):
        return self.grid.ask("PUT", self.path(**words), data=body)

    def fetch(self, **words: str):
        return self.grid.ask("GET", self.path(**words))

    def again(self, outcome: str = "evicted", **words: object) -> None:
        """The attempt ends so, and another machine gets the next."""
        self.machine.report(self.attempt, outcome, **words)
        self.machine = self.grid.machine()
        self.attempt = self.machine.lease()

    def story(self) -> list[tuple[str, str]]:
        return [(line["event"], line["detail"]) for line in self.grid.run(self.run)["events"]]


@pytest.fixture
def held(grid) -> Held:
    return Held(grid)


# --- on to the next attempt ---


def test_what_an_attempt_keeps_the_next_one_finds_on_another_node(held):
    assert "checkpoint" not in held.attempt
    assert held.grid.run(held.run)["checkpoint"] is None
    assert (held.put().status_code, held.put(b"older").json(), held.put().json()) == (200, *[{"status": "ok"}] * 2)
    first = held.machine.id
    held.again()
    assert held.machine.id != first
    digest = hashlib.sha256(STATE).hexdigest()
    assert held.attempt["checkpoint"] == {"size": len(STATE), "sha256": digest, "attempt": 1}
    answer = held.fetch()
    assert (answer.status_code, answer.content) == (200, STATE)
    assert (answer.headers["ETag"], answer.headers["Content-Length"]) == (f'"{digest}"', str(len(STATE)))


def test_the_run_and_its_story_tell_of_it(held):
    held.put()
    shown = held.grid.run(held.run)["checkpoint"]
    assert (set(shown), shown["attempt"], shown["size"]) == ({"attempt", "size", "created_at"}, 1, len(STATE))
    held.again()
    assert ("checkpoint", "10.2 kB of attempt 1") in held.story()
    assert held.story()[-1] == ("resumed", "from the checkpoint of attempt 1")
    held.put()
    assert held.grid.run(held.run)["checkpoint"]["attempt"] == 2


def test_those_who_watch_hear_of_it(held):
    listener = held.grid.listen()
    held.put()
    news = listener.recv(30)
    assert '"task_updated"' in news
    assert f'"task_id":{held.run}' in news.replace(" ", "")


def test_a_retry_after_a_failure_goes_on_from_it_and_a_restart_begins_anew(grid):
    words = {"name": "kept", "task_type": "python", "executor": "python", "command": "python", "code": "1"}
    task = grid.post("/api/tasks", {**words, "retry_count": 1}).json()["data"]["id"]
    held = Held(grid, int(grid.post(f"/api/tasks/{task}/trigger").json()["data"]["run_id"]))
    held.put()
    held.again("failed", reason="user_error")
    assert held.attempt["checkpoint"]["attempt"] == 1
    held.machine.report(held.attempt, "failed", reason="user_error")
    assert grid.run(held.run)["checkpoint"] is None
    grid.post(f"/api/runs/{held.run}/restart")
    assert "checkpoint" not in held.machine.lease()
    grid.ask("DELETE", f"/api/tasks/{task}")


# --- what is refused ---


def test_only_the_newest_lease_sends_and_fetches(held):
    held.put()
    old = held.attempt["lease_id"]
    held.again()
    for answer in (held.put(b"late", lease_id=old), held.fetch(lease_id=old)):
        assert (answer.status_code, "lease is gone" in answer.json()["detail"]) == (409, True)
    assert held.fetch().content == STATE


@pytest.mark.parametrize("outcome", ["evicted", "completed", "aborted"])
def test_after_the_end_of_its_attempt_nothing_is_taken_or_given(held, outcome):
    held.put()
    if outcome == "aborted":
        held.grid.post(f"/api/runs/{held.run}/abort")
    else:
        held.machine.report(held.attempt, outcome)
    assert (held.put().status_code, held.fetch().status_code) == (409, 409)


def test_what_is_not_there_is_not_found(held):
    nobody = "0b9f0000-0000-0000-0000-000000000000"
    assert (held.fetch().status_code, held.fetch().json()["detail"].endswith("has no checkpoint")) == (404, True)
    assert (held.put(run=nobody).status_code, held.fetch(run=nobody).status_code) == (404, 404)


@pytest.mark.parametrize("method", ["PUT", "GET"])
@pytest.mark.parametrize(
    ("query", "status"), [("", 400), (f"lease_id={'0' * 32}", 400), ("node_id=n&lease_id=short", 422)]
)
def test_node_and_lease_must_be_named(held, method, query, status):
    answer = held.grid.ask(method, f"/internal/checkpoints/{held.attempt['run']}?{query}", data=b"x")
    assert (answer.status_code, "_id" in answer.json()["detail"]) == (status, True)


@pytest.mark.parametrize("method", ["POST", "DELETE"])
def test_there_is_no_other_method(held, method):
    answer = held.grid.ask(method, held.path())
    assert (answer.status_code, answer.headers["Allow"]) == (405, "GET, PUT")


def answered(held: Held, size: int) -> tuple[int, str]:
    """What comes, status and body, for the head of a request alone: nothing of so large a body is sent."""
    address = urlsplit(held.grid.url)
    with socket.create_connection((address.hostname, address.port), timeout=30) as connection:
        head = f"PUT {held.path()} HTTP/1.1\r\nHost: {address.netloc}\r\nContent-Length: {size}\r\n\r\n"
        connection.sendall(head.encode())
        with HTTPResponse(connection) as answer:
            answer.begin()
            return answer.status, answer.read().decode()


def test_what_is_too_large_or_stale_is_refused_before_it_is_read(held):
    status, words = answered(held, 101 * MIB + 1)
    assert (status, "too large" in words) == (413, True)
    held.machine.report(held.attempt)
    assert answered(held, 101 * MIB)[0] == 409


def test_one_that_is_larger_than_files_may_be_comes_back_whole(held):
    body = os.urandom(MIB) * 60
    assert held.put(body).status_code == 200
    held.again()
    assert held.fetch().content == body


# --- a full disk ---


def test_a_full_disk_is_said_so_and_the_older_one_stays(start_coordinator, visit):
    coordinator = start_coordinator()
    held = Held(visit(coordinator.url))
    held.put()
    pid = coordinator.pid
    limits = resource.prlimit(pid, resource.RLIMIT_FSIZE)
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (4 * MIB, limits[1]))
    refused = held.put(bytes(6 * MIB))
    resource.prlimit(pid, resource.RLIMIT_FSIZE, limits)
    assert (refused.status_code, "could not be taken in" in refused.json()["detail"]) == (503, True)
    held.again()
    assert held.fetch().content == STATE
