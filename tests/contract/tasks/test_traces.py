"""What caused a run can be found: its trace is the request's or the firing's, in answers, leases and log lines."""

import json
import re
import sqlite3
from contextlib import closing
from types import SimpleNamespace

import pytest

from ..envelope import data
from .conftest import Tasks

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
TRACED = {"traceparent": f"00-{TRACE}-00f067aa0ba902b7-01"}
ID = "X-Request-ID"


@pytest.fixture(scope="module")
def coordinator(start_coordinator):
    """One that logs everything and looks often whether something is due."""
    return start_coordinator(log_level="debug", tick_seconds=0.05)


@pytest.fixture
def here(coordinator, visit):
    """A grid over it with one task, a machine, and a run of the task that the machine saw through."""
    grid = visit(coordinator.url)
    before, tasks, machine = grid.newest(), Tasks(grid), grid.machine()
    task = tasks.make()
    ended = tasks.trigger(task)["run_id"]
    machine.report(machine.lease())
    yield SimpleNamespace(grid=grid, tasks=tasks, task=task, machine=machine, ended=ended)
    tasks.clean()
    grid.clean(before)


def submit(here, **words):
    return here.grid.post("/submit", {"code": "print(1)"}, **words)


def submit_many(here, **words):
    return here.grid.post("/submit_many", {"tasks": [{"code": "print(1)"}] * 2}, **words)


def trigger(here, **words):
    return here.tasks.post(here.task, "trigger", **words)


def restart(here, **words):
    return here.grid.post(f"/api/runs/{here.ended}/restart", **words)


def execute(here, **words):
    return here.grid.post(f"/tasks/{here.task['name']}/execute/api", **words)


WAYS = [submit, submit_many, trigger, restart, execute]


def runs_made(here, answer) -> list[dict]:
    """The runs that an answer tells of."""
    assert answer.status_code == 200, answer.text
    body = answer.json()
    told = {**body, **body.get("data", {})}
    if "executionId" in told:
        items = data(here.grid.get("/api/runs", size=5))["items"]
        return [run for run in items if run["uuid"] == told["executionId"]]
    ids = told.get("task_ids") or [told.get("run_id") or told.get("new_run_id") or told["task_id"]]
    return [here.grid.run(run) for run in ids]


def traces(here, answer) -> set[str]:
    return {run["trace_id"] for run in runs_made(here, answer)}


def journal(here, eventually, **wanted) -> dict:
    """What the journal has of an entry, by some of its words."""

    def found() -> list[dict]:
        items = data(here.grid.get("/api/system/logs", size=200))["items"]
        return [item["metadata"] for item in items if wanted.items() <= item["metadata"].items()]

    return dict(eventually(found, f"the journal has {wanted}")[0])


@pytest.mark.parametrize("way", WAYS)
def test_a_run_has_the_id_of_the_request_that_made_it(here, way):
    answer = way(here)
    assert traces(here, answer) == {answer.headers[ID]}


@pytest.mark.parametrize("way", WAYS)
def test_a_callers_own_trace_goes_before(here, way):
    answer = way(here, headers=TRACED)
    assert traces(here, answer) == {TRACE}
    assert re.fullmatch(r"req_[0-9a-f]{16}", answer.headers[ID])


@pytest.mark.parametrize("way", WAYS)
def test_a_repeated_request_answers_the_first_run_with_the_first_trace(here, way):
    headers = {"Idempotency-Key": f"{way.__name__} of {here.task['name']}"}
    first, again = (way(here, headers=headers) for _ in range(2))
    assert [run["id"] for run in runs_made(here, again)] == [run["id"] for run in runs_made(here, first)]
    assert traces(here, again) == {first.headers[ID]} != {again.headers[ID]}


@pytest.mark.parametrize("way", [trigger, restart, execute])
def test_the_journal_has_the_request_under_the_trace(here, way, eventually):
    answer = way(here, headers=TRACED)
    entry = journal(here, eventually, request_id=answer.headers[ID])
    assert (entry["trace_id"], entry["action"], entry["status"]) == (TRACE, "request", 200)


@pytest.mark.parametrize("way", [submit, submit_many])
def test_a_submission_is_in_the_log_of_who_debugs_and_not_in_the_journal(here, way, coordinator, eventually):
    name = way(here).headers[ID]

    def written() -> list[dict]:
        return [json.loads(line) for line in (coordinator.data / "serve.log").read_text().splitlines() if name in line]

    line = eventually(written, "the log has the line")[-1]
    assert (line["trace_id"], line["level"], line["status"]) == (name, "debug", 200)
    journal(here, eventually, request_id=trigger(here).headers[ID])
    items = data(here.grid.get("/api/system/logs", size=200))["items"]
    assert all(item["metadata"].get("request_id") != name for item in items)


def test_a_firing_and_what_follows_from_it_are_in_the_journal_under_their_traces(here, eventually):
    parent = here.tasks.make(interval_seconds=1, max_instances=1)
    child = here.tasks.make(dependencies=[parent["id"]])
    here.machine.report(here.machine.lease())
    (follower,) = eventually(lambda: runs_of(here, child), "the child has a run")
    fired = runs_of(here, parent)[-1]
    assert re.fullmatch(r"fire_[0-9a-f]{16}", fired["trace_id"])
    assert re.fullmatch(r"follow_[0-9a-f]{16}", follower["trace_id"])
    for run, action in ((fired, "fire"), (follower, "follow")):
        assert journal(here, eventually, run_id=run["id"], action=action)["trace_id"] == run["trace_id"]


def runs_of(here, task) -> list[dict]:
    return list(data(here.grid.get("/api/runs", task_id=task["id"]))["items"])


def test_the_lease_tells_a_node_the_trace(here):
    answer = trigger(here)
    assert here.machine.lease()["trace_id"] == answer.headers[ID]


def test_a_run_from_before_there_were_traces_has_none(here, coordinator):
    run = here.grid.submit()
    with closing(sqlite3.connect(coordinator.data / "grid.db", isolation_level=None)) as record:
        record.execute("UPDATE runs SET trace_id = '' WHERE id = ?", (run,))
    assert here.grid.run(run)["trace_id"] is None
    assert here.machine.lease()["trace_id"] is None


def by_tool(here, **words):
    called = {"name": "submit_code", "arguments": {"code": "print(1)"}}
    body = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": called}
    headers = {"Accept": "application/json, text/event-stream", **words.pop("headers", {})}
    return here.grid.post("/mcp", body, headers=headers)


def test_a_run_made_by_a_tool_has_the_trace_of_the_assistants_request(here):
    plain, traced = by_tool(here), by_tool(here, headers=TRACED)
    runs = [answer.json()["result"]["structuredContent"]["run_id"] for answer in (plain, traced)]
    assert [here.grid.run(run)["trace_id"] for run in runs] == [plain.headers[ID], TRACE]
