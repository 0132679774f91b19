"""What a node's report leads to, and what it may never change."""

from copy import copy

import pytest

from idlegrid_server.core.commands import CancelRun, ExpireLeases, LegacyReport, ReleaseRuns
from idlegrid_server.core.commands.report import RETRY_CAP
from idlegrid_server.core.errors import NotFound, StaleReport
from idlegrid_server.core.limits import MAX_LOG_PIECE, MAX_LOSSES
from idlegrid_server.core.model import Outcome, RunState, Usage
from idlegrid_server.core.queue_ops import Ended, Push, Remove

from ...parts import LARGE
from .table import held


@pytest.fixture
def run(table):
    """A run that n1 holds."""
    run = table.submit()
    table.lease(run.uuid)
    return run


def again(table, run, number):
    """The next attempt of a run that goes on."""
    table.now = max(table.now, run.not_before or 0)
    table.do(ReleaseRuns([run.uuid]))
    table.lease(run.uuid, lease_id=f"{number:032x}")


def unchanged(table, run, *words, **more):
    """Whether a report leaves the run, and everything else, as it was; answers the problem."""
    before = copy(run)
    problem = table.report(run, *words, **more)
    assert run == before
    assert (table.batch.changed_runs, table.batch.ops, table.batch.story, table.batch.outputs) == ({}, [], [], {})
    assert table.batch.counts == {}
    return problem


def test_what_an_attempt_used_over_time_is_kept_with_it_as_far_as_it_is_told(table, run):
    table.beat(held(run, points="[[1,0,9,1]]"))
    assert table.batch.usage_points == {(run.id, 1): "[[1,0,9,1]]"}
    table.report(run, "evicted")
    assert table.batch.usage_points == {}
    again(table, run, 2)
    table.report(run, "completed", points="[[1,1,9,1]]")
    assert table.batch.usage_points == {(run.id, 2): "[[1,1,9,1]]"}
    unchanged(table, run, "completed", points="[[2,2,9,1]]")
    assert table.batch.usage_points == {}


@pytest.mark.parametrize(
    ("outcome", "state", "event"),
    [
        ("completed", RunState.COMPLETED, "task_completed"),
        ("failed", RunState.FAILED, "task_failed"),
        ("timed_out", RunState.TIMED_OUT, "task_failed"),
    ],
)
def test_a_report_of_the_newest_lease_ends_the_run(table, run, outcome, state, event):
    table.now += 3
    used = Usage(cpu_seconds=1.5, wall_seconds=3.0, max_memory_mb=40.0, processes=7)
    assert table.report(run, outcome, result="1", error=None, exit_code=0, usage=used) is None
    assert (run.state, run.finished_at, run.cpu_seconds, run.exit_code) == (state, table.now, 1.5, 0)
    assert (run.processes, table.batch.ended[0].processes) == (7, 7)
    assert table.batch.outputs[run.uuid].result == "1"
    assert [notice.event for notice in table.batch.notices()] == [event]
    assert table.batch.ops == [Ended(run.uuid, run.queue, "n1", success=outcome == "completed")]
    assert list(table.batch.usage.values()) == [[1, 1.5, 3.0]]


def test_a_report_of_an_older_lease_changes_nothing(table, run):
    old = run.lease_id
    table.report(run, "evicted")
    again(table, run, 2)
    assert isinstance(unchanged(table, run, lease_id=old), StaleReport)


def test_a_report_of_a_run_that_was_never_leased_changes_nothing(table):
    assert isinstance(unchanged(table, table.submit(), lease_id="f" * 32), StaleReport)


def test_a_report_of_an_unknown_run_is_to_be_dropped(table, run):
    stranger = copy(run)
    stranger.uuid = "stranger"
    assert isinstance(table.report(stranger), NotFound)


@pytest.mark.parametrize("outcome", ["completed", "failed", "timed_out", "evicted", "returned", "crashed"])
def test_the_same_report_again_is_ok_and_changes_nothing(table, run, outcome):
    table.report(run, outcome, result="1")
    assert unchanged(table, run, outcome, result="1") is None


