"""The outermost layer: every request is timed; one under `/api` has an id that its answer and its log lines bear."""

import secrets
import time
from collections.abc import Callable
from contextvars import ContextVar
from http import HTTPStatus
from typing import Final

import structlog
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from idlegrid_server.http.traffic import Traffic, is_long_poll

log = structlog.get_logger(__name__)

HEADER: Final = "X-Request-ID"
READS: Final = frozenset({"GET", "HEAD", "OPTIONS"})
REFUSED: Final = frozenset({HTTPStatus.UNAUTHORIZED, HTTPStatus.TOO_MANY_REQUESTS})
MAX_PATH: Final = 500
"""Characters of a path in the log."""

_current: ContextVar[str] = ContextVar("request_id", default="")


def request_id() -> str:
    """The id of the request that is being answered (`req_` and 16 hex digits); a fresh one outside of any."""
    return _current.get() or _fresh()


def _fresh() -> str:
    return f"req_{secrets.token_hex(8)}"


class RequestLog:
    """Times all requests; those whose path `is_named` get an id, a header and a line in the log."""

    def __init__(self, app: ASGIApp, traffic: Traffic, is_named: Callable[[str], bool]) -> None:
        self._app, self._traffic, self._is_named = app, traffic, is_named

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        path, began = scope["path"], time.perf_counter()
        if self._is_named(path):
            await self._logged(scope, receive, send)
        else:
            await self._app(scope, receive, send)
        if not is_long_poll(path, scope["query_string"]):
            self._traffic.note(path, scope["method"], time.perf_counter() - began)

    async def _logged(self, scope: Scope, receive: Receive, send: Send) -> None:
        began, name, answered = time.perf_counter(), _fresh(), [0]

        async def named(message: Message) -> None:
            if message["type"] == "http.response.start":
                answered[0] = message["status"]
                MutableHeaders(scope=message)[HEADER] = name
            await send(message)

        token = _current.set(name)
        try:
            with structlog.contextvars.bound_contextvars(request_id=name):
                await self._app(scope, receive, named)
                _say(scope, answered[0], time.perf_counter() - began)
        finally:
            _current.reset(token)


def _say(scope: Scope, status: int, seconds: float) -> None:
    """One line: what changed something or failed is worth keeping, the rest is not; refusals have their own log."""
    is_dull = scope["method"] in READS and status < HTTPStatus.BAD_REQUEST
    say = log.debug if is_dull or status in REFUSED else log.info
    path = scope["path"][:MAX_PATH]
    say(
        f"{scope['method']} {path} {status}",
        action="request",
        method=scope["method"],
        path=path,
        status=status,
        ms=round(seconds * 1000, 1),
    )
