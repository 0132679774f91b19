"""Python that cannot be Python, told before anything is sent: where, what, and the line itself."""

import platform
from dataclasses import dataclass

from idlegrid_console.data.text import one_line
from idlegrid_console.texts import _

LONGEST_LINE = 200
"""The most characters of a line that are shown."""


@dataclass(frozen=True, slots=True)
class Problem:
    """What this console's Python finds wrong; `line` and `column` count from 1, `text` is the line, one line of it."""

    line: int
    column: int
    message: str
    text: str

    def __str__(self) -> str:
        words = _("line {line}, column {column}: {problem} (as Python {version} reads it)")
        version = platform.python_version()
        return words.format(line=self.line, column=self.column, problem=self.message, version=version)

    @property
    def excerpt(self) -> str:
        """The line with a mark below its column; without the mark where letters may have any width."""
        before = self.text[: self.column - 1]
        marked = before.isascii() and before.isprintable() and self.column <= len(self.text) + 1
        return f"{self.text}\n{' ' * len(before)}^" if marked else self.text


def find(code: str) -> Problem | None:
    """What is wrong with Python code; None when nothing is, or this Python cannot tell.

    A doubt, no verdict: nodes may run a newer Python.
    """
    try:
        compile(code, "<code>", "exec", dont_inherit=True)
    except SyntaxError as error:
        line, column = error.lineno or 1, max(1, error.offset or 1)
        return Problem(line, column, error.msg, _line(code, line))
    except (ValueError, RecursionError, MemoryError, OverflowError):
        return None
    return None


def _line(code: str, number: int) -> str:
    """That line of the code as it stands, for its columns to be right; Python ends lines at these alone."""
    lines = code.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    text = lines[number - 1] if number <= len(lines) else ""
    indent = len(text) - len(text.lstrip(" "))
    return " " * indent + one_line(text[indent:], LONGEST_LINE)
