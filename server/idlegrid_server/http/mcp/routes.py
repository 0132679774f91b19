"""`POST /mcp`, and the life of what answers there: from the first request to the coordinator's end."""

import asyncio
from importlib import import_module
from types import TracebackType
from typing import TYPE_CHECKING, Self

from fastapi import APIRouter, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from idlegrid_server.http.routing import Call, GridRoute

if TYPE_CHECKING:
    from mcp.server.streamable_http_manager import StreamableHTTPSessionManager

router = APIRouter(tags=["mcp"], route_class=GridRoute)


@router.post("/mcp", include_in_schema=False)
async def mcp(call: Call) -> Response:
    """One message of an assistant's client, and its answer. Nothing comes unasked, so there is no `GET`."""
    assistants: Assistants = call.app.state.assistants
    return _Answer(await assistants.answering(call.grid.settings.max_body_bytes))


class Assistants:
    """Answers assistants from the first that asks, until the block that it is given to ends."""

    def __init__(self) -> None:
        self._beginning = asyncio.Lock()
        self._manager: StreamableHTTPSessionManager | None = None
        self._life: asyncio.Task[None] | None = None
        self._over = asyncio.Event()

    async def answering(self, max_body_bytes: int) -> ASGIApp:
        """What answers a request; the first waits while the library is imported, in a thread, for nobody else waits."""
        async with self._beginning:
            if self._manager is None:
                module = await asyncio.to_thread(import_module, "idlegrid_server.http.mcp.server")
                self._manager = await self._begin(module.make_manager(max_body_bytes))
        return self._manager.handle_request

    async def _begin(self, manager: "StreamableHTTPSessionManager") -> "StreamableHTTPSessionManager":
        """The manager, ready. Its tasks must end where they began, so it lives in a task of its own."""
        ready = asyncio.Event()

        async def live() -> None:
            async with manager.run():
                ready.set()
                await self._over.wait()

        self._life = asyncio.create_task(live())
        await ready.wait()
        return manager

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        if self._life is not None:
            await self._life


class _Answer(Response):
    """Gives the request to an application as it came, after the caller was let in."""

    def __init__(self, app: ASGIApp) -> None:
        super().__init__()
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._app(scope, receive, send)
