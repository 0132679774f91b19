import pytest

from idlegrid import NodeInfo
from idlegrid_console.data import nodes
from idlegrid_console.texts import NODE_STATE


@pytest.fixture
def node(answers):
    return lambda name, *state, **changed: NodeInfo.from_wire(answers.node_answer(name, *state, **changed))


def test_nodes_are_counted_in_four_groups(node):
    states = ["idle", "running", "busy", "frozen", "cooling", "unknown", "paused", "offline", "draining"]
    assert nodes.counts([node("n", state) for state in states]) == nodes.Counts(1, 1, 5, 2)


def test_every_state_belongs_to_a_group(node):
    assert nodes.counts([node("n", state) for state in NODE_STATE]).total == len(NODE_STATE)


def test_a_node_that_is_not_heard_of_is_offline_whatever_it_said_last(node):
    lost = node("n", "idle", status="offline")
    assert nodes.counts([lost]).away == 1
    assert nodes.table([lost])["state"][0] == ["offline"]


def test_states_are_counted_in_the_ladders_order_and_unknown_ones_last(node):
    found = [node("n", state) for state in ("sleeping", "offline", "idle", "idle")]
    assert list(nodes.by_state(found).items()) == [
        ("idle", 2), ("running", 0), ("busy", 0), ("offline", 1), ("sleeping", 1),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("state", "profile", "owner"),
    [
        ("busy", "desktop", "there"), ("frozen", "desktop", "there"), ("cooling", "desktop", "just_left"),
        ("idle", "desktop", "away"), ("running", "desktop", "away"), ("unknown", "desktop", "unknown"),
        ("offline", "desktop", "unknown"), ("running", "always", "not_watched"),
    ],
)  # fmt: skip
def test_the_state_tells_whether_the_owner_is_there(node, state, profile, owner):
    assert nodes.owner(node("n", state, profile=profile)) == owner


def test_nodes_are_listed_by_name(node):
    assert list(nodes.table([node("b"), node("a")])["node"]) == ["a-3f2a91c4", "b-3f2a91c4"]


def test_a_nodes_row_has_its_sandbox_level(node):
    assert nodes.table([node("n")])["sandbox"][0] == ["3"]
    assert nodes.table([node("n", sandbox={"level": 0})])["sandbox"][0] == ["0"]
    assert nodes.table([node("n", sandbox=2)])["sandbox"][0] == ["2"]
    assert nodes.table([node("n", sandbox=None)])["sandbox"][0] == []


def test_what_a_node_says_of_itself_drives_nothing(node):
    evil = node("n", id="n\x1b[2J", state="<b>\u202e", version="1\r2", reason="\x9b1m")
    row = nodes.table([evil]).iloc[0]
    assert (row["node"], row["state"], row["version"], row["why"]) == (
        r"n\x1b[2J", [r"<b>\u202e"], r"1\x0d2", r"\x9b1m"
    )  # fmt: skip


def test_a_chosen_node_is_found_by_what_the_table_calls_it(node):
    known = [node("b"), node("a", id="a\x1b")]
    frame = nodes.table(known)
    assert nodes.position(frame, r"a\x1b") == [0]
    assert nodes.chosen(known, r"a\x1b") is known[1]
    assert nodes.chosen(known, None) is None


def test_a_node_of_which_only_the_id_is_known_has_a_row():
    assert nodes.table([NodeInfo(id="n")])["node"][0] == "n"


def test_memory_in_use_is_shown_as_a_share_of_what_there_is(node):
    assert nodes.table([node("n", memory_usage=4096, memory_mb=16384)])["memory"][0] == 25
    assert nodes.table([node("n", memory_usage=None)])["memory"].isna()[0]
