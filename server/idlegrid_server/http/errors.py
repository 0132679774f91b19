"""One table from the core's errors to HTTP; each dialect only chooses the shape of the body."""

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any, Final

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from idlegrid_server.core import errors
from idlegrid_server.http import envelope
from idlegrid_server.http.dialect import Dialect, dialect_of, speaks_envelope, told_as
from idlegrid_server.http.offences import BadRequest, Offence, general, of_pydantic, place, shown
from idlegrid_server.http.scopes import methods_of

STATUS: Final[dict[type[errors.GridError], HTTPStatus]] = {
    errors.MissingInput: HTTPStatus.BAD_REQUEST,
    errors.InvalidInput: HTTPStatus.UNPROCESSABLE_ENTITY,
    errors.TooLarge: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    errors.NotFound: HTTPStatus.NOT_FOUND,
    errors.Conflict: HTTPStatus.CONFLICT,
    errors.NotAuthenticated: HTTPStatus.UNAUTHORIZED,
    errors.NotAuthorized: HTTPStatus.FORBIDDEN,
    errors.TooManyRequests: HTTPStatus.TOO_MANY_REQUESTS,
    errors.Unavailable: HTTPStatus.SERVICE_UNAVAILABLE,
}
CODES: Final[dict[type[errors.GridError], str]] = {
    errors.RecordUnavailable: envelope.DATABASE_ERROR,
    errors.QueueUnavailable: envelope.MESSAGE_QUEUE_ERROR,
    errors.Unavailable: envelope.SYSTEM_ERROR,
}
"""What the envelope calls errors that share a status."""
NOT_JSON: Final = "The body must be a JSON object, sent with Content-Type: application/json"


def install(app: FastAPI) -> None:
    """Answer every error in the caller's dialect."""

    @app.exception_handler(errors.GridError)
    async def _grid_error(request: Request, error: errors.GridError) -> JSONResponse:
        headers = {"Retry-After": str(error.retry_after)} if isinstance(error, errors.TooManyRequests) else None
        return answer(request, status_of(error), str(error), headers, code=_code(error), offences=_offences(error))

    @app.exception_handler(RequestValidationError)
    async def _invalid(request: Request, error: RequestValidationError) -> JSONResponse:
        status, words = explain(error.errors(), enveloped=speaks_envelope(request.scope["path"]))
        return answer(request, status, words, offences=of_pydantic(error.errors()))

    @app.exception_handler(HTTPException)
    async def _http_error(request: Request, error: HTTPException) -> JSONResponse:
        offences = [error.offence] if isinstance(error, BadRequest) else []
        headers = _with_methods(request.scope["path"], HTTPStatus(error.status_code), error.headers)
        return answer(request, HTTPStatus(error.status_code), str(error.detail), headers, offences=offences)


def status_of(error: errors.GridError) -> HTTPStatus:
    """The HTTP status of an error, by its nearest class in the table."""
    return next(
        (STATUS[kind] for kind in type(error).__mro__ if kind in STATUS),
        HTTPStatus.INTERNAL_SERVER_ERROR,
    )


def _code(error: errors.GridError) -> str:
    return next((CODES[kind] for kind in type(error).__mro__ if kind in CODES), "")


def _offences(error: errors.GridError) -> list[Offence]:
    if not isinstance(error, errors.InvalidInput) or not error.field:
        return []
    return [Offence(error.field, error.rule or "invalid", shown(error.value), str(error))]


def _with_methods(path: str, status: HTTPStatus, headers: Mapping[str, str] | None) -> Mapping[str, str] | None:
    """A 405 names all methods of the path; the framework knows those of its first route alone."""
    if status is HTTPStatus.METHOD_NOT_ALLOWED and (methods := methods_of(path)):
        return {**(headers or {}), "Allow": ", ".join(methods)}
    return headers


def explain(problems: Sequence[Any], *, enveloped: bool = False) -> tuple[HTTPStatus, str]:
    """The first problem as a sentence that names the field, and its status.

    What is absent is a 400 at the root and a 422 in the task API; of a body that is no object at all it is the same.
    """
    first = problems[0]
    field, is_missing = place(first), first["type"] == "missing"
    if not field:
        return (HTTPStatus.BAD_REQUEST if is_missing or not enveloped else HTTPStatus.UNPROCESSABLE_ENTITY), NOT_JSON
    status = HTTPStatus.BAD_REQUEST if is_missing and not enveloped else HTTPStatus.UNPROCESSABLE_ENTITY
    return status, f"{field}: {first['msg']}"


def answer(
    request: Request,
    status: HTTPStatus,
    words: str,
    headers: Mapping[str, str] | None = None,
    *,
    code: str = "",
    offences: Sequence[Offence] = (),
) -> JSONResponse:
    """The error in the shape of the dialect that the path belongs to."""
    more, dialect = dict(headers or {}), dialect_of(request.scope["path"])
    status = told_as(status, dialect)
    if status is HTTPStatus.UNAUTHORIZED:
        more["WWW-Authenticate"] = "Bearer"
    if status is HTTPStatus.SERVICE_UNAVAILABLE:
        more["Retry-After"] = "1"
    return JSONResponse(_body(dialect, status, words, code, offences), status, headers=more)


def _body(dialect: Dialect, status: HTTPStatus, words: str, code: str, offences: Sequence[Offence]) -> dict[str, Any]:
    if dialect is Dialect.ENVELOPE:
        return _enveloped(status, words, code, offences)
    if dialect is Dialect.JOBS:
        return {"error": {"code": status.name, "message": words}}
    return {"detail": words}


def _enveloped(status: HTTPStatus, words: str, code: str, offences: Sequence[Offence]) -> dict[str, Any]:
    if (code or envelope.code_of(status)) != envelope.VALIDATION_ERROR:
        return envelope.error_envelope(status, words, code=code)
    details = envelope.invalid_details(offences or [general(status, words)])
    return envelope.error_envelope(status, envelope.INVALID, code=code, details=details)
