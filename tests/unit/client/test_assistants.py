"""`idlegrid mcp`: what it sends on, and what it says when there is nothing to give back."""

import io
import json

import pytest

from idlegrid.assistants import Bridge
from idlegrid.session import Session

LIST = {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}
META = {"_meta": {"io.modelcontextprotocol/protocolVersion": "2026-07-28"}}


def talk(url: str, *messages: object) -> list[dict]:
    """What is written when these are read, one after the other."""
    out = io.BytesIO()
    with Session(url) as session:
        bridge = Bridge(session, out)
        for message in messages:
            bridge.run([message if isinstance(message, bytes) else json.dumps(message).encode()])
    return [json.loads(line) for line in out.getvalue().splitlines()]


def test_an_answer_is_passed_on_as_it_is(grid):
    answer = {"jsonrpc": "2.0", "id": 1, "result": {"tools": ["é"]}}
    grid.on("POST /mcp", (200, answer))
    assert talk(grid.url, LIST) == [answer]
    assert grid.asked[0].body == LIST


def test_a_notice_has_no_answer(grid):
    grid.on("POST /mcp", (202, b""))
    assert talk(grid.url, {"jsonrpc": "2.0", "method": "notifications/initialized"}) == []


def test_a_message_of_the_present_protocol_says_in_headers_what_it_is(grid):
    grid.on("POST /mcp", (200, {}))
    talk(grid.url, {**LIST, "method": "tools/call", "params": {"name": "get_run", **META}})
    said = [grid.asked[0].headers[name] for name in ("mcp-protocol-version", "mcp-method", "mcp-name")]
    assert said == ["2026-07-28", "tools/call", "get_run"]


def test_the_version_that_was_agreed_on_is_sent_from_then_on(grid):
    agreed = {"jsonrpc": "2.0", "id": 0, "result": {"protocolVersion": "2025-06-18"}}
    grid.on("POST /mcp", (200, agreed), (200, {}))
    talk(grid.url, {**LIST, "method": "initialize"}, LIST)
    versions = [asked.headers.get("mcp-protocol-version") for asked in grid.asked]
    assert versions == [None, "2025-06-18"]
    assert "mcp-method" not in grid.asked[1].headers


def test_a_message_that_is_sent_twice_is_known_again(grid):
    grid.on("POST /mcp", None, (200, {}))
    assert talk(grid.url, LIST) == [{}]
    first, second = (asked.headers["idempotency-key"] for asked in grid.asked)
    assert first == second


def test_an_error_of_the_protocol_keeps_its_code_and_data(grid):
    fault = {"code": -32022, "message": "Unsupported", "data": {"supported": ["2026-07-28"]}}
    grid.on("POST /mcp", (400, {"jsonrpc": "2.0", "id": None, "error": fault}))
    assert talk(grid.url, LIST) == [{"jsonrpc": "2.0", "id": 1, "error": fault}]


def test_a_refusal_is_an_error_with_its_sentence(grid):
    grid.on("POST /mcp", (401, {"detail": "A key is required"}))
    (answer,) = talk(grid.url, LIST)
    assert (answer["id"], answer["error"]["code"]) == (1, -32603)
    assert answer["error"]["message"].startswith("A key is required (HTTP 401); give a key")


def test_a_coordinator_that_is_away_is_an_error_and_no_end(grid):
    grid.on("POST /mcp", (200, {"id": 2}))
    first, second = talk("http://127.0.0.1:9", LIST, {**LIST, "id": "x"})
    assert "is the coordinator running?" in first["error"]["message"]
    assert (first["id"], second["id"]) == (1, "x")


def test_a_notice_that_nobody_hears_is_lost_without_a_word():
    assert talk("http://127.0.0.1:9", {"jsonrpc": "2.0", "method": "notifications/initialized"}) == []


@pytest.mark.parametrize("line", [b"nonsense\n", b"[]\n", b"\n", b'{"id": "\\ud800"}\n', b"[" * 100_000])
def test_a_line_that_is_no_message_is_said_to_be_none(grid, line):
    grid.on("POST /mcp", (200, {}))
    (answer,) = talk(grid.url, line)
    assert (answer["id"], answer["error"]["code"]) == (None, -32700)


@pytest.mark.parametrize(
    "params", [None, [], 1, {"_meta": 1}, {"_meta": {"io.modelcontextprotocol/protocolVersion": 1}}]
)
def test_odd_parameters_are_the_coordinators_to_judge(grid, params):
    grid.on("POST /mcp", (200, {"id": 1}))
    assert talk(grid.url, {**LIST, "params": params}) == [{"id": 1}]
