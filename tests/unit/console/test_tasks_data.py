from datetime import UTC, datetime

import pytest

from idlegrid import TaskInfo
from idlegrid_console.data import task_form, tasks
from idlegrid_console.data.task_form import BLANK, WrongField, body_of, changes, draft_of

NOW = datetime(2025, 3, 4, 9, 0, tzinfo=UTC)


def test_a_row_tells_what_a_task_is_and_how_it_went(answers):
    frame = tasks.table([TaskInfo.from_wire(answers.task_answer(1, "a\x1bb"))])
    row = frame.iloc[0]
    assert (row["name"], row["status"], row["type"], row["last"]) == (r"a\x1bb", ["active"], "Python", ["completed"])
    assert row["when"] == "daily at 10:00 (UTC)"
    assert "tags" not in tasks.worth_showing(frame)


def test_a_table_of_no_tasks_still_has_its_columns():
    assert list(tasks.table([]).columns) == list(tasks.COLUMNS)


def test_facts_leave_out_what_a_task_does_not_have(answers):
    facts = dict(tasks.facts(answers.task_answer(1, tags=["a", "b"], task_type="ffmpeg\n"), NOW))
    assert (facts["Tags"], facts["Type"], facts["Time limit"]) == ("a, b", "ffmpeg", "1 h")
    assert "Depends on" not in facts
    assert tasks.facts({}, NOW)


def test_statistics_tell_the_share_of_good_runs(answers):
    known = dict(tasks.statistics(answers.task_answer(1)))
    assert (known["Runs in all"], known["Done"], known["Latest run"]) == ("4", "3 (75 %)", "done")
    assert dict(tasks.statistics({}))["Done"] == "0"


def test_what_a_task_runs_is_its_code_or_its_command(answers):
    assert tasks.source(answers.task_answer(1)) == ("print(1)", True)
    shell = answers.task_answer(1, code="", command="echo $1", arguments=["a\x07"])
    assert tasks.source(shell) == ("echo $1\na\\x07", False)


def test_the_form_of_a_task_that_was_not_touched_changes_nothing(answers):
    odd = answers.task_answer(
        1, metadata={"timezone": "Asia/Tokyo", "a": [1]}, timezone="Asia/Tokyo", dependencies=["3"], tags=["a,b"],
        arguments=["[", "two\nlines", ""], timeout_seconds=0.5, interval_seconds=None, parameters={"n": 1},
    )  # fmt: skip
    assert changes(odd, draft_of(odd)) == {}


def test_a_change_is_all_that_is_sent(answers):
    task = answers.task_answer(1, metadata={"a": 1})
    draft = draft_of(task) | {"due": "interval", "interval": 90.0, "zone": "Asia/Tokyo", "tags": "x , y,"}
    assert changes(task, draft) == {
        "schedule": None, "interval_seconds": 90, "metadata": {"a": 1, "timezone": "Asia/Tokyo"}, "tags": ["x", "y"],
    }  # fmt: skip


def test_a_new_task_says_what_the_document_demands():
    body = body_of(BLANK | {"name": " x ", "due": "cron", "schedule": "0 2 * * *"})
    assert (body["name"], body["task_type"], body["executor"], body["command"]) == ("x", "python", "python", "python")
    assert (body["schedule"], body["interval_seconds"], body["metadata"]) == ("0 2 * * *", None, {})
    assert body["resources"] == {"cpu": 1, "memory": 512}


def test_code_is_sent_only_where_it_is_what_runs():
    assert body_of(BLANK | {"source": "file", "command": "a.py"})["code"] is None
    shell = body_of(BLANK | {"task_type": "shell"})
    assert (shell["code"], shell["command"]) == (None, "")


@pytest.mark.parametrize("arguments", [[], ["a", "b c"], ["["], ["[1"], ["", "x"], ["a\nb"], ["x\u2028y"]])
def test_arguments_come_back_as_they_were(answers, arguments):
    draft = draft_of(answers.task_answer(1, arguments=arguments))
    assert body_of(draft)["arguments"] == arguments


@pytest.mark.parametrize(
    ("field", "text"),
    [("parameters", "{"), ("parameters", "[1]"), ("metadata", "x"), ("arguments", "[1]"), ("arguments", "[")],
)
def test_json_that_is_wrong_names_its_field(field, text):
    with pytest.raises(WrongField) as wrong:
        body_of(BLANK | {field: text})
    assert wrong.value.field == field


def test_a_syntax_error_is_told_with_its_line():
    said = task_form.syntax_error("print(1)\nprint(")
    assert said.startswith("line 2, column 6: '(' was never closed")
    assert "): print(; save again" in said
    assert task_form.syntax_error("print(1)") is None


@pytest.mark.parametrize("code", ["a" + "+a" * 200_000, "-" * 200_000 + "1", "\0"])
def test_code_that_this_python_cannot_read_is_left_to_the_nodes_or_refused(code):
    said = task_form.syntax_error(code)
    assert said is None or said.startswith("line ")
