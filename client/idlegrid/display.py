"""Tables for notebooks (HTML, everything escaped) and for terminals (aligned text)."""

from collections.abc import Iterable, Sequence
from html import escape
from typing import Any


def table(headers: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """Make an HTML table; None is shown as nothing."""
    head = "".join(f"<th>{escape(name)}</th>" for name in headers)
    body = "".join(f"<tr>{''.join(map(_cell, row))}</tr>" for row in rows)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def preformatted(text: str) -> str:
    """Text of a program, kept as it is."""
    return f"<pre>{escape(text)}</pre>"


def columns(headers: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """Make an aligned table for a terminal.

    Control characters become `?`, so that no node's name drives the terminal.
    """
    lines = [list(headers), *([_plain(value) for value in row] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join("  ".join(map(str.ljust, line, widths)).rstrip() for line in lines)


def _cell(value: Any) -> str:
    return f"<td>{'' if value is None else escape(str(value))}</td>"


def _plain(value: Any) -> str:
    text = "-" if value in (None, "") else str(value)
    return "".join(letter if letter.isprintable() else "?" for letter in text)
