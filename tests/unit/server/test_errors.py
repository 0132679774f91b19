"""Errors that hardly any caller ever sees, in either shape."""

import asyncio
import json

import pytest
from fastapi import FastAPI

from idlegrid_server.core.errors import (
    Conflict,
    GridError,
    InvalidInput,
    NotFound,
    QueueUnavailable,
    RecordUnavailable,
    Unavailable,
)
from idlegrid_server.http import errors


def answer(error: GridError, path: str) -> tuple[int, dict[str, str], dict]:
    """What an application says when a handler raises."""
    app = FastAPI()
    errors.install(app)

    @app.get(path)
    async def broken() -> None:
        raise error

    sent: list[dict] = []

    async def receive() -> dict:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: dict) -> None:
        sent.append(message)

    scope = {"type": "http", "method": "GET", "path": path, "query_string": b"", "headers": []}
    asyncio.run(app(scope, receive, send))  # type: ignore[arg-type]
    headers = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
    return sent[0]["status"], headers, json.loads(sent[1]["body"])


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (QueueUnavailable("Redis is away"), 503, "MESSAGE_QUEUE_ERROR"),
        (RecordUnavailable("the database is away"), 503, "DATABASE_ERROR"),
        (Unavailable("the disk is full"), 503, "SYSTEM_ERROR"),
        (NotFound("nothing there"), 404, "RESOURCE_NOT_FOUND"),
        (GridError("no name for it"), 500, "SYSTEM_ERROR"),
    ],
)
def test_an_error_has_its_code_in_the_envelope_and_none_at_the_root(error, status, code):
    found, headers, body = answer(error, "/api/x")
    assert (found, body["error"]["code"], body["error"]["message"]) == (status, code, str(error))
    assert headers.get("retry-after") == ("1" if status == 503 else None)
    found, _, body = answer(error, "/x")
    assert (found, body) == (status, {"detail": str(error)})


@pytest.mark.parametrize(
    ("path", "shape"),
    [
        ("/api/v1/x", {"success", "error", "metadata"}),
        ("/api/v1/jobs", {"error"}),
        ("/api/v1/jobs/x", {"error"}),
        ("/api/v1/jobsx", {"success", "error", "metadata"}),
        ("/tasks/x", {"detail"}),
        ("/apiary", {"detail"}),
    ],
)
def test_each_api_has_a_shape_of_its_own_for_errors(path, shape):
    assert set(answer(NotFound("nothing there"), path)[2]) == shape


@pytest.mark.parametrize("path", ["/tasks/x/execute/api", "/api/v1/jobs"])
@pytest.mark.parametrize("error", [Conflict("paused"), InvalidInput("no number")])
def test_what_is_wrong_with_a_request_is_a_bad_request_where_the_document_knows_no_more(error, path):
    assert answer(error, path)[0] == 400
