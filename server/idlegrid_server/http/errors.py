"""One table from the core's errors to HTTP; each dialect only chooses the shape of the body."""

from collections.abc import Sequence
from http import HTTPStatus
from typing import Any, Final

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from idlegrid_server.core import errors
from idlegrid_server.http.envelope import error_envelope, speaks_envelope

STATUS: Final[dict[type[errors.GridError], HTTPStatus]] = {
    errors.MissingInput: HTTPStatus.BAD_REQUEST,
    errors.InvalidInput: HTTPStatus.UNPROCESSABLE_ENTITY,
    errors.TooLarge: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    errors.NotFound: HTTPStatus.NOT_FOUND,
    errors.Conflict: HTTPStatus.CONFLICT,
    errors.NotAuthenticated: HTTPStatus.UNAUTHORIZED,
    errors.NotAuthorized: HTTPStatus.FORBIDDEN,
    errors.Unavailable: HTTPStatus.SERVICE_UNAVAILABLE,
}
NOT_JSON: Final = "The body must be a JSON object, sent with Content-Type: application/json"
UNREADABLE: Final = frozenset({"missing"})
"""pydantic's words for what is absent (400); everything else is out of range or of a wrong type (422)."""


def install(app: FastAPI) -> None:
    """Answer every error in the caller's dialect."""

    @app.exception_handler(errors.GridError)
    async def _grid_error(request: Request, error: errors.GridError) -> JSONResponse:
        return answer(request, status_of(error), str(error))

    @app.exception_handler(RequestValidationError)
    async def _invalid(request: Request, error: RequestValidationError) -> JSONResponse:
        return answer(request, *explain(error.errors()))

    @app.exception_handler(HTTPException)
    async def _http_error(request: Request, error: HTTPException) -> JSONResponse:
        return answer(request, HTTPStatus(error.status_code), str(error.detail), error.headers)


def status_of(error: errors.GridError) -> HTTPStatus:
    """The HTTP status of an error, by its nearest class in the table."""
    return next(
        (STATUS[kind] for kind in type(error).__mro__ if kind in STATUS),
        HTTPStatus.INTERNAL_SERVER_ERROR,
    )


def explain(problems: Sequence[Any]) -> tuple[HTTPStatus, str]:
    """The first problem as a sentence that names the field, and its status."""
    first = problems[0]
    place = ".".join(str(part) for part in first["loc"] if part not in ("body", "query", "path"))
    if not place:
        return HTTPStatus.BAD_REQUEST, NOT_JSON
    status = HTTPStatus.BAD_REQUEST if first["type"] in UNREADABLE else HTTPStatus.UNPROCESSABLE_ENTITY
    return status, f"{place}: {first['msg']}"


def answer(request: Request, status: HTTPStatus, words: str, headers: Any = None) -> JSONResponse:
    """The error in the shape of the dialect that the path belongs to."""
    shown = dict(headers or {})
    if status is HTTPStatus.UNAUTHORIZED:
        shown["WWW-Authenticate"] = "Bearer"
    if status is HTTPStatus.SERVICE_UNAVAILABLE:
        shown["Retry-After"] = "1"
    body = error_envelope(status, words) if speaks_envelope(request.scope["path"]) else {"detail": words}
    return JSONResponse(body, status, headers=shown)
