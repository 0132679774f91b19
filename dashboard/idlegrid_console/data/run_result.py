"""What a run left, as what it is: a tree, a table, a picture, or text. It is decided by the content alone."""

import csv
import io
import json
from dataclasses import dataclass
from typing import Any

import pandas as pd
from PIL import Image, UnidentifiedImageError

from idlegrid.display import visible
from idlegrid_console.data.text import one_line

LONGEST = 200_000
"""Characters that are looked at: longer texts are shown as texts."""

MOST_VALUES = 5_000
"""Values of a tree: a browser draws no more of them in time."""

DEEPEST = 40
"""Levels of a tree."""

MOST_ROWS, MOST_COLUMNS = 1_000, 50
"""Of a table that is shown; of longer ones the first rows."""

EXACT = 2**53
"""Above it a browser's numbers are not exact: such ones are shown as texts."""

MOST_PIXELS = 25_000_000
"""Of a picture that is shown: a small file may be a huge picture."""

PICTURES = {
    b"\x89PNG\r\n\x1a\n": "PNG",
    b"\xff\xd8\xff": "JPEG",
    b"GIF87a": "GIF",
    b"GIF89a": "GIF",
    b"RIFF": "WEBP",
}
"""The kinds that are shown, by how their bytes begin; never SVG, which is a program."""

PICTURE_NAMES = (".png", ".jpg", ".jpeg", ".gif", ".webp")
"""How the names of files end that may be pictures: others are not even fetched."""


@dataclass(frozen=True, slots=True)
class Tree:
    """A JSON object or list, its texts made visible."""

    value: dict[str, Any] | list[Any]


@dataclass(frozen=True, slots=True)
class Table:
    """The first rows of a table, and how many there are."""

    frame: pd.DataFrame
    rows: int


def of_text(text: str) -> Tree | Table | None:
    """What a text is besides a text; None when it is no more than that."""
    if not text.strip() or len(text) > LONGEST:
        return None
    return _tree(text) or _table(text)


def picture(content: bytes) -> str | None:
    """The kind of picture that these bytes are; None for any that is not shown, and for one that is too large."""
    kind = next((kind for begin, kind in PICTURES.items() if content.startswith(begin)), None)
    if kind is None:
        return None
    try:
        with Image.open(io.BytesIO(content), formats=[kind]) as image:
            width, height = image.size
    except (UnidentifiedImageError, Image.DecompressionBombError, OSError, ValueError, SyntaxError):
        return None
    return kind if 0 < width * height <= MOST_PIXELS else None


def readable(value: Any) -> Any:
    """A JSON value as a tree can show it: texts visible, numbers exact."""
    if isinstance(value, dict):
        return {visible(key): readable(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [readable(inner) for inner in value]
    if isinstance(value, str):
        return one_line(value, LONGEST)
    exact = isinstance(value, bool | None) or abs(value) <= EXACT
    return value if exact else str(value)


def _tree(text: str) -> Tree | None:
    if text.lstrip()[0] not in "{[":
        return None
    try:
        value = json.loads(text, parse_constant=str)
    except (ValueError, RecursionError):
        return None
    return Tree(readable(value)) if _small(value) else None


def _small(value: Any) -> bool:
    """Whether a tree can be drawn; counted level by level, so that no depth is too much."""
    level, number = [value], 0
    for _depth in range(DEEPEST):
        number += len(level)
        level = [inner for outer in level for inner in _inner(outer)]
        if not level or number > MOST_VALUES:
            break
    return not level and number <= MOST_VALUES


def _inner(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return list(value.values())
    return value if isinstance(value, list) else []


def _table(text: str) -> Table | None:
    """A table has a header of different names without spaces around them, and rows of just as many cells."""
    for delimiter in (",", ";", "\t"):
        try:
            rows = list(csv.reader(io.StringIO(text.strip("\r\n")), delimiter=delimiter, strict=True))
        except csv.Error:
            continue
        if _regular(rows):
            columns = zip(*rows[: MOST_ROWS + 1], strict=True)
            frame = pd.DataFrame({one_line(header, 60): _column(cells) for header, *cells in columns})
            return Table(frame, len(rows) - 1)
    return None


def _regular(rows: list[list[str]]) -> bool:
    if len(rows) < 2 or not 2 <= len(rows[0]) <= MOST_COLUMNS:
        return False
    named = all(cell and cell == cell.strip() for cell in rows[0])
    different = len({one_line(cell, 60) for cell in rows[0]}) == len(rows[0])
    return named and different and all(len(row) == len(rows[0]) for row in rows)


def _column(cells: list[str]) -> "pd.Series[Any]":
    """Numbers as such, so that a table sorts by them; a column with anything else is texts."""
    numbers = pd.to_numeric(pd.Series(cells), errors="coerce")
    return pd.Series([one_line(cell) for cell in cells]) if numbers.isna().any() else numbers
