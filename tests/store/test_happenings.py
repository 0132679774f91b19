"""What happens becomes deliveries to the endpoints that want it, in the same transaction."""

from dataclasses import replace

import pytest

from idlegrid_server.core.commands import (
    Beat,
    CancelRun,
    CreateTask,
    DeleteTask,
    FireTasks,
    LeaseRuns,
    LoseNodes,
    MakeRuns,
    NodeFacts,
    PauseTask,
    Report,
    ReportRuns,
    RestartRun,
    TriggerTask,
    TriggerWish,
)
from idlegrid_server.core.commands.operator import RegisterNode, Registration, UnregisterNode
from idlegrid_server.core.definitions import TaskDefinition, Timing
from idlegrid_server.core.limits import Times
from idlegrid_server.core.matching import QueueOrder
from idlegrid_server.core.model import NodeState, Outcome, Usage
from idlegrid_server.core.subscriptions import LOOK_EVERY, Subscriptions
from idlegrid_server.record.store import SqlRecord
from idlegrid_server.schedules import CronCalendar

from ..parts import offer, submission
from .endpoints import NOW, Endpoints

TIMES, CALENDAR, FIFO = Times(), CronCalendar(), QueueOrder.FIFO


@pytest.fixture
def endpoints(engine, pen) -> Endpoints:
    return Endpoints(engine, pen)


def create(pen, name="extract", **words):
    definition = TaskDefinition(name=name, command="python", **words)
    return pen.do(CreateTask(calendar=CALENDAR, parents=[], code="print(1)", definition=definition, submitter="ann"))


def trigger(pen, task, uuid="u1"):
    return pen.do(TriggerTask(task.id, uuid, TriggerWish(), FIFO))


def lease(pen, uuid="u1"):
    command = LeaseRuns(offer(), ["a" * 32], 10.0)
    command.popped = [uuid]
    pen.do(command)


def beat(pen, node="n1", **facts):
    pen.do(Beat(node, NodeFacts(**facts), [], TIMES, joins=True))


def report(pen, uuid, outcome, **words):
    said = Report(run_uuid=uuid, lease_id="a" * 32, outcome=outcome, **words)
    pen.do(ReportRuns("n1", [said]))


def test_a_task_that_is_made_changed_paused_and_deleted_is_told_of(pen, endpoints):
    webhook = endpoints.make()
    task = create(pen, timing=Timing(schedule="0 2 * * *"))
    told = {
        "task_id": task.id,
        "task_name": "extract",
        "task_type": "python",
        "status": "active",
        "schedule": "0 2 * * *",
        "submitter": "ann",
    }
    assert endpoints.last(webhook) == {"event": "task.created", **told}
    pen.do(PauseTask(task.id, True, CALENDAR))
    assert endpoints.last(webhook) == {"event": "task.updated", **told, "status": "paused"}
    pen.do(PauseTask(task.id, True, CALENDAR))  # again is no change
    pen.do(PauseTask(task.id, False, CALENDAR))
    assert endpoints.last(webhook) == {"event": "task.updated", **told}
    pen.do(DeleteTask(task.id))
    assert endpoints.last(webhook) == {"event": "task.deleted", **told}
    assert endpoints.events(webhook) == ["task.created", "task.updated", "task.updated", "task.deleted"]


def test_runs_of_tasks_are_told_of_when_they_are_made_and_when_they_are_over(pen, endpoints, clock):
    webhook, task = endpoints.make("task.triggered", "task.completed", "task.failed"), create(pen)
    run = trigger(pen, task)
    head = {
        "task_id": task.id,
        "task_name": "extract",
        "run_id": run.id,
        "run_uuid": "u1",
        "trigger": "manual",
        "submitter": "ann",
    }
    assert endpoints.last(webhook) == {
        "event": "task.triggered",
        **head,
        "status": "pending",
        "scheduled_for": None,
    }
    lease(pen)
    report(pen, "u1", Outcome.COMPLETED, result="1", exit_code=0, usage=Usage(wall_seconds=1.23456))
    assert endpoints.last(webhook) == {
        "event": "task.completed",
        **head,
        "status": "completed",
        "reason": "",
        "worker_id": "n1",
        "started_at": NOW,
        "completed_at": NOW,
        "execution_time": 1.235,
        "exit_code": 0,
        "attempts": 1,
    }
    assert endpoints.events(webhook) == ["task.triggered", "task.completed"]


def test_a_run_of_no_task_is_told_of_when_it_is_over_alone(pen, endpoints):
    webhook = endpoints.make()
    run = pen.do(MakeRuns([replace(submission(), submitter="bob")], ["u1"]))[0]
    assert endpoints.events(webhook) == []
    pen.do(CancelRun(run.id))
    assert endpoints.last(webhook) == {
        "event": "task.failed",
        "task_id": None,
        "task_name": None,
        "run_id": run.id,
        "run_uuid": "u1",
        "trigger": "submit",
        "status": "aborted",
        "submitter": "bob",
        "reason": "cancelled",
        "worker_id": None,
        "started_at": None,
        "completed_at": NOW,
        "execution_time": 0.0,
        "exit_code": None,
        "attempts": 0,
    }


