"""What submitted code may use while it runs on a node.

In a sandbox this file by itself is the module `idlegrid`: it imports nothing but the standard library.
"""

import json
import os
import sys
from typing import Any

VARIABLE = "IDLEGRID_PARAMETERS"
"""Where a node puts a run's parameters, as JSON."""
LEVELS = ("debug", "info", "warn", "error")
"""What an entry of a log can be (the execution API's document)."""


def parameters() -> dict[str, Any]:
    """Read the parameters that this run was submitted with; {} when there are none.

    Raises `ValueError` when the variable holds something else than a JSON object.
    """
    value = json.loads(os.environ.get(VARIABLE) or "{}")
    if not isinstance(value, dict):
        raise ValueError(f"${VARIABLE} is not a JSON object")  # noqa: TRY004 - the content is wrong, not a type
    return value


def log(message: str, level: str = "info", **data: Any) -> None:
    """Write an entry to the run's log: a line of JSON on the standard error, which the grid shows as an entry.

    What JSON cannot hold in `data` is written as its text. Raises `ValueError` for a level that is not in `LEVELS`.
    """
    if level not in LEVELS:
        raise ValueError(f"{level!r} is no level of a log: use {', '.join(LEVELS)}")
    entry = {"message": str(message), "level": level}
    # One write, so that lines of several threads do not mix.
    sys.stderr.write(_line({**entry, "data": data} if data else entry) + "\n")
    sys.stderr.flush()


def _line(entry: dict[str, Any]) -> str:
    try:
        return json.dumps(entry, allow_nan=False, default=str)
    except (TypeError, ValueError, RecursionError):
        return json.dumps({**entry, "data": {name: repr(value) for name, value in entry["data"].items()}})
