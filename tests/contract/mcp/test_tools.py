"""The tools as an assistant's client has them: the library's own client, over HTTP and through `idlegrid mcp`."""

import asyncio
import json
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import httpx2
import pytest
from mcp import Client, StdioServerParameters
from mcp.client.streamable_http import streamable_http_client
from mcp_types import CallToolResult

from idlegrid_server.http.mcp.tools import TOOLS, Effect

from ...parts import keyed_record
from ..conftest import PATIENCE, free_port
from ..envelope import data

Json = dict[str, Any]
NAMES = [
    *("datahub_list_jobs", "datahub_get_job", "datahub_list_job_executions", "datahub_get_job_executions"),
    *("submit_code", "get_run", "tail_log", "cancel_run", "list_nodes", "explain_wait"),
]
KEYS = {
    "boss": ["admin"],
    "ann": ["submit"],
    "bob": ["submit"],
    "monitor": ["read:jobs"],
    "hasty": ["submit"],
    "node": ["node"],
}
"""Key, which is its name, too → its scopes."""
RATE = 300
"""Requests that each key has."""
JOBS = "/api/v1/jobs"


@pytest.fixture(scope="module")
def people(start_coordinator, visit, tmp_path_factory):
    """The grid as everybody sees it, by the names above."""
    folder = tmp_path_factory.mktemp("assisted")
    keys = keyed_record(folder, {who: (who, scopes) for who, scopes in KEYS.items()})
    url = start_coordinator(data=folder, auth="required", rate_limit=f"{RATE}/hour").url
    return {who: visit(url, key) for who, key in keys.items()}


@asynccontextmanager
async def over_http(grid: Any) -> AsyncIterator[Any]:
    headers = {"Authorization": f"Bearer {grid.key}"}
    async with (
        httpx2.AsyncClient(headers=headers, timeout=PATIENCE) as http,
        streamable_http_client(f"{grid.url}/mcp", http_client=http) as streams,
    ):
        yield streams


def over_stdio(grid: Any) -> StdioServerParameters:
    command = ["-m", "idlegrid", "mcp", "--url", grid.url]
    return StdioServerParameters(command=sys.executable, args=command, env={"IDLEGRID_API_KEY": grid.key})


def with_client(server: Any, work: Callable[[Client], Awaitable[Any]], mode: str = "auto") -> Any:
    """What the work answers, that a client does which has connected."""

    async def connected() -> Any:
        async with Client(server, mode=mode, read_timeout_seconds=PATIENCE) as client:
            return await work(client)

    return asyncio.run(connected())


def call(grid: Any, name: str, **arguments: Any) -> CallToolResult:
    """One call of a tool, over HTTP."""
    return with_client(over_http(grid), lambda client: client.call_tool(name, arguments))


def found(answer: CallToolResult) -> Json:
    """What a call has given; the text beside it says the same."""
    assert not answer.is_error, answer
    (text,) = answer.content
    assert json.loads(text.text) == answer.structured_content
    return dict(answer.structured_content)


def refusal(answer: CallToolResult) -> str:
    assert answer.is_error
    (text,) = answer.content
    assert answer.structured_content["error"]["message"] == text.text
    return str(text.text)


@pytest.fixture(scope="module")
def job(people) -> Json:
    """A job with one execution, which has completed."""
    words = {"task_type": "python", "executor": "python", "command": "python", "code": "print(1)"}
    task = data(people["boss"].post("/api/tasks", {"name": "sync_klines_1h", **words, "parameters": {"a": 1}}), 201)
    people["boss"].post(f"/api/tasks/{task['id']}/trigger")
    machine = people["node"].machine("lab-01")
    machine.report(machine.lease(), result='{"processed": 500}')
    machine.beat(status="offline")
    return task


# --- what there is ---


