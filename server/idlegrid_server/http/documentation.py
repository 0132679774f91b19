"""What every endpoint may answer beside its own success, for the OpenAPI document."""

from http import HTTPStatus
from typing import Any, Final, Literal

from fastapi import FastAPI
from pydantic import BaseModel

from idlegrid_server.http.dialect import Dialect, dialect_of, speaks_envelope, told_as


class Detail(BaseModel):
    """An error at the root."""

    detail: str


class Metadata(BaseModel):
    """What every envelope carries."""

    timestamp: str
    request_id: str
    version: str


class Envelope(BaseModel):
    """A successful answer of the task API."""

    success: Literal[True]
    data: Any
    metadata: Metadata


class ErrorBody(BaseModel):
    """What went wrong; a VALIDATION_ERROR has `field`, `rule`, `value` and `errors` in its details."""

    code: str
    message: str
    details: dict[str, Any]


class ErrorEnvelope(BaseModel):
    """A failed answer of the task API."""

    success: Literal[False]
    error: ErrorBody
    metadata: Metadata


class CodeAndMessage(BaseModel):
    """What went wrong; the code is the name of the status."""

    code: str
    message: str


class JobsError(BaseModel):
    """A failed answer of the jobs API."""

    error: CodeAndMessage


ERRORS: Final = {
    HTTPStatus.BAD_REQUEST: "Malformed, or for a host that is not served",
    HTTPStatus.UNAUTHORIZED: "No valid key",
    HTTPStatus.FORBIDDEN: "The key may not do this, or another host's web page asks",
    HTTPStatus.NOT_FOUND: "No such thing",
    HTTPStatus.METHOD_NOT_ALLOWED: "Another method; `Allow` names the right ones",
    HTTPStatus.REQUEST_TIMEOUT: "The rest of the body did not come",
    HTTPStatus.CONFLICT: "It contradicts what the record says",
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "The body is too large",
    HTTPStatus.UNPROCESSABLE_ENTITY: "A wrong type, a value out of range, an unknown field",
    HTTPStatus.TOO_MANY_REQUESTS: "Too many requests",
    HTTPStatus.INTERNAL_SERVER_ERROR: "A fault of the coordinator",
    HTTPStatus.SERVICE_UNAVAILABLE: "The record is away: try again",
}
"""What any endpoint may answer."""
FOREIGN: Final = "Validation Error"
"""How the framework describes its own."""
NOT_JSON: Final = {HTTPStatus.UNSUPPORTED_MEDIA_TYPE: "The body is no application/json"}
"""What those of the task API may answer beside."""
Responses = dict[int | str, dict[str, Any]]
BYTES: Final[Responses] = {
    200: {"description": "The bytes", "content": {"*/*": {}}},
    304: {"description": "The caller has them already", "content": {}},
}
"""For an endpoint that gives a file."""
BINARY_BODY: Final[dict[str, Any]] = {
    "requestBody": {
        "description": "The bytes; without any the file is empty",
        "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
    }
}
"""For an endpoint that takes a file, as `openapi_extra`."""


def errors_of(path: str) -> Responses:
    """The errors of an endpoint, with the body that its API gives them."""
    dialect = dialect_of(path)
    told: dict[HTTPStatus, str] = {**ERRORS, **NOT_JSON} if dialect is Dialect.ENVELOPE else ERRORS
    model = {Dialect.ENVELOPE: ErrorEnvelope, Dialect.JOBS: JobsError}.get(dialect, Detail)
    return {
        int(status): {"description": words, "model": model}
        for status, words in told.items()
        if told_as(status, dialect) is status
    }


def success_of(path: str, status: int, returned: Any) -> Responses:
    """The success of an endpoint of the task API that answers JSON."""
    if not speaks_envelope(path) or returned != dict[str, Any]:
        return {}
    return {status: {"description": "As the document has it", "model": Envelope}}


def publish(app: FastAPI) -> None:
    """Take out of the application's document the one status that the framework adds to all that has parameters.

    Where our own say nothing of a 422, there is none.
    """
    whole = app.openapi

    def openapi() -> dict[str, Any]:
        document = whole()
        for operations in document["paths"].values():
            for operation in operations.values():
                if operation["responses"].get("422", {}).get("description") == FOREIGN:
                    del operation["responses"]["422"]
        return document

    app.openapi = openapi  # type: ignore[method-assign]
