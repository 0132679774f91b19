"""Which requests have an id, whose trace they are a part of, and what their log lines are given."""

import asyncio
import re
import time

import pytest
from structlog.contextvars import get_contextvars

from idlegrid_server.http.request_log import TRACE, RequestLog, part_of, request_id, trace_of
from idlegrid_server.http.traffic import Traffic

HEX, PARENT = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
WHOLE = f"00-{HEX}-{PARENT}-01"


@pytest.mark.parametrize("flags", ["00", "01", "ff"])
def test_a_traceparent_names_its_trace(flags):
    assert trace_of([(b"host", b"x"), (b"traceparent", f"00-{HEX}-{PARENT}-{flags}".encode())]) == HEX


@pytest.mark.parametrize(
    "said",
    [
        "",
        HEX,
        WHOLE.upper(),
        WHOLE + "-00",
        WHOLE + "\n",
        " " + WHOLE,
        "ff" + WHOLE[2:],
        WHOLE.replace(HEX, "0" * 32),
        WHOLE.replace(PARENT, "0" * 16),
        WHOLE.replace("4bf", "4bg"),
    ],
)
def test_a_malformed_traceparent_names_none(said):
    assert trace_of([(b"traceparent", said.encode())]) == ""


def answered(path: str, traceparent: str = "") -> tuple[dict[bytes, bytes], list[str], dict[str, str]]:
    """The headers of an answer, what a handler was told (request, trace), and what its log lines would have."""
    told: list[str] = []
    bound: dict[str, str] = {}
    sent: list[dict] = []

    async def app(scope, receive, send) -> None:
        told.extend((request_id(), scope.get(TRACE, "")))
        bound.update(get_contextvars())
        await send({"type": "http.response.start", "status": 200, "headers": [(b"x", b"y")]})

    async def send(message: dict) -> None:
        sent.append(message)

    headers = [(b"traceparent", traceparent.encode())] if traceparent else []
    scope = {"type": "http", "method": "POST", "path": path, "query_string": b"", "headers": headers}

    async def ask() -> None:
        await RequestLog(app, Traffic(time.monotonic))(scope, app, send)
        assert get_contextvars() == {}, "nothing of the request is left"

    asyncio.run(ask())
    return dict(sent[0]["headers"]), told, bound


@pytest.mark.parametrize(
    "path", ["/submit", "/submit_many", "/api", "/api/v1/jobs", "/tasks/x/execute/manual", "/mcp", "/mcp/"]
)
def test_what_can_make_a_run_has_an_id_which_is_its_trace(path):
    headers, told, bound = answered(path)
    name = headers[b"x-request-id"].decode()
    assert re.fullmatch(r"req_[0-9a-f]{16}", name)
    assert (told, bound) == ([name, name], {"request_id": name, "trace_id": name})
    assert headers[b"x"] == b"y"


def test_a_callers_trace_stands_beside_the_requests_id():
    headers, told, bound = answered("/submit", WHOLE)
    name = headers[b"x-request-id"].decode()
    assert (told, bound) == ([name, HEX], {"request_id": name, "trace_id": HEX})


@pytest.mark.parametrize("path", ["/", "/status/1", "/submitted", "/mcpx", "/internal/task", "/stats"])
def test_what_makes_no_run_is_left_alone(path):
    headers, told, bound = answered(path, WHOLE)
    assert (headers, told[1], bound) == ({b"x": b"y"}, "", {})


def test_what_a_request_asks_in_turn_has_its_trace_and_an_id_of_its_own():
    told: list[tuple[str, str]] = []

    async def app(scope, receive, send) -> None:
        told.append((request_id(), scope[TRACE]))
        if scope["path"] == "/mcp":
            inner = {"type": "http", "method": "POST", "path": "/submit", "query_string": b"", "headers": []}
            await part_of(scope, layer)(inner, receive, send)

    layer = RequestLog(app, Traffic(time.monotonic))
    scope = {"type": "http", "method": "POST", "path": "/mcp", "query_string": b"", "headers": []}
    asyncio.run(layer(scope, app, app))
    (outer, trace), (inner, its_trace) = told
    assert outer == trace == its_trace != inner
