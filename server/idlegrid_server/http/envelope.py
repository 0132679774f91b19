"""The task API's envelope: the same for every answer under `/api` but the jobs API's."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any, Final

from idlegrid_server import VERSION
from idlegrid_server.core.words import iso as iso
from idlegrid_server.http.offences import Offence
from idlegrid_server.http.request_log import request_id

VALIDATION_ERROR: Final = "VALIDATION_ERROR"
DATABASE_ERROR: Final = "DATABASE_ERROR"
MESSAGE_QUEUE_ERROR: Final = "MESSAGE_QUEUE_ERROR"
SYSTEM_ERROR: Final = "SYSTEM_ERROR"
CODES: Final = {
    HTTPStatus.UNAUTHORIZED: "AUTHENTICATION_ERROR",
    HTTPStatus.FORBIDDEN: "AUTHORIZATION_ERROR",
    HTTPStatus.NOT_FOUND: "RESOURCE_NOT_FOUND",
    HTTPStatus.TOO_MANY_REQUESTS: "AUTHORIZATION_ERROR",
    HTTPStatus.CONFLICT: "RESOURCE_CONFLICT",
    HTTPStatus.SERVICE_UNAVAILABLE: DATABASE_ERROR,
    HTTPStatus.INTERNAL_SERVER_ERROR: SYSTEM_ERROR,
}
"""The document's codes; every other status is a VALIDATION_ERROR."""
INVALID: Final = "请求参数验证失败"
"""The document's message of a VALIDATION_ERROR; what is wrong stands in its details."""


def envelope(data: Any) -> dict[str, Any]:
    """A successful answer."""
    return {"success": True, "data": data, "metadata": _metadata()}


def error_envelope(
    status: HTTPStatus, words: str, *, code: str = "", details: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """A failed one. `code` says more than the status where that is needed."""
    error = {"code": code or code_of(status), "message": words, "details": dict(details or {})}
    return {"success": False, "error": error, "metadata": _metadata()}


def code_of(status: HTTPStatus) -> str:
    """The document's code for a status."""
    return CODES.get(status, VALIDATION_ERROR)


def invalid_details(offences: Sequence[Offence]) -> dict[str, Any]:
    """The details of a VALIDATION_ERROR: the first offender, and all of them."""
    shown = [{"field": o.field, "rule": o.rule, "value": o.value, "message": o.message} for o in offences]
    return {**{name: shown[0][name] for name in ("field", "rule", "value")}, "errors": shown}


def _metadata() -> dict[str, Any]:
    now = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return {"timestamp": now, "request_id": request_id(), "version": VERSION}
