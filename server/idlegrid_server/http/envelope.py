"""The task API's envelope: the same for every answer under `/api`."""

import secrets
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any, Final

from idlegrid_server import VERSION

CODES: Final = {
    HTTPStatus.UNAUTHORIZED: "AUTHENTICATION_ERROR",
    HTTPStatus.FORBIDDEN: "AUTHORIZATION_ERROR",
    HTTPStatus.NOT_FOUND: "RESOURCE_NOT_FOUND",
    HTTPStatus.CONFLICT: "RESOURCE_CONFLICT",
    HTTPStatus.SERVICE_UNAVAILABLE: "DATABASE_ERROR",
    HTTPStatus.INTERNAL_SERVER_ERROR: "SYSTEM_ERROR",
}


def speaks_envelope(path: str) -> bool:
    """Whether the path belongs to the task API."""
    return path == "/api" or path.startswith("/api/")


def iso(seconds: float | None) -> str | None:
    """Epoch seconds as ISO 8601 in UTC."""
    if seconds is None:
        return None
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def envelope(data: Any) -> dict[str, Any]:
    """A successful answer."""
    return {"success": True, "data": data, "metadata": _metadata()}


def error_envelope(status: HTTPStatus, words: str) -> dict[str, Any]:
    """A failed one."""
    code = CODES.get(status, "VALIDATION_ERROR")
    return {"success": False, "error": {"code": code, "message": words, "details": {}}, "metadata": _metadata()}


def _metadata() -> dict[str, Any]:
    now = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return {"timestamp": now, "request_id": f"req_{secrets.token_hex(8)}", "version": VERSION}
