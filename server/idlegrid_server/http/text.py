"""Text that strangers wrote: what every database can hold of it, and what an answer can repeat."""

import json
from typing import Any

from pydantic_core import from_json


def storable(text: str | None) -> str | None:
    """PostgreSQL's text knows no NUL; it is shown as the symbol for it."""
    return None if text is None else text.replace("\0", "\u2400")


def json_object(text: str) -> dict[str, Any] | None:
    """The JSON object that a text is, if an answer can hold it; None for anything else.

    Nothing that is infinite, nested too deep or no whole character comes through.
    """
    try:
        value = from_json(text, allow_inf_nan=False)
        json.dumps(value, allow_nan=False)
    except ValueError:
        return None
    return value if isinstance(value, dict) else None
