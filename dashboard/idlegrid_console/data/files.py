"""The files of a run, as a visitor may see and take them."""

import re

from idlegrid import RunFile
from idlegrid.display import size
from idlegrid_console.data.text import one_line

_ODD = re.compile(r'["*/:<>?\\|]')


def shown(file: RunFile) -> tuple[str, str]:
    """A file's name and size."""
    return one_line(file.name), size(file.size)


def download_name(file: RunFile) -> str:
    """Under which name a browser is offered the file: the last part of its own, without what misleads or is special."""
    last = one_line(file.name.rpartition("/")[2], limit=150)
    return _ODD.sub("_", last).strip(". ") or "file"