@pytest.mark.parametrize("outcome", ["completed", "evicted"])
def test_a_second_different_report_of_a_lease_changes_nothing(table, run, outcome):
    table.report(run, outcome, result="1")
    assert isinstance(unchanged(table, run, "completed", result="2"), StaleReport)


def test_a_repeated_failure_spends_one_retry(table):
    run = table.submit(retry_limit=2)
    table.lease(run.uuid)
    table.report(run, "failed", error="x")
    assert unchanged(table, run, "failed", error="x") is None
    table.now = run.not_before
    table.do(ReleaseRuns([run.uuid]))
    assert unchanged(table, run, "failed", error="x") is None
    assert (run.state, run.retries) == (RunState.PENDING, 1)


def test_a_result_of_a_cancelled_run_is_refused(table, run):
    table.do(CancelRun(run.id))
    problem = unchanged(table, run)
    assert isinstance(problem, StaleReport)
    assert "was cancelled" in str(problem)


def test_the_report_that_a_stop_was_carried_out_is_ok(table, run):
    table.do(CancelRun(run.id))
    assert unchanged(table, run, "cancelled") is None


def test_a_late_report_counts_as_long_as_no_newer_lease_was_given(table, run):
    table.beat(held(run))
    table.now = run.lease_expires_at
    table.do(ExpireLeases([run.uuid]))
    assert table.report(run, result="1") is None
    assert run.state is RunState.COMPLETED
    assert table.batch.ops == [Remove(run.uuid, run.queue)]


@pytest.mark.parametrize("outcome", ["evicted", "returned", "crashed"])
def test_a_late_hand_back_leaves_the_run_where_it_waits(table, run, outcome):
    table.now = run.lease_expires_at
    table.do(ExpireLeases([run.uuid]))
    assert table.report(run, outcome) is None
    assert (run.state, table.batch.ops) == (RunState.PENDING, [])


def test_a_failure_with_a_retry_left_waits_and_waits_longer_each_time(table):
    run = table.submit(retry_limit=3)
    delays = []
    for number in range(3):
        again(table, run, number)
        table.report(run, "failed", reason="user_error")
        assert run.state is RunState.WAITING
        assert not any(isinstance(op, Push) for op in table.batch.ops)
        delays.append(run.not_before - table.now)
    assert all(least <= delay <= 1.5 * least for least, delay in zip((1, 2, 4), delays, strict=True))
    assert len({delay % 1 for delay in delays}) == 3
    again(table, run, 3)
    table.report(run, "timed_out", reason="timeout")
    assert (run.state, run.retries, run.reason) == (RunState.TIMED_OUT, 3, "timeout")


def test_a_retrys_delay_has_a_limit(table):
    run = table.submit(retry_limit=1_000)
    run.retries = 500
    table.lease(run.uuid)
    table.report(run, "failed")
    assert run.not_before - table.now == RETRY_CAP


@pytest.mark.parametrize("outcome", ["evicted", "returned"])
def test_what_is_handed_back_goes_to_the_front_and_spends_nothing(table, outcome):
    run = table.submit(retry_limit=1)
    for number in range(20):
        table.lease(run.uuid, lease_id=f"{number:032x}")
        table.report(run, outcome, reason="input")
        assert (run.state, run.retries, run.losses) == (RunState.PENDING, 0, 0)
        assert table.batch.ops[-1].front
        assert table.batch.ended[0].outcome is Outcome(outcome)
    assert run.attempts == 20


CRASH = {"reason": "host_memory_floor", "error": "The host was short of memory"}


def test_a_crash_counts_as_a_lost_node_does(table):
    run = table.submit(retry_limit=1)
    table.lease(run.uuid)
    assert table.report(run, "crashed", **CRASH) is None
    assert (run.state, run.losses, run.retries, run.reason) == (RunState.PENDING, 1, 0, "host_memory_floor")
    assert [(ended.outcome, ended.reason) for ended in table.batch.ended] == [(Outcome.CRASHED, "host_memory_floor")]
    assert table.batch.ops[-1].front
    assert table.batch.outputs == {}