def test_a_failure_that_is_retried_is_not_told_of_and_the_last_one_is(pen, endpoints):
    webhook = endpoints.make("task.failed")
    pen.do(MakeRuns([submission(retry_limit=1), submission()], ["u1", "u2"]))
    for uuid in ("u1", "u2"):
        lease(pen, uuid)
        report(pen, uuid, Outcome.FAILED, reason="memory_limit", exit_code=1)
    told = endpoints.last(webhook)
    assert (told["run_uuid"], told["status"], told["reason"]) == ("u2", "failed", "memory_limit")
    assert len(endpoints.bodies(webhook)) == 1


def test_schedules_and_restarts_trigger_too(pen, endpoints, clock):
    webhook, task = endpoints.make("task.triggered"), create(pen, timing=Timing(interval_seconds=60))
    clock.advance(60)
    pen.do(FireTasks([task.id], ["u1"], ["fire_1"], CALENDAR, FIFO))
    fired = endpoints.bodies(webhook)[0]["data"]
    assert (fired["trigger"], fired["scheduled_for"]) == ("schedule", "2023-11-14T22:14:20.000Z")
    pen.do(CancelRun(fired["run_id"]))
    again = pen.do(RestartRun(fired["run_id"], "u2", "eve", FIFO))
    told = endpoints.bodies(webhook)[-1]["data"]
    assert (told["trigger"], told["run_id"], told["submitter"]) == ("restart", again.id, "eve")


def test_nodes_are_told_of_when_they_come_and_go_and_once_a_minute(pen, endpoints, clock):
    webhook = endpoints.make()
    beat(pen, hostname="lab-07", state=NodeState.IDLE, reason="owner_away", labels=("gpu",))
    told = {
        "worker_id": "n1",
        "hostname": "lab-07",
        "status": "active",
        "state": "idle",
        "reason": "owner_away",
        "labels": ["gpu"],
    }
    registered, first = endpoints.bodies(webhook)
    assert registered == {"event": "worker.registered", "timestamp": NOW, "data": told}
    assert first == {"event": "worker.heartbeat", "timestamp": NOW, "data": told}
    clock.advance(39)  # it is 22:13:59
    beat(pen)
    assert endpoints.events(webhook) == ["worker.registered", "worker.heartbeat"]
    clock.advance(1)
    beat(pen)
    beat(pen)
    assert endpoints.events(webhook)[2:] == ["worker.heartbeat"]
    clock.advance(100)
    pen.do(LoseNodes(["n1"], clock.now() - 30))
    gone = endpoints.bodies(webhook)[-1]
    assert gone["event"] == "worker.unregistered"
    assert gone["data"] == {**told, "status": "offline", "state": "offline", "reason": "lost"}


def test_a_node_that_is_registered_by_hand_and_sent_away_is_told_of(pen, endpoints):
    webhook = endpoints.make("worker.registered", "worker.unregistered")
    words = Registration(hostname="lab-08", address="10.0.0.8", port=1, task_types=("python",), max_tasks=1)
    pen.do(RegisterNode("n2", words))
    assert endpoints.last(webhook) == {
        "event": "worker.registered",
        "worker_id": "n2",
        "hostname": "lab-08",
        "status": "active",
        "state": "idle",
        "reason": "registered",
        "labels": [],
    }
    pen.do(UnregisterNode("n2"))
    gone = endpoints.last(webhook)
    assert (gone["event"], gone["status"], gone["reason"]) == ("worker.unregistered", "offline", "unregistered")


def test_each_endpoint_hears_what_it_wants_and_no_other(pen, endpoints):
    made, over, off = endpoints.make("task.created"), endpoints.make("task.failed"), endpoints.make("*", active=False)
    create(pen)
    assert pen.batch.addressed == {made.id}
    assert endpoints.events(made) == ["task.created"]
    assert endpoints.events(over) == endpoints.events(off) == []


def test_nothing_is_written_and_no_endpoint_is_looked_at_while_nobody_listens(pen, endpoints):
    create(pen)
    looked = []
    subscriptions = pen.record.subscriptions
    assert subscriptions.wanted(lambda: looked.append(1) or []) == frozenset()
    assert not looked  # the answer is still good
    assert endpoints.count() == 0


def save_and_break(pen):
    """Have the transaction fail after all is written."""
    command = CreateTask(calendar=CALENDAR, parents=[], code=None, definition=TaskDefinition(name="x", command="x"))
    with pen.record.transaction() as transaction:
        batch = transaction.load(command.needs())
        command.apply(batch)
        transaction.save(batch)
        assert batch.addressed
        raise ZeroDivisionError


def test_a_transaction_that_fails_leaves_no_delivery(pen, endpoints):
    endpoints.make()
    with pytest.raises(ZeroDivisionError):
        save_and_break(pen)
    assert endpoints.count() == 0


def test_another_coordinators_change_is_seen_within_five_seconds(engine, pen, endpoints, clock):
    pen.record = SqlRecord(engine, clock.now, "two", Subscriptions(clock.monotonic))
    create(pen, "one")
    webhook = endpoints.make()  # nobody tells the other
    create(pen, "two")
    clock.advance(LOOK_EVERY)
    create(pen, "three")
    assert [body["data"]["task_name"] for body in endpoints.bodies(webhook)] == ["three"]
