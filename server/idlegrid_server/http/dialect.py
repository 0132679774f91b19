"""Which of the published APIs a path belongs to: that decides how an error is said there."""

from enum import Enum, auto
from http import HTTPStatus
from typing import Final


class Dialect(Enum):
    """How an API answers."""

    PLAIN = auto()
    """The idle API and the node protocol: `{"detail": …}`."""
    ENVELOPE = auto()
    """The task API."""
    EXECUTIONS = auto()
    """The execution API: `{"detail": …}`, and what is wrong with a request is always a 400."""
    JOBS = auto()
    """The jobs API: `{"error": {"code", "message"}}`, and what is wrong with a request is always a 400."""


JOBS_PATH: Final = "/api/v1/jobs"
COARSE: Final = {HTTPStatus.CONFLICT: HTTPStatus.BAD_REQUEST, HTTPStatus.UNPROCESSABLE_ENTITY: HTTPStatus.BAD_REQUEST}
"""What the execution and the jobs API answer instead: their documents know no more."""


def dialect_of(path: str) -> Dialect:
    """The API that a path belongs to, whether there is such an endpoint or not."""
    if is_below(path, JOBS_PATH):
        return Dialect.JOBS
    if is_below(path, "/api"):
        return Dialect.ENVELOPE
    return Dialect.EXECUTIONS if is_below(path, "/tasks") else Dialect.PLAIN


def speaks_envelope(path: str) -> bool:
    """Whether the path belongs to the task API."""
    return dialect_of(path) is Dialect.ENVELOPE


def told_as(status: HTTPStatus, dialect: Dialect) -> HTTPStatus:
    """The status that a dialect has for an error."""
    return COARSE.get(status, status) if dialect in (Dialect.EXECUTIONS, Dialect.JOBS) else status


def is_below(path: str, root: str) -> bool:
    """Whether a path is the root or lies under it."""
    return path == root or path.startswith(root + "/")
