"""The outermost layer: every request is timed; one that can make a run has an id, as has all under `/api`, and a trace.

Its answer bears the id, its log lines bear both, and the runs that it makes bear the trace.
"""

import re
import time
from collections.abc import Iterable
from contextvars import ContextVar
from http import HTTPStatus
from typing import Final

import structlog
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from structlog.contextvars import bind_contextvars, reset_contextvars

from idlegrid_server.core.ports import RandomIds
from idlegrid_server.http.dialect import is_below
from idlegrid_server.http.traffic import Traffic, is_long_poll

log = structlog.get_logger(__name__)

HEADER: Final = b"x-request-id"
BUSY: Final = frozenset({"/submit", "/submit_many", "/mcp"})
"""Their lines are for those who debug: the first are asked thousands of times a second, and what a tool asks has a
line of its own."""
NAMED: Final = ("/api", "/tasks", "/mcp")
"""What lies below these has an id, too."""
READS: Final = frozenset({"GET", "HEAD", "OPTIONS"})
REFUSED: Final = frozenset({HTTPStatus.UNAUTHORIZED, HTTPStatus.TOO_MANY_REQUESTS})
MAX_PATH: Final = 500
"""Characters of a path in the log."""
TRACEPARENT: Final = re.compile(rb"00-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")
"""W3C Trace Context, version 00: trace id, parent id, flags; zeros alone are no id."""

TRACE: Final = "idlegrid.trace_id"
"""Where in its scope a request has its trace."""

_ids: Final = RandomIds()
_current: ContextVar[str] = ContextVar("request_id", default="")


def request_id() -> str:
    """The id of the request that is being answered (`req_` and 16 hex digits); a fresh one outside of any."""
    return _current.get() or _fresh()


def part_of(caller: Scope, app: ASGIApp) -> ASGIApp:
    """The application, for what a request of it asks of it in turn: that has the trace of the request."""

    async def traced(scope: Scope, receive: Receive, send: Send) -> None:
        await app({**scope, TRACE: caller.get(TRACE, "")}, receive, send)

    return traced


def trace_of(headers: Iterable[tuple[bytes, bytes]]) -> str:
    """The trace id (32 hex digits) in a request's `traceparent`; empty without one, and when it is malformed."""
    for name, value in headers:
        if name == b"traceparent":
            found = TRACEPARENT.fullmatch(value)
            return found[1].decode() if found else ""
    return ""


def _fresh() -> str:
    return _ids.trace_id("req")


class RequestLog:
    """Times all requests; those that need an id get one, a header with it and a line in the log."""

    def __init__(self, app: ASGIApp, traffic: Traffic) -> None:
        self._app, self._traffic = app, traffic

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        path, began = scope["path"], time.perf_counter()
        if path in BUSY or any(is_below(path, root) for root in NAMED):
            await self._logged(scope, receive, send)
        else:
            await self._app(scope, receive, send)
        if not is_long_poll(path, scope["query_string"]):
            self._traffic.note(path, scope["method"], time.perf_counter() - began)

    async def _logged(self, scope: Scope, receive: Receive, send: Send) -> None:
        began, name, answered = time.perf_counter(), _fresh(), [0]
        trace = scope[TRACE] = scope.get(TRACE) or trace_of(scope["headers"]) or name

        async def named(message: Message) -> None:
            if message["type"] == "http.response.start":
                answered[0] = message["status"]
                message["headers"] = [*message.get("headers", ()), (HEADER, name.encode())]
            await send(message)

        token, bound = _current.set(name), bind_contextvars(request_id=name, trace_id=trace)
        try:
            await self._app(scope, receive, named)
            _say(scope, answered[0], time.perf_counter() - began)
        finally:
            reset_contextvars(**bound)
            _current.reset(token)


def _say(scope: Scope, status: int, seconds: float) -> None:
    """One line: what changed something or failed is worth keeping, the rest is not; refusals have their own log."""
    path = scope["path"]
    is_dull = path in BUSY or (scope["method"] in READS and status < HTTPStatus.BAD_REQUEST)
    say = log.debug if is_dull or status in REFUSED else log.info
    path = path[:MAX_PATH]
    say(
        f"{scope['method']} {path} {status}",
        action="request",
        method=scope["method"],
        path=path,
        status=status,
        ms=round(seconds * 1000, 1),
    )
