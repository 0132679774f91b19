"""Policies of owners on the wire: names and values. What they mean, and which go together, nodes alone know."""

import json
from collections.abc import Callable
from typing import Annotated, Any, Final

from pydantic import AfterValidator, Field, StringConstraints, WithJsonSchema
from pydantic_core import PydanticCustomError

MAX_PUSHED: Final = 16_384
"""Characters of what the operator wants of a policy, as JSON."""
MAX_TOLD: Final = 65_536
"""Characters of the whole policy that a node tells, as JSON."""
LARGEST: Final = 2**53
"""Every JSON parser tells whole numbers up to here apart."""
_KINDS: Final = "a policy's value is a number of at most 2^53, true or false, a text, or a list of texts"
_CLOSED: Final[dict[str, Any]] = {"additionalProperties": False}
_SCHEMA: Final = {
    "anyOf": [
        {"type": "boolean"},
        {"type": "number", "minimum": -LARGEST, "maximum": LARGEST},
        {"type": "string"},
        {"type": "array", "items": {"type": "string"}},
    ]
}


def _value(value: Any) -> Any:
    if isinstance(value, bool | str):
        return value
    if isinstance(value, int | float) and abs(value) <= LARGEST:
        return value
    if isinstance(value, list) and all(isinstance(entry, str) for entry in value):
        return value
    raise PydanticCustomError("type", _KINDS)


def _at_most(most: int) -> Callable[[dict[str, Any]], dict[str, Any]]:
    def check(values: dict[str, Any]) -> dict[str, Any]:
        if len(json.dumps(values)) > most:
            raise PydanticCustomError("max_length", "at most {most} characters as JSON", {"most": most})
        return values

    return check


Value = Annotated[Any, AfterValidator(_value), WithJsonSchema(_SCHEMA)]
Pushed = Annotated[
    dict[Annotated[str, StringConstraints(pattern=r"^[a-z_]{1,64}$")], Value],
    Field(max_length=64, json_schema_extra=_CLOSED),
    AfterValidator(_at_most(MAX_PUSHED)),
]
"""What the operator wants of a policy."""
Told = Annotated[
    dict[Annotated[str, StringConstraints(pattern=r"^[a-z0-9_]{1,64}$")], Value],
    Field(max_length=256, json_schema_extra=_CLOSED),
    AfterValidator(_at_most(MAX_TOLD)),
]
"""A node's policy in effect: wider, because a newer node has more of it, and all it says would be refused with it."""
