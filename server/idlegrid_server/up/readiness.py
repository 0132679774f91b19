"""Whether the parts of a grid answer yet, asked over the same sockets as everyone else uses."""

import asyncio
import json
import ssl
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from idlegrid_server.up.addresses import authority

ANSWER_SECONDS = 2.0
"""How long one question may take before it is asked again."""

PAGE_SIZE = 100
"""Nodes asked for at a time."""


async def until(check: Callable[[], Awaitable[bool]], every: float = 0.1) -> None:
    """Ask `check` every so many seconds until it says yes."""
    while not await check():
        await asyncio.sleep(every)


@dataclass(frozen=True)
class Probe:
    """Asks one HTTP server on this machine; `host` is numeric, `api_key` is sent when there is one.

    With `tls` it speaks https, and looks for `tls_name` in the certificate, or for the host.
    """

    host: str
    port: int
    api_key: str = ""
    tls: ssl.SSLContext | None = None
    tls_name: str = ""

    async def answers(self, path: str) -> bool:
        """Whether GET `path` answers 200."""
        status, _ = await self._get(path)
        return status == 200

    async def nodes_since(self, start: float, wanted: int) -> int:
        """How many nodes, at most `wanted` and those that went again left out, were heard of since `start`
        (seconds since the epoch).
        """
        heard = 0
        for page in range(1, wanted // PAGE_SIZE + 2):
            items = await self._workers(page)
            heard += sum(_heard_since(item, start) for item in items)
            if len(items) < PAGE_SIZE:
                break
        return heard

    async def _workers(self, page: int) -> list[Mapping[str, Any]]:
        status, body = await self._get(f"/api/workers?page={page}&size={PAGE_SIZE}")
        if status != 200:
            return []
        return list(json.loads(body)["data"]["items"])

    async def _get(self, path: str) -> tuple[int, bytes]:
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                answer = await self._exchange(path)
        except (OSError, TimeoutError):
            return 0, b""
        head, _, body = answer.partition(b"\r\n\r\n")
        words = head.split(maxsplit=2)
        return (int(words[1]) if len(words) > 1 and words[1].isdigit() else 0), body

    async def _exchange(self, path: str) -> bytes:
        name = (self.tls_name or self.host) if self.tls else None
        reader, writer = await asyncio.open_connection(self.host, self.port, ssl=self.tls, server_hostname=name)
        try:
            writer.write(self._request(path).encode())
            return await reader.read()
        finally:
            writer.close()

    def _request(self, path: str) -> str:
        # HTTP/1.0: the answer comes whole and ends with the connection.
        key = f"Authorization: Bearer {self.api_key}\r\n" if self.api_key else ""
        return f"GET {path} HTTP/1.0\r\nHost: {authority(self.host, self.port)}\r\n{key}\r\n"


def _heard_since(worker: Mapping[str, Any], start: float) -> bool:
    if worker.get("status") == "offline" or not worker.get("last_heartbeat"):
        return False
    heard = datetime.fromisoformat(str(worker["last_heartbeat"]))
    return (heard if heard.tzinfo else heard.replace(tzinfo=UTC)).timestamp() >= start
