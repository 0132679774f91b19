import re
from pathlib import Path

import pytest

from idlegrid import NodeInfo
from idlegrid_console import policy_texts
from idlegrid_console.data import owner


def node(values=None, pushed=None, **told):
    policy = {"values": values or {}, "pushed": pushed or {}, "refused": told.pop("refused", "")}
    return NodeInfo("n", policy=policy, **told)


def test_reclaims_are_told_as_half_and_nearly_all_of_them(answers):
    told = dict(owner.reclaims(NodeInfo.from_wire(answers.node_answer("n") | answers.owner_answer())))
    assert told == {
        "Taken back by its owner": "3 times in 30 days",
        "Until every run stood": "0.25 s, 99 % within 0.75 s",
        "Until their memory was free": "–",
    }


def test_a_node_of_an_older_coordinator_tells_nothing_of_its_owner():
    silent = NodeInfo("n")
    assert [text for _, text in owner.reclaims(silent)] == ["0 times in 30 days", "–", "–"]
    assert owner.policy(silent).empty
    assert owner.refused(silent) == ""


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("start_after_s", 300.0, "5 min"),
        ("memory_pct", 75.0, "75 %"),
        ("frozen_memory_mb", 64, "64 MB"),
        ("spare_cores", 1, "1"),
        ("stop_on_battery", True, "yes"),
        ("watch_sessions", False, "no"),
        ("exclusive_programs", ["a", "b"], "a, b"),
        ("exclusive_programs", [], "–"),
        ("closed_days", "", "–"),
        ("closed_from", "08:00", "08:00"),
        ("input", "not_applicable", "has none"),
        ("network", "public", "public addresses"),
    ],
)
def test_values_are_told_in_words(name, value, words):
    (row,) = owner.policy(node({name: value})).to_numpy().tolist()
    assert row[1:] == [words, ""]
    assert row[0] != name


def test_what_the_operator_wants_stands_beside_it_and_unknown_names_come_last():
    frame = owner.policy(node({"newer": 1, "max_frozen_s": 600.0}, {"start_after_s": 60, "max_frozen_s": 30}))
    assert frame.drop(columns="rule").to_numpy().tolist() == [["", "1 min"], ["10 min", "30 s"], ["1", ""]]
    assert frame["rule"].iloc[-1] == "newer"


def test_what_a_node_says_of_its_owner_drives_nothing_and_is_one_line():
    evil = node({"b\x1b[31m": "x\u202e\ny"}, {"exclusive_programs": ["\x07"]}, refused="r\r\nx\x1b")
    said = [*owner.policy(evil).to_numpy().ravel(), owner.refused(evil)]
    assert not re.search("[\x00-\x1f\u202e]", "".join(said))


def test_every_value_of_the_nodes_policy_has_words():
    source = Path(__file__).parents[3] / "node_client" / "idlegrid_node" / "policy.py"
    names = re.findall(r"^    (\w+): (?:str|int|float|bool|tuple\[)", source.read_text("utf-8"), re.MULTILINE)
    assert len(names) > 30
    assert set(names) <= set(policy_texts.POLICY)
