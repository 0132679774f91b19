"""A real HTTP server in a thread that says what a test tells it to, in the shapes of docs/protocol.md."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from idlegrid import Client


@dataclass(frozen=True)
class Asked:
    """One request as it arrived."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: Any


Answer = tuple[int, Any] | tuple[int, Any, dict[str, str]] | None
"""Status, JSON (or raw bytes) and headers; None hangs up without a word."""


class Grid:
    """Routes `METHOD /path` to functions from the request to the answer, and keeps what was asked."""

    def __init__(self) -> None:
        self.asked: list[Asked] = []
        self.routes: dict[str, Callable[[Asked], Answer]] = {}
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})
        self._thread.start()

    def on(self, route: str, *answers: Answer | Callable[[Asked], Answer]) -> None:
        """Give these answers in turn, the last one for ever."""
        left = list(answers)

        def answer(asked: Asked) -> Answer:
            now = left.pop(0) if len(left) > 1 else left[0]
            return now(asked) if callable(now) else now

        self.routes[route] = answer

    def answer(self, asked: Asked) -> Answer:
        self.asked.append(asked)
        route = self.routes.get(f"{asked.method} {asked.path}")
        return route(asked) if route else (404, {"detail": f"no {asked.path} here"})

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        grid = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            timeout = 5

            def do_GET(self) -> None:
                self._serve()

            do_POST = do_PUT = do_DELETE = do_GET  # noqa: N815 - the standard library names them

            def log_message(self, *_: Any) -> None:
                pass

            def _serve(self) -> None:
                answer = grid.answer(self._asked())
                if answer is None:
                    self.close_connection = True
                    return
                status, content, headers = (*answer, {})[:3]
                raw = content if isinstance(content, bytes) else json.dumps(content).encode()
                self.send_response(status)
                for name, value in {"Content-Length": str(len(raw)), **headers}.items():
                    self.send_header(name, value)
                with suppress(ConnectionError):  # a client that has lost its patience
                    self.end_headers()
                    self.wfile.write(raw)

            def _asked(self) -> Asked:
                parts = urlsplit(self.path)
                raw = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                headers = {name.lower(): value for name, value in self.headers.items()}
                plain = self.command == "PUT" and headers.get("content-type") != "application/json"
                body = raw if plain else json.loads(raw) if raw else None
                return Asked(self.command, parts.path, dict(parse_qsl(parts.query)), headers, body)

        return Handler


@pytest.fixture
def grid() -> Iterator[Grid]:
    grid = Grid()
    yield grid
    grid.close()


@pytest.fixture
def client(grid: Grid) -> Iterator[Client]:
    with Client(grid.url) as client:
        yield client


def envelope(data: Any) -> dict[str, Any]:
    """What answers under /api are wrapped in."""
    return {"success": True, "data": data, "metadata": {"version": "1.0.0"}}


@pytest.fixture
def wrap() -> Callable[[Any], dict[str, Any]]:
    return envelope
