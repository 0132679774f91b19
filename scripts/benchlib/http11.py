"""A lean HTTP/1.1 client: one keep-alive connection, one request at a time, JSON both ways.

The load generator shares the machine with what it measures, so every microsecond here is taken from there.
It understands what uvicorn sends: a status line, headers with Content-Length, a body.
"""

import asyncio
import json
import re
from dataclasses import dataclass
from typing import Any, cast

_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)


class Refused(Exception):
    """An answer with another status than 200: the load is wrong, or the coordinator is."""


@dataclass(frozen=True)
class Address:
    """Where a coordinator is, and the keys that open it; none where it asks for none."""

    host: str
    port: int
    submit_key: str = ""
    node_key: str = ""

    def as_submitter(self) -> "Connection":
        """A connection for somebody who submits."""
        return Connection(self.host, self.port, self.submit_key)

    def as_node(self) -> "Connection":
        """A connection for a node."""
        return Connection(self.host, self.port, self.node_key)


class Connection(asyncio.Protocol):
    """A connection that opens itself again when the server has closed it between two requests.

    `sent` and `received` count its bytes.
    """

    def __init__(self, host: str, port: int, key: str = "") -> None:
        self._host, self._port = host, port
        self._transport: asyncio.Transport | None = None
        self._answer: asyncio.Future[tuple[int, bytes]] | None = None
        self._buffer = bytearray()
        self.sent = self.received = 0
        words = f"Authorization: Bearer {key}\r\n" if key else ""
        self._tail = f" HTTP/1.1\r\nHost: {host}:{port}\r\n{words}".encode()

    async def get(self, path: str) -> Any:
        """The parsed answer to GET."""
        return await self._ask(b"GET " + path.encode() + self._tail + b"\r\n")

    async def post(self, path: str, body: bytes, headers: bytes = b"") -> Any:
        """The parsed answer to POST; `headers` are whole lines with their ends."""
        length = b"Content-Type: application/json\r\nContent-Length: %d\r\n" % len(body)
        return await self._ask(b"POST " + path.encode() + self._tail + length + headers + b"\r\n" + body)

    def close(self) -> None:
        """Close it; a request under way fails."""
        if self._transport is not None:
            self._transport.close()

    async def _ask(self, request: bytes) -> Any:
        if self._transport is None or self._transport.is_closing():
            loop = asyncio.get_running_loop()
            await loop.create_connection(lambda: self, self._host, self._port)
        assert self._transport is not None
        self._answer = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        self.sent += len(request)
        status, body = await self._answer
        if status != 200:
            raise Refused(f"{request[:80]!r}: {status} {body[:300]!r}")
        return json.loads(body)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Start afresh."""
        self._transport, self._buffer = cast("asyncio.Transport", transport), bytearray()

    def data_received(self, data: bytes) -> None:
        """Give the answer to whoever waits once it is whole."""
        self._buffer += data
        self.received += len(data)
        end = self._buffer.find(b"\r\n\r\n")
        if end < 0:
            return
        length = _LENGTH.search(self._buffer, 0, end + 2)
        whole = end + 4 + (int(length[1]) if length else 0)
        if len(self._buffer) >= whole and self._answer is not None and not self._answer.done():
            self._answer.set_result((int(self._buffer[9:12]), bytes(self._buffer[end + 4 : whole])))
            del self._buffer[:whole]

    def connection_lost(self, error: Exception | None) -> None:
        """Fail whoever waits."""
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(ConnectionError(f"the coordinator hung up: {error}"))
