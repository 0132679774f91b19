"""Endpoints of webhooks, for tests to deliver to: real servers in threads of the test's own process."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ssl import SSLContext
from typing import Any

Reply = tuple[int, dict[str, str], bytes]
OK: Reply = (204, {}, b"")


@dataclass
class Heard:
    """One request."""

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def id(self) -> str:
        return self.headers["webhook-id"]


@dataclass
class Endpoint:
    """An HTTP server that keeps what it hears, and gives `replies` in turn, the last for ever."""

    replies: list[Reply | Callable[[], Reply]]
    heard: list[Heard] = field(default_factory=list)
    port: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook"

    def reply(self) -> Reply:
        given = self.replies.pop(0) if len(self.replies) > 1 else self.replies[0]
        return given() if callable(given) else given


@contextmanager
def endpoint(*replies: Reply | Callable[[], Reply], tls: SSLContext | None = None) -> Iterator[Endpoint]:
    """An endpoint for as long as the context lasts; it takes everything unless told otherwise."""
    made = Endpoint(list(replies) or [OK])

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            made.heard.append(Heard(self.path, {name.lower(): value for name, value in self.headers.items()}, body))
            status, headers, answer = made.reply()
            self.send_response(status)
            for name, value in {"Content-Length": str(len(answer)), **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *words: Any) -> None:
            """Nobody reads it."""

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, request: Any, client_address: Any) -> None:
            """A worker was killed in the midst of its request, or refused our certificate."""

    server = Server(("127.0.0.1", 0), Handler)
    if tls is not None:
        server.socket = tls.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    made.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield made
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@contextmanager
def silent(drip: bytes = b"") -> Iterator[str]:
    """The URL of one that takes connections and never ends its answer; with `drip` it sends that, byte by byte."""
    ended = threading.Event()

    def answer(connection: socket.socket) -> None:
        with connection:
            for at in range(len(drip)):
                try:
                    connection.sendall(drip[at : at + 1])
                except OSError:
                    return
                if ended.wait(0.1):
                    return
            ended.wait()

    def serve(listener: socket.socket) -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=answer, args=(connection,), daemon=True).start()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve, args=(listener,), daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}/"
        finally:
            ended.set()
            listener.shutdown(socket.SHUT_RDWR)
    thread.join()


@dataclass
class Hold:
    """A reply that is kept back until the test lets go."""

    let_go: threading.Event = field(default_factory=threading.Event)

    def __call__(self) -> Reply:
        self.let_go.wait(60)
        return OK
