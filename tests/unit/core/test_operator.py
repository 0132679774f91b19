"""What the operator wants of nodes, and what they hear of it."""

import pytest

from idlegrid_server.core.commands import Beat, LoseNodes, NodeFacts, Order
from idlegrid_server.core.commands.operator import NodeChange, RegisterNode, Registration, UnregisterNode, UpdateNode
from idlegrid_server.core.errors import Conflict, InvalidInput, NotFound
from idlegrid_server.core.matching import capability, types_of
from idlegrid_server.core.model import NodeHealth, NodeState, NodeWish, RunState
from idlegrid_server.core.nodedesk import registered_id, status_of
from idlegrid_server.core.queue_ops import Push

from .table import TIMES, held

WORDS = Registration(hostname="lab", address="10.0.0.1", port=1, task_types=("python", "shell"), max_tasks=5)


def wish(table, wanted: str) -> list[Order]:
    """The operator's word; answers the orders that it makes."""
    return table.do(UpdateNode("n1", change=NodeChange(wish=NodeWish(wanted))))[1]


@pytest.fixture
def node(table):
    table.beat(state=NodeState.IDLE, task_types=("python", "shell"), slots=4)
    return table.nodes["n1"]


@pytest.fixture
def run(table, node):
    """A run that n1 holds and has listed."""
    run = table.submit()
    table.lease(run.uuid)
    table.beat(held(run), state=NodeState.RUNNING)
    return run


def test_a_draining_node_hears_so_until_it_drains_and_again_when_it_may_go_on(table, node):
    assert wish(table, "draining") == [Order("drain")]
    assert table.beat(state=NodeState.IDLE) == [Order("drain")]
    assert table.beat(state=NodeState.DRAINING) == []
    assert wish(table, "active") == [Order("resume")]
    assert table.beat(state=NodeState.DRAINING) == [Order("resume")]
    assert table.beat(state=NodeState.IDLE) == []


def test_a_draining_node_finishes_what_it_has(table, run):
    wish(table, "draining")
    assert table.beat(held(run), state=NodeState.DRAINING) == []
    assert (run.state, status_of(table.nodes["n1"])) == (RunState.RUNNING, "draining")


@pytest.mark.parametrize("command", [UpdateNode("nobody"), UnregisterNode("nobody")])
def test_a_node_that_is_not_there_cannot_be_changed(table, command):
    with pytest.raises(NotFound, match="Worker nobody not found"):
        table.do(command)


def test_what_an_offline_node_holds_goes_back_to_the_front_without_spending_anything(table, run):
    orders = wish(table, "offline")
    assert orders == [Order("stop", run.uuid, run.lease_id, "lease_gone"), Order("drain")]
    assert (run.state, run.retries, run.losses) == (RunState.PENDING, 0, 0)
    assert [op.front for op in table.batch.ops if isinstance(op, Push)] == [True]
    assert status_of(table.nodes["n1"]) == "offline"


def test_an_offline_node_is_heard_and_told_again_what_to_stop(table, run):
    wish(table, "offline")
    assert table.beat(held(run), state=NodeState.DRAINING) == [Order("stop", run.uuid, run.lease_id, "lease_gone")]
    assert (run.state, table.nodes["n1"].last_seen) == (RunState.PENDING, table.now)


def test_an_unregistered_node_is_told_to_kill_and_to_leave_and_is_not_renewed(table, run):
    stop = Order("stop", run.uuid, run.lease_id, "lease_gone")
    assert table.do(UnregisterNode("n1"))[1] == [stop, Order("leave")]
    assert run.state is RunState.PENDING
    for _ in range(2):
        assert table.beat(held(run), state=NodeState.RUNNING) == [stop, Order("leave")]
    node = table.nodes["n1"]
    assert (node.health, node.wish, node.state) == (NodeHealth.LEFT, NodeWish.GONE, "offline")


@pytest.mark.parametrize("wanted", ["draining", "offline", "gone"])
def test_a_node_that_may_not_is_leased_nothing_whatever_its_coordinator_had_heard(table, node, wanted):
    run = table.submit()
    node.wish = NodeWish(wanted)
    assert table.lease(run.uuid) == []
    assert run.state is RunState.PENDING
    assert [(op.run_uuid, op.front) for op in table.batch.ops] == [(run.uuid, True)]


def test_a_limited_node_is_leased_up_to_its_limit_and_the_rest_goes_back_in_order(table, node):
    table.do(UpdateNode("n1", change=NodeChange(max_tasks=2)))
    first, *others = [table.submit() for _ in range(4)]
    assert len(table.lease(first.uuid)) == 1
    assert [lease.run.uuid for lease in table.lease(*(run.uuid for run in others))] == [others[0].uuid]
    assert [op.run_uuid for op in table.batch.ops if isinstance(op, Push)] == [others[2].uuid, others[1].uuid]
    table.report(first)
    assert len(table.lease(others[1].uuid)) == 1


def test_an_unregistered_node_comes_back_when_it_is_started_anew_and_only_then(table, node):
    table.do(UnregisterNode("n1"))
    with pytest.raises(NotFound):
        table.do(UnregisterNode("n1"))
    assert table.beat(state=NodeState.IDLE) == [Order("leave")]
    assert table.do(Beat("n1", NodeFacts(state=NodeState.IDLE), (), TIMES, joins=True)) == []
    assert (table.nodes["n1"].health, table.nodes["n1"].wish) == (NodeHealth.ALIVE, NodeWish.ACTIVE)