def check_list(tools: Any) -> None:
    assert [tool.name for tool in tools] == NAMES
    for tool in tools:
        effect = TOOLS[tool.name].effect
        assert tool.annotations.read_only_hint is (effect is Effect.READS)
        assert tool.annotations.destructive_hint is (effect is Effect.ENDS)
        assert tool.input_schema["additionalProperties"] is False
    schema = {tool.name: tool.input_schema for tool in tools}
    limit = schema["datahub_list_jobs"]["properties"]["limit"]
    assert (limit["default"], limit["minimum"], limit["maximum"]) == (50, 1, 1000)
    assert schema["get_run"]["properties"]["wait"]["maximum"] == 60
    assert schema["submit_code"]["required"] == ["code"]


@pytest.mark.parametrize("mode", ["auto", "legacy"])
@pytest.mark.parametrize("way", [over_http, over_stdio])
def test_a_client_of_either_protocol_lists_the_tools_and_calls_one(people, way, mode):
    async def work(client: Client) -> Any:
        assert "submit_code" in client.instructions
        return (await client.list_tools()).tools, await client.call_tool("list_nodes", {})

    tools, nodes = with_client(way(people["boss"]), work, mode)
    check_list(tools)
    assert set(found(nodes)) == {"nodes", "total", "cut"}


class Tools:
    """A client's tools, by name, of calls that go well."""

    def __init__(self, client: Client) -> None:
        self._client = client

    async def __call__(self, name: str, **arguments: Any) -> Json:
        return found(await self._client.call_tool(name, arguments))


@pytest.mark.parametrize("way", [over_http, over_stdio])
def test_the_tools_for_jobs_say_what_http_says(people, job, way):
    boss = people["boss"]

    async def work(client: Client) -> None:
        tool = Tools(client)
        listed = await tool("datahub_list_jobs", search="kline", limit=20)
        assert listed == boss.get(JOBS, search="kline", limit=20).json()
        assert [one["name"] for one in listed["data"]] == [job["name"]]
        assert await tool("datahub_get_job", job_id=job["name"]) == boss.get(f"{JOBS}/{job['id']}").json()
        assert await tool("datahub_get_job", job_id=job["id"]) == listed["data"][0]
        executions = await tool("datahub_get_job_executions", job_id=job["name"], limit=10, order_desc=True)
        assert executions == boss.get(f"{JOBS}/{job['id']}/executions", limit=10).json()
        assert executions["data"][0]["result"] == {"processed": 500}
        words = {"search": "success", "limit": 20, "after": "2026-01-01T00:00:00Z"}
        executions = await tool("datahub_list_job_executions", **words)
        assert executions == boss.get(f"{JOBS}/executions", **words).json()

    with_client(way(boss), work)


@pytest.mark.parametrize("way", [over_http, over_stdio])
def test_the_tools_for_runs_and_nodes_say_what_http_says(people, way):
    boss, machine = people["boss"], people["node"].machine("lab-02")

    async def work(client: Client) -> None:
        tool = Tools(client)
        await check_waiting(boss, tool)
        await check_running(boss, tool, machine)
        nodes, page = await tool("list_nodes", status="active"), data(boss.get("/api/workers", status="active"))
        assert nodes == {"nodes": page["items"], "total": page["total"], "cut": False}
        assert "lab-02" in [node["id"] for node in nodes["nodes"]]

    with_client(way(boss), work)
    machine.beat(status="offline")


async def check_waiting(boss: Any, tool: Tools) -> None:
    needs = {"cpu": 2, "memory": 256, "timeout": 60, "priority": "high", "parameters": {"n": 3}, "min_sandbox": 2}
    run = (await tool("submit_code", code="print(1)", **needs))["run_id"]
    shown = boss.run(run)
    assert (shown["resources"], shown["timeout_seconds"]) == ({"cpu": 2.0, "memory": 256}, 60)
    assert (shown["priority"], shown["parameters"], shown["min_sandbox"]) == ("high", {"n": 3}, 2)
    explained = await tool("explain_wait", run_id=run)
    estimated = {"may_start_at": explained["may_start_at"]}  # from this moment on
    assert explained == {**data(boss.get(f"/api/runs/{run}/explain")), **estimated}
    assert await tool("get_run", run_id=run) == {**shown, "cut": []}
    assert (await tool("cancel_run", run_id=run))["status"] == "aborted"
    assert boss.run(run)["status"] == "aborted"


