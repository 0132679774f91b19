"""Popped entries become attempts; time takes them back."""

import pytest

from idlegrid_server.core.commands import CancelRun, ExpireLeases, ReleaseRuns, RequeueRuns
from idlegrid_server.core.limits import MAX_LOSSES
from idlegrid_server.core.model import Outcome, RunState
from idlegrid_server.core.queue_ops import Drop, Ended, Push, Remove, Started

from .table import TIMES, held


@pytest.fixture
def run(table):
    return table.submit()


def expire(table, run):
    table.now = run.lease_expires_at
    table.do(ExpireLeases([run.uuid]))


def lose(table, run, number=0):
    table.lease(run.uuid, lease_id=f"{number:032x}")
    table.beat(held(run))
    expire(table, run)


def test_a_popped_run_is_leased_until_it_must_have_been_listed(table, run):
    lease = table.lease(run.uuid)[0]
    assert (run.state, run.node_id, run.attempts, run.listed) == (RunState.RUNNING, "n1", 1, False)
    assert (lease.number, lease.lease_id, lease.expires_at) == (1, run.lease_id, table.now + TIMES.listing)
    assert lease.payload.code == "print(1)"
    assert table.batch.ops == [Started(run.uuid, run.queue, "n1")]


def test_a_legacy_lease_lasts_for_the_runs_timeout_and_a_margin(table, run):
    lease = table.lease(run.uuid, via="legacy")[0]
    assert lease.expires_at == table.now + run.timeout + TIMES.legacy_margin
    assert run.listed, "a legacy worker lists nothing: its lease counts as begun"


def test_entries_that_no_run_answers_to_are_dropped(table, run):
    leases = table.lease("stranger", run.uuid)
    assert [lease.run for lease in leases] == [run]
    assert table.batch.ops[0] == Drop("stranger")


def test_an_entry_of_a_run_that_is_not_pending_is_dropped(table, run):
    table.lease(run.uuid)
    before = run.lease_id
    assert table.lease(run.uuid, node="n2", lease_id="b" * 32) == []
    assert table.batch.ops == [Drop(run.uuid)]
    assert (run.lease_id, run.node_id, run.attempts) == (before, "n1", 1)


def test_a_new_attempt_starts_with_a_clean_sheet(table):
    run = table.submit(retry_limit=1)
    table.lease(run.uuid)
    started = run.started_at
    table.beat(held(run, frozen=True))
    table.report(run, "failed", exit_code=1, truncated=True, reason="user_error")
    table.now = run.not_before
    table.do(ReleaseRuns([run.uuid]))
    table.lease(run.uuid, lease_id="b" * 32)
    assert (run.frozen, run.listed, run.reason, run.exit_code, run.truncated, run.digest) == (
        *(False, False, "", None),
        *(False, ""),
    )
    assert run.started_at == started, "a run has started when its first attempt did"


def test_a_run_whose_node_never_listed_it_goes_back_and_spends_nothing(table, run):
    table.lease(run.uuid)
    expire(table, run)
    assert (run.state, run.losses, run.retries, run.reason) == (RunState.PENDING, 0, 0, "never_started")
    assert [ended.outcome for ended in table.batch.ended] == [Outcome.RETURNED]


def test_a_lost_run_goes_to_the_front_of_its_queue(table, run):
    lose(table, run)
    assert (run.state, run.losses, run.retries, run.reason) == (RunState.PENDING, 1, 0, "node_lost")
    ended, push = table.batch.ops
    assert ended == Ended(run.uuid, run.queue, "n1", success=None)
    assert isinstance(push, Push)
    assert push.front


def test_a_run_is_given_up_after_too_many_losses(table, run):
    for number in range(1, MAX_LOSSES):
        lose(table, run, number)
        assert run.state is RunState.PENDING
    lose(table, run, MAX_LOSSES)
    assert (run.state, run.reason, run.losses) == (RunState.FAILED, "node_lost", MAX_LOSSES)
    words = "node_lost: 5 attempts were lost with their nodes, or crashed there"
    assert table.batch.outputs[run.uuid].error == words
    assert [notice.event for notice in table.batch.notices()] == ["task_failed"]


def test_a_lease_that_was_renewed_in_the_meantime_does_not_end(table, run):
    table.lease(run.uuid)
    table.beat(held(run))
    table.now += TIMES.listing
    table.do(ExpireLeases([run.uuid, "stranger"]))
    assert run.state is RunState.RUNNING


def test_a_delay_that_is_not_over_is_kept(table):
    run = table.submit(retry_limit=1)
    table.lease(run.uuid)
    table.report(run, "failed")
    table.now = run.not_before - 0.1
    table.do(ReleaseRuns([run.uuid]))
    assert run.state is RunState.WAITING
    table.now = run.not_before
    table.do(ReleaseRuns([run.uuid]))
    assert run.state is RunState.PENDING
    assert table.batch.owed == {run.uuid}


def test_the_queue_is_told_again_what_became_of_each_run(table, run):
    running, cancelled = table.submit(), table.submit()
    table.lease(running.uuid)
    table.do(CancelRun(cancelled.id))
    table.do(RequeueRuns([run.uuid, running.uuid, cancelled.uuid, "stranger"], front=True))
    push, *others = table.batch.ops
    assert (push.run_uuid, push.front) == (run.uuid, True)
    assert others == [
        Started(running.uuid, running.queue, "n1"),
        Remove(cancelled.uuid, cancelled.queue),
        Drop("stranger"),
    ]
    assert table.batch.owed == {run.uuid, running.uuid, cancelled.uuid, "stranger"}
