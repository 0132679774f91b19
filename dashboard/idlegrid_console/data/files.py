"""The files of a run, as a visitor may see and take them."""

import re
from collections.abc import Sequence

from idlegrid import RunFile
from idlegrid.display import size
from idlegrid_console.data.run_result import PICTURE_NAMES
from idlegrid_console.data.text import one_line

LARGEST_PICTURE = 4 << 20
"""Bytes of a picture that is shown."""

LARGEST_TEXT = 200_000
"""Bytes of a file that can be looked at as a table, a tree, or text."""

TEXT_NAMES = (".csv", ".tsv", ".json", ".txt", ".log", ".md")
"""How the names of files end that can be looked at."""

_ODD = re.compile(r'["*/:<>?\\|]')


def shown(file: RunFile) -> tuple[str, str]:
    """A file's name and size."""
    return one_line(file.name), size(file.size)


def download_name(file: RunFile) -> str:
    """Under which name a browser is offered the file: the last part of its own, without what misleads or is special."""
    last = one_line(file.name.rpartition("/")[2], limit=150)
    return _ODD.sub("_", last).strip(". ") or "file"


def pictures(listed: Sequence[RunFile], most: int) -> list[int]:
    """Where in the list the first so many files are that may be pictures, and are small enough to be fetched."""
    found = [
        number
        for number, file in enumerate(listed)
        if file.name.lower().endswith(PICTURE_NAMES) and 0 < file.size <= LARGEST_PICTURE
    ]
    return found[:most]


def readable(file: RunFile) -> bool:
    """Whether the file can be looked at as a table, a tree, or text."""
    return file.name.lower().endswith(TEXT_NAMES) and 0 < file.size <= LARGEST_TEXT