async def check_running(boss: Any, tool: Tools, machine: Any) -> None:
    run = (await tool("submit_code", code="print(6 * 7)"))["run_id"]
    attempt = machine.lease()
    logs = [{"seq": n, "time": 1.0, "stream": "stdout", "text": f"{n}\n"} for n in range(3)]
    machine.beat(machine.holding(attempt, logs=logs))
    page = await tool("tail_log", run_id=run, lines=2)
    assert page == {**data(boss.get(f"/api/runs/{run}/logs", tail=2)), "cut": False}
    assert [item["text"] for item in page["items"]] == ["1\n", "2\n"]
    rest = await tool("tail_log", run_id=run, after=page["items"][0]["id"])
    assert ([item["text"] for item in rest["items"]], rest["finished"]) == (["2\n"], False)

    waiting = asyncio.create_task(tool("get_run", run_id=run, wait=30))
    await asyncio.to_thread(machine.report, attempt, result="42")
    ended = await waiting
    assert (ended["status"], ended["result"]) == ("completed", "42")
    assert ended == {**boss.run(run), "cut": []}


def test_what_contradicts_the_record_is_refused_in_the_words_of_http(people):
    boss = people["boss"]
    run = boss.submit()
    said = [boss.post(f"/api/runs/{run}/abort") for _ in range(2)][1].json()["error"]["message"]
    assert refusal(call(boss, "cancel_run", run_id=run)).startswith(f"{said} (HTTP 409)")


# --- who may ---


def post(grid: Any, name: str = "list_nodes", arguments: Json | None = None, **words: Any) -> Any:
    """A call of a tool without a client's help."""
    params = {"name": name, "arguments": arguments or {}}
    return grid.post("/mcp", {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}, **words)


@pytest.mark.parametrize("key", ["", "ig_submit_wrong"])
def test_without_a_valid_key_nobody_is_let_in(people, visit, key):
    answer = post(visit(people["boss"].url, key))
    assert (answer.status_code, answer.headers["WWW-Authenticate"]) == (401, "Bearer")
    assert set(answer.json()) == {"detail"}


def test_a_key_has_the_tools_that_its_scopes_allow(people, job):
    monitor = people["monitor"]
    assert found(call(monitor, "datahub_get_job", job_id=job["name"]))["id"] == job["name"]
    assert found(call(monitor, "datahub_list_job_executions"))["pagination"]["total"] >= 1
    refused = call(monitor, "submit_code", code="print(1)")
    assert "it lacks the scope submit (HTTP 403)" in refusal(refused)
    assert refused.structured_content["error"]["status"] == 403
    assert "lacks the scope read:jobs" in refusal(call(people["ann"], "datahub_list_jobs"))


def test_whoever_may_only_submit_has_runs_of_his_own(people):
    run = found(call(people["ann"], "submit_code", code="print(1)"))["run_id"]
    assert found(call(people["ann"], "get_run", run_id=run))["submitter"] == "ann"
    for tool in ("get_run", "tail_log", "explain_wait", "cancel_run"):
        assert refusal(call(people["bob"], tool, run_id=run)).startswith(f"Run {run} not found")
    assert found(call(people["ann"], "cancel_run", run_id=run))["status"] == "aborted"


def test_a_call_counts_as_a_request_and_so_does_what_it_asks(people):
    hasty = people["hasty"]
    for _ in range(RATE - 1):
        assert hasty.get("/status/987654321").status_code == 404
    answer = post(hasty, "submit_code", {"code": "print(1)"})
    assert answer.status_code == 200, "the last request that the key has"
    result = answer.json()["result"]
    assert result["isError"]
    assert result["content"][0]["text"].startswith("Too many requests by this key")
    assert post(hasty).status_code == 429


