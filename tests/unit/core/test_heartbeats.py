"""Nodes come, say what they hold, and go."""

import pytest

from idlegrid_server.core.commands import CancelRun, LoseNodes, Order
from idlegrid_server.core.model import NodeHealth, NodeState, RunState, Sandbox, Usage
from idlegrid_server.core.queue_ops import NodeGone, NodeSeen

from .table import TIMES, held


@pytest.fixture
def run(table):
    """A run that n1 holds."""
    run = table.submit()
    table.lease(run.uuid)
    return run


def events(table) -> list[str]:
    return [notice.event for notice in table.batch.notices()]


def lose(table, node="n1"):
    table.now += 100
    table.do(LoseNodes([node], table.now - TIMES.node_lost))


def test_the_first_heartbeat_joins(table):
    assert table.beat(state=NodeState.IDLE, hostname="lab", slots=3) == []
    node = table.nodes["n1"]
    assert (node.health, node.state, node.slots, node.registered_at) == (NodeHealth.ALIVE, "idle", 3, table.now)
    assert events(table) == ["node_joined"]
    assert table.batch.ops == [NodeSeen("n1", "lab", "", 0, "", "", "idle")]


def test_what_a_heartbeat_leaves_out_keeps_its_last_value(table):
    table.beat(state=NodeState.BUSY, reason="input", labels=("gpu",), sandbox=Sandbox(level=3))
    table.beat(cpu_percent=7.0)
    node = table.nodes["n1"]
    assert (node.state, node.reason, node.labels, node.cpu_percent) == ("busy", "input", ("gpu",), 7.0)
    assert node.sandbox.level == 3


def test_a_spell_is_noted_when_state_or_reason_change_and_only_then(table):
    table.beat(state=NodeState.IDLE, reason="owner_away")
    began = table.now
    table.now += 10
    table.beat(state=NodeState.IDLE, reason="owner_away")
    assert (table.batch.spells, table.nodes["n1"].since) == ([], began)
    table.beat(state=NodeState.BUSY, reason="input")
    assert [(s.at, s.state, s.reason) for s in table.batch.spells] == [(table.now, "busy", "input")]
    assert table.nodes["n1"].since == table.now


def test_a_heartbeat_renews_exactly_what_it_lists(table, run):
    other = table.submit()
    table.lease(other.uuid, lease_id="b" * 32)
    before = other.lease_expires_at
    table.now += 5
    assert table.beat(held(run, usage=Usage(cpu_seconds=2.0))) == []
    assert (run.lease_expires_at, run.listed, run.cpu_seconds) == (table.now + TIMES.lease, True, 2.0)
    assert (other.lease_expires_at, other.listed) == (before, False)


@pytest.mark.parametrize("case", ["another lease", "ended", "unknown"])
def test_what_a_node_holds_without_right_it_must_stop(table, run, case):
    lease_id, uuid = run.lease_id, run.uuid
    if case == "another lease":
        lease_id = "f" * 32
    elif case == "ended":
        table.report(run)
    else:
        del table.runs[run.uuid]
    assert table.beat(held(run, lease_id=lease_id)) == [Order("stop", uuid, lease_id, "lease_gone")]


def test_the_node_of_a_cancelled_run_hears_so_until_it_lists_it_no_more(table, run):
    table.do(CancelRun(run.id))
    wanted = [Order("stop", run.uuid, run.lease_id, "cancelled")]
    assert table.beat(held(run)) == wanted
    assert table.beat(held(run)) == wanted
    assert table.beat() == []


def test_a_frozen_attempt_is_still_renewed_and_its_submitter_hears_of_it(table, run):
    table.now += 5
    table.beat(held(run, frozen=True))
    assert (run.frozen, run.reason, run.lease_expires_at) == (True, "frozen", table.now + TIMES.lease)
    assert "task_updated" in events(table)
    table.beat(held(run, frozen=False))
    assert (run.frozen, run.reason) == (False, "")
    assert [line.event for line in table.batch.story] == ["thawed"]
    table.beat(held(run, frozen=False))
    assert table.batch.story == []


def test_log_lines_of_a_heartbeat_are_kept_under_the_attempt(table, run):
    table.beat(held(run, logs=[(0, 1.0, "stdout", "x\n")]))
    assert [(p.run_id, p.attempt, p.seq, p.text) for p in table.batch.logs] == [(run.id, 1, 0, "x\n")]


def test_a_node_that_leaves_is_gone_at_once_and_says_so_once(table):
    table.beat(state=NodeState.IDLE)
    table.beat(state=NodeState.OFFLINE, reason="shutdown")
    assert (table.nodes["n1"].health, events(table)) == (NodeHealth.LEFT, ["node_left"])
    assert table.batch.ops == [NodeGone("n1")]
    table.beat(state=NodeState.OFFLINE, reason="shutdown")
    assert (events(table), table.batch.spells, table.batch.ops) == ([], [], [])


def test_a_silent_node_is_lost(table):
    table.beat(state=NodeState.IDLE)
    lose(table)
    node = table.nodes["n1"]
    assert (node.health, node.state, node.reason) == (NodeHealth.LOST, NodeState.OFFLINE, "not_heard")
    assert (events(table), table.batch.ops) == (["node_left"], [NodeGone("n1")])
    assert [spell.reason for spell in table.batch.spells] == ["not_heard"]


def test_a_node_that_spoke_in_the_meantime_is_not_lost(table):
    table.beat(state=NodeState.IDLE)
    table.do(LoseNodes(["n1", "stranger"], before=table.now))
    assert table.nodes["n1"].health is NodeHealth.ALIVE


def test_a_lost_node_that_speaks_again_is_back_even_when_it_says_nothing_of_its_state(table):
    table.beat()
    lose(table)
    table.beat()
    node = table.nodes["n1"]
    assert (node.health, node.state) == (NodeHealth.ALIVE, NodeState.UNKNOWN)
    assert events(table) == ["node_joined"]


def test_a_lost_node_that_comes_back_goes_on_with_what_it_still_rightly_holds(table, run):
    table.beat(held(run), state=NodeState.RUNNING)
    table.now += TIMES.lease - 1
    table.do(LoseNodes(["n1"], table.now))
    assert table.beat(held(run), state=NodeState.RUNNING) == []
    assert run.state is RunState.RUNNING
