"""The tools as a server of the Model Context Protocol. The only module here that imports `mcp`, which takes about 0.4 s
of CPU: `routes` imports it when the first assistant asks.
"""

import json
import logging
from typing import Any, Final

from mcp.server import Server, ServerRequestContext
from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
from mcp.server.transport_security import TransportSecuritySettings
from mcp.shared.exceptions import MCPError
from mcp_types import (
    INVALID_PARAMS,
    CallToolRequestParams,
    CallToolResult,
    ListToolsResult,
    PaginatedRequestParams,
    TextContent,
    ToolAnnotations,
)
from mcp_types import Tool as ToolWords
from pydantic import ValidationError
from starlette.requests import Request

from idlegrid.errors import ApiError
from idlegrid_server import VERSION
from idlegrid_server.http.mcp.calling import Ask, Json
from idlegrid_server.http.mcp.tools import TOOLS, Effect, Tool
from idlegrid_server.http.offences import of_pydantic

INSTRUCTIONS: Final = (
    "idlegrid runs Python code on spare machines while their owners are away. submit_code queues a program and gives "
    "its run_id; get_run with `wait` gives the result; tail_log what it has written so far; explain_wait why it has "
    "not started. The datahub_ tools show the scheduled jobs and how their executions went."
)

Context = ServerRequestContext[Any, Request]


def make_manager(max_body_bytes: int) -> StreamableHTTPSessionManager:
    """What answers requests for `/mcp`, each by itself: any coordinator of a grid can answer any of them."""
    # It says at each request that a session has ended; here none ever begins.
    logging.getLogger("mcp").setLevel(logging.WARNING)
    server = Server(
        "idlegrid", version=VERSION, instructions=INSTRUCTIONS, on_list_tools=_list_tools, on_call_tool=_call_tool
    )
    # The Guard around the whole application has looked at Host, Origin and size, by the coordinator's own settings.
    unguarded = TransportSecuritySettings(enable_dns_rebinding_protection=False)
    return StreamableHTTPSessionManager(
        server, json_response=True, stateless=True, security_settings=unguarded, max_request_body_size=max_body_bytes
    )


async def _list_tools(context: Context, params: PaginatedRequestParams | None) -> ListToolsResult:
    return ListToolsResult(tools=[_described(tool) for tool in TOOLS.values()])


async def _call_tool(context: Context, params: CallToolRequestParams) -> CallToolResult:
    """What is refused is a result, not an error of the protocol: a model reads the first and can mend its call."""
    tool = TOOLS.get(params.name)
    if tool is None or context.request is None:
        raise MCPError(INVALID_PARAMS, f"There is no tool {params.name}")
    try:
        words = tool.takes.model_validate(params.arguments or {})
        return _result(await tool.work(words, Ask(context.request)))
    except ValidationError as error:
        return _refused("; ".join(one.message for one in of_pydantic(error.errors(include_url=False))))
    except ApiError as error:
        return _refused(str(error), status=error.status, code=error.code)


def _described(tool: Tool) -> ToolWords:
    hints = ToolAnnotations(
        read_only_hint=tool.effect is Effect.READS,
        destructive_hint=tool.effect is Effect.ENDS,
        idempotent_hint=tool.effect is not Effect.MAKES,
        open_world_hint=False,
    )
    schema = tool.takes.model_json_schema()
    return ToolWords(
        name=tool.name, title=tool.title, description=tool.description, input_schema=schema, annotations=hints
    )


def _result(found: Json) -> CallToolResult:
    text = json.dumps(found, ensure_ascii=False)
    return CallToolResult(content=[TextContent(text=text)], structured_content=found)


def _refused(sentence: str, **more: object) -> CallToolResult:
    told = {name: value for name, value in more.items() if value}
    found = {"error": {"message": sentence, **told}}
    return CallToolResult(content=[TextContent(text=sentence)], structured_content=found, is_error=True)