def test_the_last_crash_keeps_its_own_reason_and_words(table):
    run = table.submit(retry_limit=1)
    for number in range(MAX_LOSSES):
        assert run.state is RunState.PENDING
        table.lease(run.uuid, lease_id=f"{number:032x}")
        table.report(run, "crashed", **CRASH)
    assert (run.state, run.reason, run.retries) == (RunState.FAILED, "host_memory_floor", 0)
    assert table.batch.outputs[run.uuid].error == CRASH["error"]
    assert [notice.event for notice in table.batch.notices()] == ["task_failed"]


def test_crashes_and_lost_nodes_are_counted_together(table, run):
    table.beat(held(run))
    table.now = run.lease_expires_at
    table.do(ExpireLeases([run.uuid]))
    for number in range(1, MAX_LOSSES):
        assert run.losses == number
        table.lease(run.uuid, lease_id=f"{number:032x}")
        table.report(run, "crashed", **CRASH)
    assert run.state is RunState.FAILED


def test_an_attempt_that_was_lost_and_then_reports_its_crash_spends_one_loss(table, run):
    table.beat(held(run))
    table.now = run.lease_expires_at
    table.do(ExpireLeases([run.uuid]))
    assert table.report(run, "crashed", **CRASH) is None
    assert (run.state, run.losses, table.batch.ops) == (RunState.PENDING, 1, [])


def test_the_sandbox_is_the_nodes_until_its_report_says_otherwise(table, run):
    assert run.sandbox == LARGE.sandbox
    table.report(run, "returned", sandbox=0)
    assert (run.sandbox, table.batch.ended[0].sandbox) == (0, 0)
    again(table, run, 2)
    table.report(run, "completed")
    assert (run.sandbox, table.batch.ended[0].sandbox) == (LARGE.sandbox, LARGE.sandbox)


def test_nobody_knows_a_legacy_workers_sandbox(table, legacy):
    assert legacy.sandbox is None


def test_logs_are_kept_under_the_attempt_and_cut(table, run):
    table.report(run, logs=[(0, 1.0, "stdout", "x" * (MAX_LOG_PIECE + 1)), (1, 2.0, "stderr", "y")])
    assert [(p.attempt, p.seq, p.stream, len(p.text)) for p in table.batch.logs] == [
        (1, 0, "stdout", MAX_LOG_PIECE),
        (1, 1, "stderr", 1),
    ]


# --- legacy workers ---


@pytest.fixture
def legacy(table):
    run = table.submit()
    table.lease(run.uuid, via="legacy")
    return run


def test_a_legacy_result_ends_the_run_without_naming_a_lease(table, legacy):
    table.now += 2
    assert table.do(LegacyReport(legacy.id, "3")) is legacy
    assert (legacy.state, legacy.exit_code, legacy.wall_seconds) == (RunState.COMPLETED, 0, 2)


def test_a_legacy_error_fails_the_run(table, legacy):
    table.do(LegacyReport(legacy.id, "", "Traceback"))
    assert (legacy.state, legacy.reason, legacy.exit_code) == (RunState.FAILED, "user_error", 1)


def test_the_same_legacy_result_again_is_ok_and_another_is_not(table, legacy):
    table.do(LegacyReport(legacy.id, "3"))
    assert table.do(LegacyReport(legacy.id, "3")).state is RunState.COMPLETED
    with pytest.raises(StaleReport):
        table.do(LegacyReport(legacy.id, "4"))


def test_a_legacy_result_with_another_lease_is_refused(table, legacy):
    with pytest.raises(StaleReport):
        table.do(LegacyReport(legacy.id, "3", lease_id="f" * 32))


def test_a_legacy_result_of_a_run_that_nobody_leased_that_way_is_refused(table, run):
    with pytest.raises(StaleReport, match="was not leased through /get_task"):
        table.do(LegacyReport(run.id, "3"))
    with pytest.raises(StaleReport):
        table.do(LegacyReport(table.submit().id, "3"))
    with pytest.raises(NotFound):
        table.do(LegacyReport(99, "3"))
