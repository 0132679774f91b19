"""Two coordinators behind nginx are one grid: work and news cross, nothing is done twice, and one of them may die."""

import itertools
import json
import threading
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from http.client import HTTPConnection
from typing import Any
from urllib.parse import urlsplit

import pytest
from websockets.sync.client import ClientConnection, connect

from .behind_nginx import Coordinators, keeps_house, patient
from .conftest import short_folder
from .grids import FINAL, Caller, Json, eventually

pytestmark = pytest.mark.postgres

RUNS = 60
SENDERS = 4
LOADED = 100
"""Runs that are submitted while a coordinator is killed."""
BEFORE_KILL = 20
FIRINGS = 3
EVENTS = ("task_created", "task_started", "task_completed")

numbers = itertools.count(1)


@pytest.fixture(scope="module")
def grid(postgres_server) -> Iterator[Coordinators]:
    url = postgres_server.make_database("many_coordinators")
    with short_folder() as folder:
        grid = Coordinators(folder, url)
        try:
            yield grid.start()
        finally:
            grid.close()


@pytest.fixture(params=["one", "the other"])
def ways(grid, request) -> tuple[Caller, Caller]:
    """Each coordinator, and the other one."""
    return (grid.one, grid.other) if request.param == "one" else (grid.other, grid.one)


def check_each_once(runs: list[Json], results: dict[int, str]) -> None:
    """Every run has completed exactly once with what its code prints, and ended exactly once."""
    assert {run["id"]: (run["status"], run["result"]) for run in runs} == {
        run: ("completed", result) for run, result in results.items()
    }
    for run in runs:
        outcomes = [attempt["outcome"] for attempt in run["attempt_list"]]
        assert outcomes.count("completed") == 1, run
        assert len([line for line in run["events"] if line["event"] == "complete"]) == 1, run


def names(grid: Coordinators) -> dict[str, Caller]:
    return {"one": grid.one, "the other": grid.other, "nginx": grid.front}


def test_work_is_shared_and_each_run_is_run_once(grid):
    results: dict[int, str] = {}
    for caller in itertools.islice(itertools.cycle(names(grid).values()), RUNS):
        word = uuid.uuid4().hex
        results[caller.submit(f"print('{word}')")] = word
    assert len(results) == RUNS
    runs = grid.front.settled(results)
    check_each_once(runs, results)
    assert {run["attempts"] for run in runs} == {1}
    assert {run["worker_id"] for run in runs} <= {node.name for node in grid.nodes}
    leases = grid.leases_by_coordinator()
    assert len(leases) == 2, f"both lease: {leases}"


def test_exactly_one_keeps_house(grid):
    grid.leader()
    assert [keeps_house(program) for program in grid.programs].count(True) == 1


def test_each_instant_of_a_schedule_is_fired_once(grid):
    tasks = [made(caller, interval_seconds=1, max_instances=100) for caller in names(grid).values()]

    def runs_of(task: int) -> list[Json]:
        return list(grid.front.get(f"/api/runs?task_id={task}&size=200")["data"]["items"])

    eventually(lambda: all(len(runs_of(task)) >= FIRINGS for task in tasks), f"each task fires {FIRINGS} times")
    for task, caller in zip(tasks, itertools.cycle((grid.one, grid.other))):
        assert caller.ask(f"/api/tasks/{task}/pause", {})[0] == 200
        runs = grid.front.settled(run["id"] for run in runs_of(task))
        instants = [run["scheduled_for"] for run in runs]
        assert len(set(instants)) == len(instants), f"two runs for one instant: {sorted(instants)}"
        assert {(run["status"], run["attempts"]) for run in runs} == {("completed", 1)}


def made(caller: Caller, **words: Any) -> int:
    body = {"name": f"task-{next(numbers)}", "task_type": "python", "executor": "any", "command": "python"}
    status, answer = caller.ask("/api/tasks", body | {"code": "print(1)"} | words)
    assert status == 201, answer
    return int(answer["data"]["id"])


def test_a_listener_at_each_coordinator_hears_of_every_run(grid):
    with ExitStack() as stack:
        ears = {name: stack.enter_context(listening(caller, grid.key)) for name, caller in names(grid).items()}
        runs = [caller.submit("print(1)") for caller in names(grid).values() for _ in range(3)]
        for name, heard in ears.items():
            missing = {(event, run) for run in runs for event in EVENTS}
            eventually(
                lambda missing=missing, heard=heard: missing <= heard, f"a listener at {name} hears {missing}", 20
            )


@contextmanager
def listening(caller: Caller, key: str) -> Iterator[set[tuple[str, int]]]:
    """The events that a listener there has heard so far, each with its run."""
    heard: set[tuple[str, int]] = set()
    url = f"{caller.url.replace('http', 'ws', 1)}/ws/updates?api_key={key}"
    with connect(url) as ear:
        thread = threading.Thread(target=listen, args=(ear, heard))
        thread.start()
        try:
            yield heard
        finally:
            ear.close()
            thread.join()


def listen(ear: ClientConnection, heard: set[tuple[str, int]]) -> None:
    for message in ear:
        words = json.loads(message)
        if "task_id" in words["data"]:
            heard.add((words["event"], words["data"]["task_id"]))


