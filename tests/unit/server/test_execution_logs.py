"""A run's story and its log as entries, whole and in parts."""

import json
from itertools import count

import pytest

from idlegrid_server.core.lifecycle import Event
from idlegrid_server.core.queries import LogLine, StoryPiece
from idlegrid_server.http.dialects.executions.logs import START, STEPS, Cursor, cursor, told

TIMEOUT = 30.0
STARTED = {"timestamp": "1970-01-01T00:00:10.000Z", "level": "info", "message": "开始执行任务 (超时限制: 30000ms)"}


class Story:
    """What happened to a run, as it is recorded; the node's clock is an hour behind."""

    def __init__(self) -> None:
        self.steps: list[StoryPiece] = []
        self.pieces: list[LogLine] = []
        self._ids, self.at, self.attempt = count(1), 9.0, 0

    def step(self, event: str, detail: str = "") -> "Story":
        self.at += 1
        self.attempt += event == START
        self.steps.append(StoryPiece(next(self._ids), self.at, event, detail))
        return self

    def wrote(self, text: str, stream: str = "stdout") -> "Story":
        self.at += 1
        self.pieces.append(LogLine(next(self._ids), self.at - 3600, stream, text, self.attempt))
        return self

    def said(self) -> list[str]:
        return [entry["message"] for entry in told(self.steps, self.pieces, Cursor(), TIMEOUT)[0]]


def lines(text: str, stream: str = "stdout") -> list[tuple[object, ...]]:
    entries, _ = told([], Story().wrote(text, stream).pieces, Cursor(), TIMEOUT)
    return [(entry["level"], entry["message"], entry.get("data")) for entry in entries]


def test_a_start_is_said_in_the_documents_words():
    entries, _ = told(Story().step("lease", "lab-07").steps, [], Cursor(), TIMEOUT)
    assert entries == [STARTED]


def test_there_is_one_entry_for_each_line():
    assert lines("a\n\nb\r\nc") == [("info", said, None) for said in ("a", "", "b", "c")]
    assert lines("boom\n", "stderr") == [("error", "boom", None)]


def test_a_line_goes_on_in_the_next_piece_of_its_stream():
    story = Story().wrote("one ").wrote("err\n", "stderr").wrote("line\nan").wrote("other")
    assert story.said() == ["err", "one line", "another"]


def test_a_structured_line_is_taken_apart():
    assert lines('{"message": "m", "level": "debug", "data": {"a": 1}}') == [("debug", "m", {"a": 1})]
    assert lines('{"message": "m"}', "stderr") == [("error", "m", None)]


def test_nothing_of_a_structured_line_is_lost():
    assert lines('{"message": "m", "level": "fatal", "rows": 5, "data": {"a": 1}}') == [
        ("info", "m", {"level": "fatal", "rows": 5, "a": 1})
    ]
    assert lines('{"message": "m", "data": [1]}') == [("info", "m", {"data": [1]})]


@pytest.mark.parametrize(
    "line",
    [
        '{"message": 1}',
        '{"level": "info"}',
        '["message"]',
        '{"message": "m"',
        '{"message": "m", "x": NaN}',
        '{"message": "m", "x": 1e999}',
        '{"message": "m", "x": "\\ud800"}',
        '{"message": "m", "x": ' + "9" * 5000 + "}",
        '{"message": "m", "x": ' + "[" * 300 + "]" * 300 + "}",
    ],
    ids=lambda line: line[:30],
)
def test_any_other_line_is_told_as_it_stands(line):
    assert lines(line) == [("info", line, None)]
    json.dumps(lines(line), allow_nan=False).encode()


def test_a_return_to_the_queue_and_an_end_say_why():
    story = Story().step("lease").step("evict", "input").step("lease").step("fail", "memory_limit")
    entries, _ = told(story.steps, [], Cursor(), TIMEOUT)
    assert [entry["level"] for entry in entries] == ["info", "warn", "info", "error"]
    assert entries[1]["data"] == {"event": "evict", "detail": "input"}
    assert entries[3]["data"] == {"event": "fail", "detail": "memory_limit"}


def test_every_event_is_told_but_those_without_news():
    assert {event.value for event in Event} - set(STEPS) == {START, "release", "complete"}


def test_attempts_stay_apart_whatever_the_nodes_clock_says():
    story = Story().step("created").step("lease").wrote("first").step("frozen").step("thawed")
    story.step("lose", "n1").step("lease").wrote("second\n").step("complete")
    start = STARTED["message"]
    frozen, thawed, lost = (STEPS[event][1] for event in ("frozen", "thawed", "lose"))
    assert story.said() == [start, frozen, thawed, "first", lost, start, "second"]


def by_steps(story: Story, size: int) -> list[str]:
    """All that is said, in answers of `size` pieces, as a client asks for them."""
    said, at = list[str](), Cursor()
    while True:
        rest = [piece for piece in story.pieces if piece.id > at.before]
        steps = [step for step in story.steps if step.id > at.event]
        most = size + bool(at.offset)
        is_cut = len(rest) > most
        entries, reached = told(steps, rest[:most], at, TIMEOUT, is_cut=is_cut)
        assert reached != at or not is_cut, "it goes on"
        said += [entry["message"] for entry in entries]
        at = cursor(str(reached))
        if not is_cut:
            return said


@pytest.mark.parametrize("size", [1, 2, 3, 5])
def test_a_log_in_parts_says_the_same_as_the_whole(size):
    story = Story().step("lease").wrote("a\nb").wrote("c\nd").wrote("e\n").step("lose").step("lease")
    story.wrote("f\n\n").wrote("g\nh").wrote("i\n").step("fail")
    assert by_steps(story, size) == story.said()
    assert story.said()[-4:] == ["", "g", "hi", STEPS["fail"][1]]


def test_a_line_without_an_end_stops_nothing():
    story = Story().step("lease").wrote("a\nb").wrote("c").wrote("d").wrote("e\n").step("fail")
    said = by_steps(story, 1)
    assert said[1:] == ["a", "bc", "d", "e", STEPS["fail"][1]]


def test_an_unfinished_line_waits_until_it_ends_or_something_follows():
    story = Story().step("lease").wrote("a\nb")
    entries, at = told(story.steps, story.pieces, Cursor(), TIMEOUT, is_over=False)
    assert [entry["message"] for entry in entries[1:]] == ["a"]
    assert told([], story.pieces, at, TIMEOUT, is_over=False) == ([], at)
    entries, end = told([], story.pieces, at, TIMEOUT)
    assert [entry["message"] for entry in entries] == ["b"]
    assert told([], [], end, TIMEOUT) == ([], end)
    story.wrote("c\n")
    entries, _ = told([], story.pieces, at, TIMEOUT, is_over=False)
    assert [entry["message"] for entry in entries] == ["bc"]


def test_a_cursor_is_read_back():
    assert cursor("") == Cursor()
    assert cursor(str(Cursor(1, 2, 3, 4))) == Cursor(1, 2, 3, 4)
