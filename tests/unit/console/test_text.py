from datetime import UTC, datetime

import pytest

from idlegrid_console.data.text import duration, moment, one_line, plain_markdown, tail


def test_a_cell_is_one_line_and_not_too_long():
    assert one_line("two\nlines\n") == "two ↵ lines"
    assert one_line("x" * 300, limit=10) == "xxxxxxxxx…"


def test_a_cell_and_a_note_show_what_would_drive_or_mislead():
    assert one_line("a\x1b]0;b\x07\u202e") == r"a\x1b]0;b\x07\u202e"
    assert plain_markdown("\x1b") == r"\\x1b"


def test_the_tail_says_how_much_it_leaves_out():
    assert tail("abcdef", 4) == ("cdef", 2)
    assert tail("abc", 4) == ("abc", 0)


def test_markdown_shows_the_text_as_it_is():
    assert plain_markdown("**a** [b](c) :red[d] <e>\n`f`") == (r"\*\*a\*\* \[b\]\(c\) \:red\[d\] \<e\> \`f\`")


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (None, "–"), (-1, "–"), (0, "0 s"), (0.0312, "0.031 s"), (2.0, "2 s"), (59.94, "59.9 s"), (59.97, "60 s"),
        (60, "1 min"), (200, "3 min 20 s"), (3600, "1 h"), (7500, "2 h 5 min"), (349_200, "4 d 1 h"),
    ],
)  # fmt: skip
def test_durations_are_said_as_people_say_them(seconds, said):
    assert duration(seconds) == said


def test_times_are_read_from_every_form_of_the_wire():
    expected = datetime(2025, 3, 4, 10, 0, tzinfo=UTC)
    assert moment("2025-03-04T10:00:00+00:00") == moment("2025-03-04T11:00:00+01:00") == expected
    assert moment("2025-03-04T10:00:00") == moment(expected.timestamp()) == moment(expected) == expected


@pytest.mark.parametrize("nonsense", [None, "", "soon", 1e30, []])
def test_a_time_that_is_none_is_none(nonsense):
    assert moment(nonsense) is None