def test_the_operator_allows_some_of_the_types_that_a_node_offers(table, node):
    table.do(UpdateNode("n1", change=NodeChange(task_types=("shell", "http"))))
    assert types_of(node) == ("shell",)
    assert capability(node).task_types == {"shell"}
    table.beat(task_types=("python", "shell", "http"))
    assert types_of(node) == ("shell", "http")


def test_a_node_registered_by_hand_offers_a_core_and_512_mb_a_task(table):
    node = table.do(RegisterNode("w1", WORDS))
    assert (node.cpu_cores, node.memory_mb, node.max_tasks, node.sandbox.level) == (5, 2560, 5, 3)
    assert (node.health, status_of(node), node.task_types) == (NodeHealth.ALIVE, "active", ("python", "shell"))
    table.do(UpdateNode("w1", change=NodeChange(max_tasks=10, task_types=("http",))))
    assert (node.cpu_cores, node.memory_mb, types_of(node)) == (10, 5120, ("http",))


def test_the_metadata_of_a_node_registered_by_hand_say_what_it_offers(table):
    metadata = '{"cpu_cores": 2.5, "memory_mb": 100, "labels": ["gpu"], "sandbox_level": 1, "room": 12}'
    node = table.do(RegisterNode("w1", Registration(**{**_words(), "metadata": metadata})))
    assert (node.cpu_cores, node.memory_mb, node.labels, node.sandbox.level) == (2.5, 100, ("gpu",), 1)


@pytest.mark.parametrize(
    ("metadata", "field"),
    [
        ('{"cpu_cores": "two"}', "cpu_cores"),
        ('{"cpu_cores": -1}', "cpu_cores"),
        ('{"memory_mb": true}', "memory_mb"),
        ('{"labels": "gpu"}', "labels"),
        ('{"labels": ["with space"]}', "labels"),
        ('{"sandbox_level": 5}', "sandbox_level"),
    ],
)
def test_metadata_that_mean_nothing_are_refused_and_named(table, metadata, field):
    with pytest.raises(InvalidInput) as refused:
        table.do(RegisterNode("w1", Registration(**{**_words(), "metadata": metadata})))
    assert refused.value.field == f"metadata.{field}"
    assert "w1" not in table.nodes


def test_a_node_is_registered_once_while_it_is_there(table):
    table.do(RegisterNode("w1", WORDS))
    with pytest.raises(Conflict, match="registered already"):
        table.do(RegisterNode("w1", WORDS))
    table.now += 100
    table.do(LoseNodes(["w1"], table.now))
    assert table.do(RegisterNode("w1", WORDS)).health is NodeHealth.ALIVE


def test_a_node_registered_by_hand_may_speak_for_itself(table):
    table.do(RegisterNode("w1", WORDS))
    table.beat(node="w1", state=NodeState.BUSY, cpu_cores=8.0, profile="desktop", slots=2)
    node = table.nodes["w1"]
    assert (node.state, node.cpu_cores, node.slots, node.max_tasks, node.hostname) == ("busy", 8.0, 2, 5, "lab")


def pushed(table, node="n1") -> str:
    """What a heartbeat hears of the operator's policy."""
    beat = Beat(node, NodeFacts(), (), TIMES)
    table.do(beat)
    return beat.pushed


def test_a_node_hears_what_the_operator_wants_of_its_policy_until_it_is_taken_away(table, node):
    assert pushed(table) == "{}"
    table.do(UpdateNode("n1", change=NodeChange(policy='{"start_after_s": 600}')))
    assert pushed(table) == '{"start_after_s": 600}'
    table.do(UpdateNode("n1", change=NodeChange(max_tasks=2)))
    assert pushed(table) == '{"start_after_s": 600}'
    table.do(UpdateNode("n1", change=NodeChange(policy="{}")))
    assert pushed(table) == "{}"


def test_a_node_registered_by_hand_takes_no_policy_before_it_speaks_for_itself(table):
    table.do(RegisterNode("w1", WORDS))
    change = NodeChange(policy='{"start_after_s": 600}', max_tasks=9)
    with pytest.raises(InvalidInput, match="by hand") as refused:
        table.do(UpdateNode("w1", change=change))
    assert (refused.value.field, table.nodes["w1"].max_tasks) == ("policy", 5)
    table.do(UpdateNode("w1", change=NodeChange(policy="{}")))
    table.beat(node="w1", state=NodeState.IDLE, profile="desktop")
    table.do(UpdateNode("w1", change=change))
    assert pushed(table, "w1") == change.policy


def test_the_id_of_a_node_registered_by_hand_depends_on_where_it_is_alone():
    assert registered_id(WORDS) == registered_id(Registration(**{**_words(), "max_tasks": 1}))
    assert registered_id(WORDS) != registered_id(Registration(**{**_words(), "port": 2}))
    assert registered_id(Registration(**{**_words(), "hostname": "名 x"})).startswith("--x-")


def _words() -> dict:
    return {name: getattr(WORDS, name) for name in Registration.__dataclass_fields__}
