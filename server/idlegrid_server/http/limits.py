"""What is checked before any handler: the body's size, the host, and that no web page drives a grid without keys."""

import re
from http import HTTPStatus
from typing import Final
from urllib.parse import urlsplit

import structlog
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from idlegrid_server.core.limits import MAX_CHECKPOINT_BYTES, MAX_FILES_BYTES, MAX_TASK_CODE, MAX_TASK_FILES_BYTES
from idlegrid_server.http.errors import answer
from idlegrid_server.settings import LOOPBACK, Settings, listed

log = structlog.get_logger(__name__)

NODE_PREFIX: Final = "/internal/"
FILES_PREFIX: Final = "/internal/files/"
CHECKPOINTS_PREFIX: Final = "/internal/checkpoints/"
TASKS_PREFIX: Final = "/api/tasks"
TASK_FILE: Final = re.compile(r"/api/tasks/[^/]*/files/")
MAX_TASK_BODY: Final = 8 * MAX_TASK_CODE
"""Inline code at its longest, even with every character escaped (six bytes for one), and the rest of the task."""
IDLE_PATHS: Final = frozenset(
    {"/", "/submit", "/submit_many", "/get_task", "/submit_result", "/results", "/health", "/stats"}
)
OWN_PREFIXES: Final = ("/api/", "/tasks/", "/mcp", NODE_PREFIX)
"""Not for web pages: a form or an image of a foreign page could otherwise abort runs or take leases, since such
requests need no preflight."""
OTHER_HOST: Final = "This host name is not served: use 127.0.0.1"
EXPOSED: Final = ("Retry-After", "WWW-Authenticate", "X-Request-ID")
"""Headers of an answer that a web page may read."""
NOT_SERVED: Final = "This host name is not served"
FAULT: Final = "Something broke inside the coordinator: see its log"


class Guard:
    """Refuses bodies over the limit (413), hosts that are not served (400) and, without keys, foreign pages (403)."""

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self._app, self._settings = app, settings
        self._hosts, self._open = served_hosts(settings), not settings.needs_keys

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on what is allowed."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        limit = self._limit(scope["path"])
        problem = self._problem(scope["path"], headers, limit)
        if problem is not None:
            await self._refuse(scope, receive, send, *problem)
            return
        try:
            await self._app(scope, _counted(receive, limit), send)
        except Exception:
            log.exception("request failed", action="request_failed", path=scope["path"])
            await self._refuse(scope, receive, send, HTTPStatus.INTERNAL_SERVER_ERROR, FAULT)

    def _problem(self, path: str, headers: Headers, limit: int) -> tuple[HTTPStatus, str] | None:
        if self._hosts is not None and host_name(headers.get("host", "")) not in self._hosts:
            return HTTPStatus.BAD_REQUEST, OTHER_HOST if self._open else NOT_SERVED
        if self._open and path.startswith(OWN_PREFIXES) and _is_foreign_page(headers, self._hosts or LOOPBACK):
            return HTTPStatus.FORBIDDEN, "Web pages of other hosts may not use this address"
        if int(headers.get("content-length") or 0) > limit:
            return HTTPStatus.REQUEST_ENTITY_TOO_LARGE, _too_large(limit)
        return None

    def _limit(self, path: str) -> int:
        if path.startswith(FILES_PREFIX):
            return MAX_FILES_BYTES
        if path.startswith(CHECKPOINTS_PREFIX):
            return MAX_CHECKPOINT_BYTES
        if path.startswith(TASKS_PREFIX):
            return MAX_TASK_FILES_BYTES if TASK_FILE.match(path) else MAX_TASK_BODY
        reports = path.startswith(NODE_PREFIX) or path == "/submit_result"
        return self._settings.max_report_bytes if reports else self._settings.max_body_bytes

    async def _refuse(self, scope: Scope, receive: Receive, send: Send, status: HTTPStatus, words: str) -> None:
        if scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
            return
        await answer(Request(scope), status, words)(scope, receive, send)


def _counted(receive: Receive, limit: int) -> Receive:
    """Count a body that does not say its size. Reading it raises HTTPException, which FastAPI lets through."""
    seen = 0

    async def counting() -> Message:
        nonlocal seen
        message = await receive()
        seen += len(message.get("body", b""))
        if seen > limit:
            raise HTTPException(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, _too_large(limit))
        return message

    return counting


def _too_large(limit: int) -> str:
    return f"The body is too large (max {limit} bytes)"


def served_hosts(settings: Settings) -> frozenset[str] | None:
    """What the Host header may say; None is anything. This machine's own names always do."""
    named = frozenset(name.lower() for name in listed(settings.allowed_hosts))
    if settings.needs_keys:
        return LOOPBACK | named if named else None
    return LOOPBACK | {settings.host} | named


def _is_foreign_page(headers: Headers, hosts: frozenset[str]) -> bool:
    """Whether a browser says that a page from elsewhere asks. Programs send neither header."""
    origin = headers.get("origin")
    if origin is not None and (urlsplit(origin).hostname or "") not in hosts:
        return True
    return headers.get("sec-fetch-site") == "cross-site"


def host_name(host: str) -> str:
    """The Host header without its port, in small letters."""
    host = host.lower()
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.rpartition(":")[0] if ":" in host else host


class IdleCors:
    """CORS: without keys from everywhere (or where the setting says), for the idle API alone, as its document promises.

    With keys from where the setting says, for everything: a page has nothing that its user did not give it.
    """

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        origins = listed(settings.cors_origins)
        self._app, self._whole = app, settings.needs_keys and bool(origins)
        if not origins and not settings.needs_keys:
            origins = ["*"]
        self._open = CORSMiddleware(
            app, allow_origins=origins, allow_methods=["*"], allow_headers=["*"], expose_headers=EXPOSED
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let through CORS what a web page may ask for."""
        path = scope.get("path", "")
        shared = self._whole or path in IDLE_PATHS or path.startswith("/status/")
        from_page = any(name == b"origin" for name, _ in scope.get("headers", ()))
        await (self._open if shared and from_page else self._app)(scope, receive, send)
