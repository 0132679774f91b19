"""The log of an execution: what it holds, and how a long one is read."""

import json

import pytest

MORE = 1_100
"""Pieces: more than an answer holds."""


@pytest.fixture
def held(grid, executions):
    """An execution, its machine, and the attempt that it holds."""
    made = executions.execute(executions.tasks.make(retry_count=1))
    machine = grid.machine()
    return made, machine, machine.lease()


def write(machine, attempt, *pieces, first: int = 0) -> None:
    """The machine, whose clock is far behind, tells these pieces: texts of the standard output, or (stream, text)."""
    said = [("stdout", piece) if isinstance(piece, str) else piece for piece in pieces]
    logs = [
        {"seq": first + seq, "time": 1.0 + first + seq, "stream": stream, "text": text}
        for seq, (stream, text) in enumerate(said)
    ]
    machine.beat(machine.holding(attempt, logs=logs))


def said(shown) -> list[tuple[str, str]]:
    return [(entry["level"], entry["message"]) for entry in shown["logs"]]


def followed(executions, made) -> list[str]:
    """All messages, as a client reads them."""
    shown = executions.status(made)
    found = [entry["message"] for entry in shown["logs"]]
    while shown["logsMore"]:
        shown = executions.status(made, after=shown["logsAfter"])
        found += [entry["message"] for entry in shown["logs"]]
    assert executions.status(made, after=shown["logsAfter"])["logs"] == []
    return found


def test_a_log_has_an_entry_for_each_line_and_each_step(executions, held):
    made, machine, attempt = held
    write(machine, attempt, "one\ntwo\n", ("stderr", "oops\n"))
    machine.report(attempt, "evicted", reason="input")
    shown = executions.status(made)
    start, *lines, away = said(shown)
    assert start == ("info", "开始执行任务 (超时限制: 3600000ms)")
    assert lines == [("info", "one"), ("info", "two"), ("error", "oops")]
    assert (away[0], shown["logs"][-1]["data"]) == ("warn", {"event": "evict", "detail": "input"})
    assert [set(entry) for entry in shown["logs"][:-1]] == [{"timestamp", "level", "message"}] * 4


def test_what_the_code_logs_by_itself_has_its_level_and_data(executions, held):
    made, machine, attempt = held
    line = json.dumps({"message": "同步", "level": "debug", "data": {"users": 3}})
    write(machine, attempt, ("stderr", line + "\n"))
    entry = executions.status(made)["logs"][-1]
    assert entry == {"timestamp": "1970-01-01T00:00:01.000Z", "level": "debug", "message": "同步", "data": {"users": 3}}


def test_a_second_attempt_comes_after_the_first(executions, held):
    made, machine, attempt = held
    write(machine, attempt, "first")
    machine.report(attempt, "evicted", reason="input")
    again = machine.lease()
    write(machine, again, "second\n")
    machine.report(again)
    start, first, _, again_start, second = (message for _, message in said(executions.status(made)))
    assert (first, again_start, second) == ("first", start, "second")


def test_what_is_new_comes_after_the_cursor(executions, held):
    made, machine, attempt = held
    write(machine, attempt, "one\ntw")
    shown = executions.status(made)
    assert (said(shown)[1:], shown["logsMore"]) == ([("info", "one")], False)
    assert executions.status(made, after=shown["logsAfter"])["logs"] == []
    write(machine, attempt, "o\n", first=1)
    machine.report(attempt, "timed_out", error="out of time")
    assert said(executions.status(made, after=shown["logsAfter"]))[0] == ("info", "two")
    assert executions.status(made, after=shown["logsAfter"])["logs"][1]["data"]["event"] == "retry"


def test_a_log_of_very_many_pieces_is_read_in_parts(executions, held):
    made, machine, attempt = held
    lines = [f"line {number}" for number in range(MORE)]
    for start in range(0, MORE, 500):
        write(machine, attempt, *(f"{line}\n" for line in lines[start : start + 500]), first=start)
    machine.report(attempt)
    shown = executions.status(made)
    assert (len(shown["logs"]), shown["logsMore"]) == (1_000 + 1, True)
    assert followed(executions, made)[1:] == lines


def test_a_log_of_large_pieces_is_read_in_parts_and_no_line_is_torn(executions, held):
    made, machine, attempt = held
    lines = [f"{number:06} " + "x" * 93 for number in range(30_000)]
    text = "\n".join(lines) + "\n"
    size = 60_000
    pieces = [text[start : start + size] for start in range(0, len(text), size)]
    write(machine, attempt, *pieces)
    machine.report(attempt)
    shown = executions.status(made)
    assert shown["logsMore"]
    assert len(json.dumps(shown["logs"])) < 2 << 20
    assert followed(executions, made)[1:] == lines


def test_a_list_shows_the_newest_of_each_log(grid, executions, held):
    made, machine, attempt = held
    write(machine, attempt, *(f"{number}\n" for number in range(50)))
    machine.report(attempt)
    (shown,) = executions.of({"name": made["taskName"]})
    assert said(shown) == [("info", str(number)) for number in range(30, 50)]


def test_a_list_stays_small_however_much_was_written(executions, held):
    made, machine, attempt = held
    write(machine, attempt, *["x" * 60_000] * 20, "last\n")
    (shown,) = executions.of({"name": made["taskName"]})
    messages = [message for _, message in said(shown)]
    assert messages[-1].endswith("xlast")
    assert sum(map(len, messages)) < 17_000
