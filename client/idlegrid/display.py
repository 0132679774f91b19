"""What foreign programs wrote, made safe to look at: in terminals, and as tables in notebooks (HTML, escaped)."""

import re
from collections.abc import Iterable, Sequence
from html import escape
from typing import Any, TextIO

_LINE_END = re.compile(r"\r\n")

_UNSEEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f"  # control characters (C0 and C1) but tab and newline
    "\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\U000e0000-\U000e007f"
    # unseen, or turning the writing's direction
    "\ud800-\udfff]"  # halves of characters, which cannot be sent
)


def visible(text: Any) -> str:
    r"""The text with each character that drives a terminal, hides, or turns the writing escaped: `\x1b`, `\u202e`.

    Newlines and tabs stay, CRLF counts as a newline; a lone CR, which would overwrite its line, is escaped.
    """
    return _UNSEEN.sub(_escaped, _LINE_END.sub("\n", str(text)))


def show(text: str, stream: TextIO, *, end: str = "\n") -> None:
    """Print what a run wrote: a terminal gets it `visible`, a file or a pipe as it is."""
    print(visible(text) if stream.isatty() else text, end=end, file=stream, flush=True)


def size(count: int) -> str:
    """A number of bytes as people say it: 17 bytes, 1.5 kB, 48 MB (powers of 1,000)."""
    if count < 1000:
        return f"{count} bytes" if count != 1 else "1 byte"
    value, unit = (count / 1e6, "MB") if count >= 999_500 else (count / 1e3, "kB")
    return f"{value:.3g} {unit}" if value < 1000 else f"{value:,.0f} {unit}"


def table(headers: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """Make an HTML table; None is shown as nothing."""
    head = "".join(f"<th>{escape(name)}</th>" for name in headers)
    body = "".join(f"<tr>{''.join(map(_cell, row))}</tr>" for row in rows)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def preformatted(text: str) -> str:
    """Text of a program for a notebook: in its own lines, and `visible`."""
    return f"<pre>{escape(visible(text))}</pre>"


def columns(headers: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """Make an aligned table for a terminal; cells are one line and `visible`: no node's name drives the terminal."""
    lines = [list(headers), *([_plain(value) for value in row] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join("  ".join(map(str.ljust, line, widths)).rstrip() for line in lines)


def _cell(value: Any) -> str:
    return f"<td>{'' if value is None else escape(visible(value))}</td>"


def _plain(value: Any) -> str:
    return "-" if value in (None, "") else " ".join(visible(value).split())


def _escaped(match: re.Match[str]) -> str:
    code = ord(match.group())
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
