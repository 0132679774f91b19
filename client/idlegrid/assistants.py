"""`idlegrid mcp`: the coordinator's tools for AI assistants, on standard input and output.

The Model Context Protocol has its messages, JSON-RPC 2.0, one a line there, and one a POST at the coordinator's `/mcp`.
This passes them on in both directions and knows no tool, so that the tools are defined in one place.
"""

import argparse
import json
import sys
import threading
from collections.abc import Iterable
from contextlib import suppress
from typing import Any, BinaryIO
from uuid import uuid4

from idlegrid.cli import Command
from idlegrid.client import Client
from idlegrid.commands import reach
from idlegrid.errors import ApiError, IdlegridError
from idlegrid.session import Session

Json = dict[str, Any]

PATIENCE = 90.0
"""Seconds for an answer; a tool may wait for 60 of them."""

PARSE_ERROR, INTERNAL_ERROR = -32700, -32603
"""JSON-RPC 2.0, 5.1."""

VERSION = "MCP-Protocol-Version"
"""The header with which a message over HTTP says what it speaks."""

VERSION_KEY = "io.modelcontextprotocol/protocolVersion"
"""Where a message says so itself, since MCP 2026-07-28; its method and its tool must then stand in headers, too."""


class Bridge:
    """Passes messages on to one coordinator, each in a thread of its own, and writes the answers as they come."""

    def __init__(self, session: Session, out: BinaryIO) -> None:
        self._session, self._out = session, out
        self._writing = threading.Lock()
        self._agreed = ""
        """The version that a client of an older protocol has agreed on, once, when it began."""

    def run(self, lines: Iterable[bytes]) -> None:
        """Until there are no more lines, and all are answered."""
        under_way: list[threading.Thread] = []
        for line in lines:
            thread = threading.Thread(target=self._pass_on, args=(line,), daemon=True)
            thread.start()
            under_way = [*(earlier for earlier in under_way if earlier.is_alive()), thread]
        for thread in under_way:
            thread.join()

    def _pass_on(self, line: bytes) -> None:
        answer = self.answer(line)
        if answer is not None:
            # Who hears no more has closed our input, too: that ends us.
            with self._writing, suppress(BrokenPipeError):
                self._out.write(json.dumps(answer).encode() + b"\n")
                self._out.flush()

    def answer(self, line: bytes) -> Json | None:
        """The coordinator's answer to a message, or an error with the reason why there is none; None to a notice."""
        try:
            message = json.loads(line)
            return self._ask(message) if isinstance(message, dict) else _error(None, PARSE_ERROR, _NO_MESSAGE)
        except (ValueError, RecursionError):
            return _error(None, PARSE_ERROR, _NO_MESSAGE)

    def _ask(self, message: Json) -> Json | None:
        # A message that must be sent again, after a broken connection, makes no second run.
        headers = {"Idempotency-Key": uuid4().hex, **self._headers(message)}
        try:
            answer: Json | None = self._session.post("/mcp", message, headers, PATIENCE)
        except IdlegridError as error:
            return _error(message["id"], *_fault(error)) if "id" in message else None
        if message.get("method") == "initialize" and answer is not None:
            self._agreed = answer.get("result", {}).get("protocolVersion", "")
        return answer

    def _headers(self, message: Json) -> dict[str, str]:
        """What a message over HTTP says in headers."""
        params = _object(message.get("params"))
        version = _object(params.get("_meta")).get(VERSION_KEY) or self._agreed
        said = {VERSION: version}
        if version != self._agreed:
            said |= {"Mcp-Method": message.get("method"), "Mcp-Name": params.get("name")}
        return {name: value for name, value in said.items() if value and isinstance(value, str)}


def _object(value: Any) -> Json:
    return value if isinstance(value, dict) else {}


_NO_MESSAGE = "this line is no message of JSON-RPC"


def _error(request: Any, code: int, words: str, data: Json | None = None) -> Json:
    more = {"data": data} if data else {}
    return {"jsonrpc": "2.0", "id": request, "error": {"code": code, "message": words, **more}}


def _fault(error: IdlegridError) -> tuple[int, str, Json | None]:
    """Code, sentence and data: JSON-RPC's own where the coordinator has answered in it."""
    if isinstance(error, ApiError) and error.code.startswith("-"):
        return int(error.code), error.detail, dict(error.details)
    return INTERNAL_ERROR, str(error), None


def _options(parser: argparse.ArgumentParser) -> None:
    reach(parser)
    parser.add_argument(
        "--ca", metavar="FILE", help="certificates (PEM) that vouch for the coordinator (default: $IDLEGRID_CA_FILE)"
    )


def _mcp(options: argparse.Namespace) -> int:
    with Client(options.url, options.key, ca_file=options.ca) as client:
        Bridge(client.session, sys.stdout.buffer).run(sys.stdin.buffer)
    return 0


MCP = Command("tools for AI assistants, over MCP on standard input and output", _options, _mcp)
