import pytest

from idlegrid import NodeInfo
from idlegrid_console.data import sandbox
from idlegrid_console.texts import SANDBOX_LEVEL


@pytest.fixture
def node(answers):
    """`node(level=0)`: one whose sandbox differs in this."""

    def made(**changed):
        answer = answers.node_answer("n")
        return NodeInfo.from_wire(answer | {"sandbox": answer["sandbox"] | changed})

    return made


@pytest.mark.parametrize("level", range(5))
def test_every_level_has_a_name_and_a_meaning(node, level):
    assert sandbox.level_name(level).startswith(f"{level} ")
    assert len(sandbox.meaning(node(level=level))) > 40


def test_levels_are_named_best_first():
    assert list(SANDBOX_LEVEL) == ["4", "3", "2", "1", "0"]


def test_a_node_tells_what_provides_its_sandbox_and_how_it_was_tried(node):
    assert dict(sandbox.facts(node(), "Europe/Berlin")) == {
        "Provided by": "bubblewrap 0.11.0",
        "Kernel": "6.1.0",
        "Memory and processes": "watched by the node",
        "Self-test": "24 of 24 hostile programs held, tested at 2025-03-04 11:00:00",
    }


def test_a_node_tells_why_its_level_is_not_higher_and_what_raises_it(node):
    assert sandbox.why_not_higher(node()) == "the node was not started as root"
    assert sandbox.remedy(node()) == "sudo idlegrid node"
    assert sandbox.remedy(node(remedy="")) == sandbox.why_not_higher(node(reason="")) == ""


def test_a_node_that_says_nothing_has_dashes(node):
    silent = NodeInfo("n", sandbox=None)
    assert {text for _, text in sandbox.facts(silent, None)} == {"–"}
    assert "does not say" in sandbox.meaning(silent)
    assert sandbox.level_name(None) == ""


def test_a_level_that_nobody_knows_is_shown_as_it_is(node):
    assert sandbox.level_name(7) == "7"


def test_what_a_node_says_of_its_sandbox_drives_nothing_and_is_one_line(node):
    evil = node(
        backend="b\x1b[31m", kernel="<b>\u202e", metering="m\x07\n", reason="r\r\nx", passed="\x1b",
        remedy="true\nrm -rf ~\n",
    )  # fmt: skip
    said = [text for _, text in sandbox.facts(evil, None)] + [sandbox.why_not_higher(evil), sandbox.remedy(evil)]
    assert said[0] == r"b\x1b[31m 0.11.0"
    assert said[-1] == "true ↵ rm -rf ~"
    assert not [text for text in said if set(text) & set("\x1b\x07\r\n\u202e")]
