from datetime import UTC, datetime

import pytest

from idlegrid import Explanation
from idlegrid_console.data import submit, syntax, task_graph, task_history
from idlegrid_console.data.examples import EXAMPLES
from idlegrid_console.data.submit import BLANK


def test_an_untouched_page_asks_for_the_defaults():
    assert submit.body_of(BLANK) == {
        "code": EXAMPLES["hello"].text, "timeout": 300.0, "cpu": 1.0, "memory": 512, "priority": "normal",
        "requires": [], "min_sandbox": None, "task_type": "python", "parameters": None, "request": None,
        "retry_count": 0,
    }  # fmt: skip


def test_a_number_that_was_emptied_is_the_default():
    assert submit.needs_of(BLANK | {"cpu": None, "memory": None})["cpu"] == 1.0
    assert submit.body_of(BLANK | {"retry_count": None})["retry_count"] == 0


def test_work_with_files_is_a_task_of_the_same_kind():
    shell = submit.task_of(BLANK | {"kind": "shell", "code": "wc -l *"})
    assert (shell["command"], shell["task_type"], shell["timeout_seconds"]) == ("wc -l *", "shell", 300.0)
    assert "code" not in shell


def test_what_was_written_is_told_from_examples_and_nothing():
    assert submit.is_own(BLANK | {"code": "mine"})
    assert submit.is_own(BLANK | {"parameters": "{}"})
    assert not submit.is_own(BLANK)
    assert not submit.is_own(BLANK | {"code": ""})
    assert not any(submit.is_own(BLANK | submit.started_from(example)) for example in EXAMPLES.values())


def test_examples_are_python_that_compiles_and_short_enough_to_submit():
    for example in EXAMPLES.values():
        assert len(example.text) <= submit.LONGEST_CODE
        assert example.kind != "python" or syntax.find(example.text) is None


@pytest.mark.parametrize(
    ("able", "free", "reasons", "colour"),
    [
        (3, 1, (), "green"),
        (3, 0, ("nodes_full",), "orange"),
        (3, 2, ("behind",), "orange"),
        (0, 0, ("no_node",), "red"),
    ],
)
def test_room_is_told_in_words_and_by_colour(answers, able, free, reasons, colour):
    told = answers.preview_answer(*((code, {}) for code in reasons), able=able, free=free)
    room = submit.room(Explanation.from_wire(told))
    assert room.colour == colour
    assert room.sentence == f"Needs 1 core, 512 MB: {able} of 5 nodes could take it, {free} with room now."
    assert room.reasons == tuple(f"Held back by {code}." for code in reasons)


def test_a_name_for_files_is_of_their_first_and_of_the_time():
    now = datetime(2025, 3, 4, 10, 5, tzinfo=UTC)
    assert submit.name_for(["in/räte.v2.csv", "x"], now) == "rte_20250304_100500"
    assert submit.name_for(["☃"], now) == "task_20250304_100500"


def test_two_files_of_one_name_are_refused():
    assert submit.refused([("a", 1), ("a", 2)]) == "Two files are named a."
    assert submit.refused([("a", 1), ("b", 2)]) is None


def test_a_syntax_error_is_told_with_line_column_and_the_line():
    problem = syntax.find("x = 1\n    \x1b[31mé = = 2\n")
    assert problem.line == 2
    assert "\x1b" not in problem.excerpt
    closed = syntax.find("ok = 1\nprint('a' 1)")
    assert closed.excerpt == "print('a' 1)\n      ^"
    assert str(closed).startswith("line 2, column 7: ")


@pytest.mark.parametrize("code", ["a" + "+a" * 200_000, "-" * 200_000 + "1", "\0", "'\ud800'", "return 1"])
def test_code_that_cannot_be_read_is_doubted_or_left_to_the_nodes(code):
    problem = syntax.find(code)
    assert problem is None or problem.line == 1


def test_names_in_the_diagram_are_nothing_but_names(answers):
    evil = '"]; evil [label=<b> \\N" -> \n{ ☃ &#60;'
    task = {"id": 1, "name": evil, "status": "active", "last_status": "odd\n"}
    drawn = task_graph.diagram({"tasks": [task], "edges": [[1, 2]], "cut": False}, 1)
    label = drawn.partition('label="')[2].partition('"')[0]
    assert set(label) <= set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789&#;")
    assert "->" not in drawn


def test_a_strip_draws_the_newest_run_at_the_right_and_says_it_in_words():
    recent = [{"id": 2, "status": "failed"}, {"id": 1, "status": "completed"}]
    image = task_history.image(recent)
    assert image.index("rect") < image.index("path")
    assert task_history.words(recent) == "of the latest 2 runs: done 1, failed 1"
    assert task_history.image([]) is None
    assert "script" not in task_history.image([{"id": 1, "status": "<script>"}])