def test_a_call_that_is_made_again_under_its_key_makes_one_run(people):
    words = {"arguments": {"code": "print(1)"}, "headers": {"Idempotency-Key": "one"}}
    first, second = (post(people["ann"], "submit_code", **words).json()["result"] for _ in range(2))
    assert first["structuredContent"] == second["structuredContent"]
    people["boss"].post(f"/api/runs/{first['structuredContent']['run_id']}/abort")


# --- what is wrong ---


@pytest.mark.parametrize(
    ("tool", "arguments", "words"),
    [
        ("get_run", {}, "run_id: Field required"),
        ("get_run", {"run_id": "x"}, "run_id: Input should be a valid integer"),
        ("get_run", {"run_id": 1, "wait": 61}, "wait: Input should be less than or equal to 60"),
        ("get_run", {"run_id": 987_654_321, "wait": 1}, "987654321 not found (HTTP 404)"),
        ("tail_log", {"run_id": 1, "lines": 0}, "lines: Input should be greater than or equal to 1"),
        ("submit_code", {"code": "print(1)", "cores": 2}, "cores: Extra inputs are not permitted"),
        ("submit_code", {"code": " "}, "HTTP 4"),
        ("submit_code", {"code": "1", "cpu": 0, "memory": 0}, "cpu: Input should be greater than 0; memory: "),
        ("list_nodes", {"status": "asleep"}, "status: Input should be 'active', 'draining' or 'offline'"),
        ("datahub_list_jobs", {"limit": 1001}, "limit: Input should be less than or equal to 1000"),
        ("datahub_list_jobs", {"order_by": "colour"}, "(HTTP 400)"),
        ("datahub_list_job_executions", {"before": "yesterday"}, "(HTTP 400)"),
        ("datahub_get_job", {"job_id": "../runs"}, "Not Found (HTTP 404)"),
    ],
)
def test_a_wrong_argument_is_an_error_that_says_what_is_wrong(people, tool, arguments, words):
    result = post(people["boss"], tool, arguments).json()["result"]
    assert result["isError"]
    assert words in result["content"][0]["text"]


def test_a_tool_that_is_not_there_is_an_error_of_the_protocol(people):
    assert post(people["boss"], "format_disk").json()["error"]["message"] == "There is no tool format_disk"


def test_nothing_but_a_post_of_a_fair_size_is_taken(people):
    for method in ("GET", "DELETE"):
        answer = people["boss"].ask(method, "/mcp", headers={"Accept": "text/event-stream"})
        assert (answer.status_code, answer.headers["Allow"]) == (405, "POST")
    assert post(people["boss"], "submit_code", {"code": "x" * (1 << 20)}).status_code == 413


def test_without_keys_everybody_has_all_tools_but_foreign_web_pages(grid):
    assert post(grid).status_code == 200
    assert post(grid, headers={"Origin": "https://elsewhere.example"}).status_code == 403
    assert post(grid, headers={"Host": "elsewhere.example"}).status_code == 400


# --- what it costs, and when nobody answers ---


def test_a_coordinator_that_no_assistant_asks_does_not_import_the_library():
    code = "import sys, idlegrid_server.app; print('mcp' in sys.modules, 'mcp_types' in sys.modules)"
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ended.stdout.split() == ["False", "False"]


def test_the_bridge_says_that_the_coordinator_is_away_and_goes_on_until_its_input_ends():
    url = f"http://127.0.0.1:{free_port()}"
    command = [sys.executable, "-m", "idlegrid", "mcp", "--url", url]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as bridge:
        for number in (1, 2):
            bridge.stdin.write(json.dumps({"jsonrpc": "2.0", "id": number, "method": "tools/list"}).encode() + b"\n")
            bridge.stdin.flush()
            answer = json.loads(bridge.stdout.readline())
            assert answer["id"] == number
            assert answer["error"]["message"].startswith(f"nothing answers at {url}: is the coordinator running?")
        bridge.stdin.close()
        assert bridge.stdout.read() == b""
        assert bridge.wait(PATIENCE) == 0
