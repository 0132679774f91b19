"""What is wrong with a request, word by word: the field, the rule it breaks, its value. Pure."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final

from starlette.exceptions import HTTPException

RULES: Final = {
    "missing": "required",
    "extra_forbidden": "unknown_field",
    "string_too_short": "min_length",
    "too_short": "min_length",
    "string_too_long": "max_length",
    "too_long": "max_length",
    "greater_than": "min",
    "greater_than_equal": "min",
    "less_than": "max",
    "less_than_equal": "max",
    "int_parsing_size": "max",
    "finite_number": "finite",
    "string_pattern_mismatch": "pattern",
    "literal_error": "enum",
    "string_unicode": "encoding",
    "date_parsing": "date",
    "date_from_datetime_parsing": "date",
}
"""pydantic's names of errors → rules. Names of our own pass as they are; of the rest, all but these are types."""
TYPES: Final = ("_type", "_parsing", "int_from_float")
"""How pydantic's names for wrong types end."""
PLACES: Final = ("body", "query", "path", "header")
MOST: Final = 100
"""Offences that an answer names; a body may hold a million."""
MAX_TEXT: Final = 200
"""Characters of a value, or of a field's name, that an answer repeats."""


@dataclass(frozen=True, slots=True)
class Offence:
    """One field that breaks a rule; `value` is JSON, and short."""

    field: str
    rule: str
    value: Any
    message: str


class BadRequest(HTTPException):
    """A request that is refused before any schema looks at it, with the offender for those who are told."""

    def __init__(self, status: HTTPStatus, words: str, *, field: str, rule: str, value: object = None) -> None:
        super().__init__(status, words)
        self.offence = Offence(field, rule, shown(value), words)


GENERAL: Final = {
    HTTPStatus.METHOD_NOT_ALLOWED: ("method", "method"),
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: ("body", "max_length"),
}
"""Offenders of statuses that have just one."""


def general(status: HTTPStatus, words: str) -> Offence:
    """The offender of a refusal that names none."""
    field, rule = GENERAL.get(status, ("request", "malformed"))
    return Offence(field, rule, None, words)


def of_pydantic(problems: Sequence[Any]) -> list[Offence]:
    """Pydantic's list as offences."""
    return [_offence(problem) for problem in problems[:MOST]]


def place(problem: Any) -> str:
    """The field's name, with dots; empty for the body as a whole."""
    parts = problem["loc"]
    return ".".join(map(str, parts[1:] if parts and parts[0] in PLACES else parts))[:MAX_TEXT]


def _offence(problem: Any) -> Offence:
    rule = _rule(str(problem["type"]))
    field = place(problem) or "body"
    return Offence(field, rule, None if rule == "required" else shown(problem["input"]), f"{field}: {problem['msg']}")


def _rule(kind: str) -> str:
    return RULES.get(kind) or ("type" if kind.endswith(TYPES) else kind)


def shown(value: object) -> Any:
    """A value as an answer may repeat it: JSON as it stands while it is short, else the beginning of its text."""
    try:
        text = json.dumps(value, allow_nan=False, ensure_ascii=False)
    except (TypeError, ValueError, RecursionError):
        return _cut(_readable(value))
    if len(text) <= MAX_TEXT:
        return value if text.isascii() else json.loads(_whole(text))
    return _cut(value if isinstance(value, str) else text)


def _readable(value: object) -> str:
    return repr(value) if isinstance(value, float) else type(value).__name__


def _cut(text: str) -> str:
    return _whole(text if len(text) <= MAX_TEXT else f"{text[:MAX_TEXT]}…")


def _whole(text: str) -> str:
    """Without lone surrogates, which no answer can hold."""
    return text.encode("utf-8", "replace").decode()
