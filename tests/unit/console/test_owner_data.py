import re
from pathlib import Path

import pytest

from idlegrid import NodeInfo
from idlegrid_console import policy_texts
from idlegrid_console.data import owner
from idlegrid_node import layers


def node(values=None, pushed=None, **told):
    policy = {"values": values or {}, "pushed": pushed or {}, "refused": told.pop("refused", "")}
    return NodeInfo("n", policy=policy, **told)


def test_reclaims_are_told_as_half_and_nearly_all_of_them(answers):
    told = dict(owner.reclaims(answers.owner_answer()["reclaims"]))
    assert told == {
        "Taken back by its owner": "3 times in 30 days",
        "Until every run stood": "0.25 s, 99 % within 0.75 s",
        "Until their memory was free": "–",
    }


def test_a_node_of_an_older_coordinator_tells_nothing_of_its_owner():
    silent = NodeInfo("n")
    assert [text for _, text in owner.reclaims(silent.reclaims)] == ["0 times in 30 days", "–", "–"]
    assert owner.policy(silent).empty
    assert owner.refused(silent) == ""


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("start_after_s", 300.0, "Work starts 5 min after the owner's last key or movement."),
        ("memory_pct", 75.0, "Runs may have 75 % of its memory."),
        ("frozen_memory_mb", 64, "A frozen run may keep 64 MB of memory."),
        ("spare_cores", 1, "Cores that are left to the owner: 1."),
        ("stop_on_battery", True, "No work on battery."),
        ("watch_sessions", False, "Other sessions do not count."),
        ("exclusive_programs", ["a", "b"], "Programs that have it to themselves: a, b"),
        ("exclusive_programs", [], "No program has it to itself."),
        ("closed_days", "", "It is closed on no day."),
        ("closed_from", "08:00", "Closed from: 08:00"),
        ("input", "not_applicable", "Keyboard and mouse: has none"),
        ("network", "public", "What HTTP requests may reach: public addresses"),
        ("newer", {"a": 1}, "newer: {'a': 1}"),
    ],
)
def test_a_rule_is_told_as_a_sentence(name, value, words):
    assert owner.rule(name, value) == words
    assert owner.policy(node({name: value})).to_numpy().tolist() == [[words, ""]]


def test_what_the_operator_wants_stands_beside_it_and_unknown_names_come_last():
    frame = owner.policy(node({"newer": 1, "max_frozen_s": 600.0}, {"start_after_s": 60, "max_frozen_s": 30}))
    assert frame.to_numpy().tolist() == [
        ["Work starts when the owner has been away for", "1 min"],
        ["What was frozen for 10 min is handed back.", "30 s"],
        ["newer: 1", ""],
    ]


def test_the_rules_that_people_ask_for_are_told_first():
    told = owner.in_short(node({"memory_pct": 75, "newer": 1, "start_after_s": 300.0}))
    assert told == ["Work starts 5 min after the owner's last key or movement.", "Runs may have 75 % of its memory."]


def test_an_operator_may_ask_for_what_nodes_let_them_ask_for():
    assert set(owner.PUSHABLE) == layers.PUSHABLE
    assert owner.in_effect(node({"profile": "desktop", "spare_cores": 1})) == {"spare_cores": 1}


@pytest.mark.parametrize(
    ("given", "like", "value"),
    [
        ("5", 1, 5),
        (2.5, 1.0, 2.5),
        (300.0, 60.0, 300),
        (True, False, True),
        (" a, ,b ", ["x"], ["a", "b"]),
        (" x ", "", "x"),
    ],
)
def test_what_is_filled_in_becomes_a_value_of_the_same_kind(given, like, value):
    found = owner.typed(given, like)
    assert (found, type(found)) == (value, type(value))


def test_what_a_node_says_of_its_owner_drives_nothing_and_is_one_line():
    evil = node({"b\x1b[31m": "x\u202e\ny"}, {"exclusive_programs": ["\x07"]}, refused="r\r\nx\x1b")
    said = [*owner.policy(evil).to_numpy().ravel(), owner.refused(evil)]
    assert not re.search("[\x00-\x1f\u202e]", "".join(said))


def test_every_value_of_the_nodes_policy_has_words():
    source = Path(__file__).parents[3] / "node_client" / "idlegrid_node" / "policy.py"
    names = re.findall(r"^    (\w+): (?:str|int|float|bool|tuple\[)", source.read_text("utf-8"), re.MULTILINE)
    assert len(names) > 30
    assert set(names) <= set(policy_texts.POLICY)


def test_every_sentence_is_of_a_rule_that_has_a_name():
    assert {*policy_texts.SENTENCES, *policy_texts.ANSWERS, *policy_texts.NOT_USED} <= set(policy_texts.POLICY)
