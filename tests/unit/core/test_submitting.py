"""Making and cancelling runs."""

import pytest

from idlegrid_server.core.commands import CancelRun, CancelUnfinished, MakeRuns
from idlegrid_server.core.errors import Conflict, InvalidInput, NotFound
from idlegrid_server.core.model import Outcome, RunState
from idlegrid_server.core.queue_ops import Ended, Push, Remove

from ...parts import submission


def events(table) -> list[str]:
    return [line.event for line in table.batch.story]


def test_a_submission_becomes_a_pending_run_in_its_queue(table):
    run = table.submit(code="print(2)", cpu=0.3)
    assert (run.id, run.state, run.queue) == (1, RunState.PENDING, "normal/python/0.5c/512M/s3")
    assert table.payloads[run.uuid].code == "print(2)"
    assert [(op.run_uuid, op.queue, op.front) for op in table.batch.ops] == [(run.uuid, run.queue, False)]
    assert table.batch.owed == {run.uuid}
    assert table.batch.woken == {run.queue: 1}


def test_many_submissions_are_answered_in_their_order(table):
    runs = table.do(MakeRuns([submission(code) for code in "abc"], ["u1", "u2", "u3"]))
    assert [(run.uuid, table.payloads[run.uuid].code) for run in runs] == [("u1", "a"), ("u2", "b"), ("u3", "c")]


def test_those_who_watch_hear_of_a_new_run_with_its_id(table):
    run = table.submit()
    assert [(n.event, n.run_id, n.status) for n in table.batch.notices()] == [("task_created", run.id, "pending")]


def test_the_same_key_again_answers_the_same_runs_and_makes_none(table):
    first = table.do(MakeRuns([submission(), submission()], ["u1", "u2"], "key", "words"))
    again = table.do(MakeRuns([submission(), submission()], ["u3", "u4"], "key", "words"))
    assert [run.uuid for run in again] == [run.uuid for run in first]
    assert table.batch.new_runs == []
    assert table.batch.ops == []


def test_the_same_key_twice_in_one_batch_makes_one_run(table):
    first = MakeRuns([submission()], ["u1"], "key", "words")
    table.do(first)
    second = MakeRuns([submission()], ["u2"], "key", "words")
    second.apply(table.batch)
    assert second.answer(table.batch) == first.answer(table.batch)


def test_a_key_that_was_used_for_other_words_is_refused(table):
    table.do(MakeRuns([submission()], ["u1"], "key", "words"))
    with pytest.raises(InvalidInput, match="another request"):
        table.do(MakeRuns([submission("other")], ["u2"], "key", "other words"))
    assert table.batch.new_runs == []


def test_a_refused_submission_leaves_no_trace_in_its_batch(table):
    table.do(MakeRuns([submission()], ["u1"], "key", "words"))
    with pytest.raises(InvalidInput):
        table.do(MakeRuns([submission("other")], ["u2"], "key", "other words"))
    assert (table.batch.new_keys, table.batch.story, table.batch.counts) == ([], [], {})


def test_a_queued_run_that_is_cancelled_leaves_its_queue(table):
    run = table.submit()
    table.now += 5
    table.do(CancelRun(run.id))
    assert (run.state, run.reason, run.finished_at) == (RunState.CANCELLED, "cancelled", table.now)
    assert table.batch.ops == [Remove(run.uuid, run.queue)]
    assert table.batch.stops == []
    assert table.batch.ended == []
    assert table.batch.outputs[run.uuid].error == "cancelled"


def test_a_running_run_that_is_cancelled_is_stopped_on_its_node(table):
    run = table.submit()
    table.lease(run.uuid)
    table.do(CancelRun(run.id))
    assert table.batch.stops == [("n1", run)]
    assert [ended.outcome for ended in table.batch.ended] == [Outcome.CANCELLED]
    assert table.batch.ops == [Ended(run.uuid, run.queue, "n1", success=False)]


def test_a_run_that_waits_for_a_retry_can_be_cancelled(table):
    run = table.submit(retry_limit=1)
    table.lease(run.uuid)
    table.report(run, "failed")
    table.do(CancelRun(run.id))
    assert run.state is RunState.CANCELLED
    assert not any(isinstance(op, Push) for op in table.batch.ops)


def test_an_ended_run_cannot_be_cancelled(table):
    run = table.submit()
    table.lease(run.uuid)
    table.report(run)
    with pytest.raises(Conflict, match=r"already ended \(completed\)"):
        table.do(CancelRun(run.id))
    assert run.state is RunState.COMPLETED


def test_there_is_nothing_to_cancel_where_there_is_no_run(table):
    with pytest.raises(NotFound, match="Run 99 not found"):
        table.do(CancelRun(99))


def test_of_many_those_that_have_not_ended_are_cancelled_each_once(table):
    ended, waiting = table.submit(), table.submit()
    table.do(CancelRun(ended.id))
    assert table.do(CancelUnfinished([99, waiting.id, ended.id, waiting.id])) == [waiting]
    assert waiting.state is RunState.CANCELLED
