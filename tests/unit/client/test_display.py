"""What foreign code wrote, as people get to see it."""

import pytest

from idlegrid import RunFailed
from idlegrid.display import columns, preformatted, size, table, visible


def test_control_characters_are_escaped_and_breaks_and_tabs_kept():
    assert visible("a\x1b[31mred\tb\r\nc\rd\x00") == "a\\x1b[31mred\tb\nc\\x0dd\\x00"


@pytest.mark.parametrize(
    ("hidden", "shown"),
    [
        ("\x9b", r"\x9b"), ("\x7f", r"\x7f"), ("\u202e", r"\u202e"), ("\u2066", r"\u2066"), ("\u200b", r"\u200b"),
        ("\ufeff", r"\ufeff"), ("\ud800", r"\ud800"), ("\U000e0041", r"\U000e0041"),
    ],
)  # fmt: skip
def test_characters_that_hide_or_turn_text_are_escaped(hidden, shown):
    assert visible(f"a{hidden}b") == f"a{shown}b"


def test_writing_of_all_kinds_stays_as_it_is():
    text = "naïve 中文 العربية עברית हिन्दी 🎉 a\u00a0b"
    assert visible(text) == text


def test_shown_text_can_always_be_sent():
    visible("".join(map(chr, range(0x11000)))).encode()


def test_a_notebook_gets_neither_markup_nor_control_characters():
    assert preformatted("<b>\x1b") == "<pre>&lt;b&gt;\\x1b</pre>"
    assert "<td>&lt;b&gt;\\u202e</td>" in table(("a",), [("<b>\u202e",)])


def test_a_terminals_table_has_one_line_per_row():
    assert columns(("A", "B"), [("x\ny\tz", "\x1b")]) == "A      B\nx y z  \\x1b"


def test_the_message_of_a_failed_run_is_safe_and_its_error_is_as_it_was():
    failure = RunFailed(7, "boom \x1b]0;owned\x07")
    assert r"boom \x1b]0;owned\x07" in str(failure)
    assert failure.error == "boom \x1b]0;owned\x07"


@pytest.mark.parametrize(
    ("count", "said"),
    [(0, "0 bytes"), (1, "1 byte"), (999, "999 bytes"), (1500, "1.5 kB"), (999_499, "999 kB"), (999_500, "1 MB"),
     (52_428_800, "52.4 MB"), (2_500_000_000, "2,500 MB")],
)  # fmt: skip
def test_sizes_are_said_as_people_say_them(count, said):
    assert size(count) == said
