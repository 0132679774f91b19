from datetime import UTC, datetime

import pytest

from idlegrid import NodeInfo
from idlegrid_console.data import nodes

START = datetime(2025, 3, 4, 10, 0, tzinfo=UTC)


@pytest.fixture
def node(answers):
    return lambda name, *state, **changed: NodeInfo.from_wire(answers.node_answer(name, *state, **changed))


def test_a_node_that_is_not_heard_of_is_offline_whatever_it_said_last(node):
    lost = node("n", "idle", status="offline")
    assert nodes.table([lost])["state"][0] == ["offline"]


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


def test_nodes_are_listed_in_the_order_in_which_they_came(node):
    assert list(nodes.table([node("b"), node("a")])["node"]) == ["b-3f2a91c4", "a-3f2a91c4"]


def test_a_node_that_fails_nearly_all_is_marked_and_so_is_one_that_the_operator_took_out(node):
    frame = nodes.table([node("a", suspect=True), node("b", "idle", status="offline"), node("c", "offline")])
    assert list(frame["mark"]) == [["suspect"], ["held"], []]
    assert frame["why"][1] == "paused by the operator"
    assert "mark" in nodes.worth_showing(frame)
    assert "mark" not in nodes.worth_showing(frame[2:])


def test_the_facts_of_a_node_say_what_it_offers_and_how_much_of_it_is_used(node):
    told = dict(nodes.facts(node("n", statistics={"successful_tasks": 3, "uptime": "2 h"}), START, None))
    assert (told["Cores"], told["Memory"]) == ("8, 16 % used", "16 GB, 25 % used")
    assert told["State"] == "the owner is away, for 0 s"
    assert (told["Attempts in all"], told["Up for"]) == ("3 done, 0 failed", "2 h")
    assert {"State", "Owner"} <= dict(nodes.facts(NodeInfo("bare"), START, None)).keys()


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


def test_rows_that_are_no_longer_there_choose_nothing():
    assert nodes.chosen([1, 7], ["a", "b"]) == ["b"]


def test_the_runs_that_a_node_holds_are_those_with_a_number(node):
    held = node("n", current_tasks=[{"run_id": 3}, {"run_id": "<b>"}, 7])
    assert [run["run_id"] for run in nodes.held_runs(held)] == [3]
    assert nodes.held_runs(node("n")) == []


def test_a_node_of_which_only_the_id_is_known_has_a_row():
    assert nodes.table([NodeInfo(id="n")])["node"][0] == "n"


def test_memory_in_use_is_shown_as_a_share_of_what_there_is(node):
    assert nodes.table([node("n", memory_usage=4096, memory_mb=16384)])["memory"][0] == 25
    assert nodes.table([node("n", memory_usage=None)])["memory"].isna()[0]