def test_a_poll_at_one_is_woken_by_a_submission_to_the_other(grid, ways):
    at, other = ways
    node, witness = f"waiting-{next(numbers)}", f"witness-{next(numbers)}"
    # Opened first and as long as the node's own: while it is open, no wait is over.
    watch = grid.poll(at, witness, slots=0)
    poll = grid.poll(at, node)
    run = other.submit("print(1)", requires=[node], timeout=60)
    [attempt] = poll.answer()["attempts"]
    assert watch.is_open, "the node was given the run only when its wait was over"
    assert attempt["task_id"] == run
    assert grid.report(other, node, attempt)["status"] == "ok"
    whole = at.whole(run)
    assert (whole["status"], whole["result"], whole["attempts"]) == ("completed", node, 1)


def test_a_wait_for_a_runs_end_at_one_is_answered_when_the_other_records_it(grid, ways):
    at, other = ways
    node = f"slow-{next(numbers)}"
    grid.joined(other, node)
    run = at.submit("print(1)", requires=[node], timeout=60)
    # A submission is answered when it is on record, a moment before it is in its queue.
    [attempt] = grid.take(other, node, wait=20)
    with waiting(at, grid.key, f"/status/{run}?wait=60") as answer:
        # Asked after the wait began, and shorter: while it is open, the wait is not over by itself.
        watch = grid.poll(at, f"witness-{next(numbers)}", slots=0)
        grid.report(other, node, attempt)
        assert answer()["status"] in FINAL
    assert watch.is_open, "the wait was answered only when it was over"


@contextmanager
def waiting(at: Caller, key: str, path: str) -> Iterator[Callable[[], Json]]:
    """A request that has been sent when this begins, and what gives its answer."""
    address = urlsplit(at.url)
    with closing(HTTPConnection(str(address.hostname), address.port, timeout=90)) as connection:
        connection.request("GET", path, headers={"Authorization": f"Bearer {key}"})
        yield lambda: json.load(connection.getresponse())


def test_a_drain_set_at_one_holds_for_a_node_that_polls_at_the_other(grid, ways):
    at, other = ways
    node = f"drained-{next(numbers)}"
    watch = grid.poll(at, f"witness-{next(numbers)}", slots=0)
    poll = grid.poll(at, node)
    assert other.ask(f"/api/workers/{node}", {"status": "draining"}, method="PUT")[0] == 200
    told = poll.answer()
    assert watch.is_open, "the drain was heard of only when the wait was over"
    assert told["attempts"] == []
    run = at.submit("print(1)", requires=[node], timeout=60)
    assert grid.take(at, node) == []
    assert at.status(run)["status"] == "pending"
    assert at.ask(f"/api/workers/{node}", {"status": "active"}, method="PUT")[0] == 200
    [attempt] = eventually(lambda: grid.take(other, node), f"{node} is given run {run}")
    assert grid.report(at, node, attempt)["status"] == "ok"


def test_a_key_made_at_one_opens_the_other_and_is_shut_everywhere(grid, ways):
    at, other = ways
    status, answer = at.ask("/api/keys", {"name": "anna", "scopes": ["submit"]})
    assert status == 201, answer
    key = answer["data"]
    callers = [Caller(url, key["key"]) for url in (*grid.urls, grid.front_url)]
    for caller in callers:
        eventually(lambda caller=caller: caller.ask("/stats")[0] == 200, "the new key opens it")
    run = callers[0].submit("print(1)")
    assert grid.front.whole(run)["submitter"] == "anna"
    assert other.ask(f"/api/keys/{key['id']}", method="DELETE")[0] in (200, 204)
    for caller in callers:
        eventually(lambda caller=caller: caller.ask("/stats")[0] == 401, "the revoked key opens nothing")


def test_a_token_signed_by_one_opens_the_other(grid, ways):
    at, other = ways
    status, answer = at.ask("/api/auth/token", {})
    assert status == 200, answer
    assert Caller(other.url, answer["access_token"]).ask("/api/runs")[0] == 200


def test_nginx_writes_no_key_into_its_logs(grid):
    assert Caller(grid.front_url).ask(f"/stats?api_key={grid.key}")[0] == 200
    written = (grid.nginx.prefix / "access.log").read_text() + grid.nginx.printed()
    assert "/stats" in written
    assert grid.key not in written


def test_one_that_is_killed_under_load_takes_no_run_with_it(grid):
    results: dict[int, str] = {}
    words = iter([uuid.uuid4().hex for _ in range(LOADED)])
    senders = [threading.Thread(target=send, args=(grid.front, words, results)) for _ in range(SENDERS)]
    for sender in senders:
        sender.start()
    victim = grid.leader()
    eventually(lambda: len(results) >= BEFORE_KILL, "some runs are acknowledged")
    victim.kill()
    survivor = next(program for program in grid.programs if program is not victim)
    came_back, caller = (grid.other, grid.one) if survivor is grid.programs[0] else (grid.one, grid.other)
    for sender in senders:
        sender.join()
    assert len(results) == LOADED
    runs = caller.settled(results)
    check_each_once(runs, results)
    eventually(lambda: keeps_house(survivor), "the one that is left keeps house")
    victim.start()
    grid.wait_for(victim, came_back)
    after = grid.front.submit("print('after')")
    assert grid.front.ended(after)["result"] == "after"


def send(caller: Caller, words: Iterator[str], results: dict[int, str]) -> None:
    """Submit a run for each word until it is acknowledged, as the client library does: under one Idempotency-Key."""
    for word in words:
        ask = patient(
            lambda word=word: caller.ask("/submit", {"code": f"print('{word}')"}, seconds=10, Idempotency_Key=word)
        )
        results[int(eventually(ask, f"the run of {word} is acknowledged")["task_id"])] = word
