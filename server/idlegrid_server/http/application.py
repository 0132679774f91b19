"""The FastAPI application over a grid: routers, errors, guards."""

import time
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Final

from fastapi import FastAPI
from fastapi.responses import PlainTextResponse
from fastapi.telemetry import TelemetryConfig

from idlegrid_server import VERSION
from idlegrid_server.http import errors, websocket, wheels
from idlegrid_server.http.deps import Grid
from idlegrid_server.http.dialects.access import routes as access
from idlegrid_server.http.dialects.executions import routes as executions
from idlegrid_server.http.dialects.idle import routes as idle
from idlegrid_server.http.dialects.jobs import routes as jobs
from idlegrid_server.http.dialects.nodes import routes as nodes
from idlegrid_server.http.dialects.tasks import routes as tasks
from idlegrid_server.http.dialects.tasks import system
from idlegrid_server.http.dialects.webhooks import routes as webhooks
from idlegrid_server.http.documentation import publish
from idlegrid_server.http.limits import Guard, IdleCors
from idlegrid_server.http.mcp import routes as mcp
from idlegrid_server.http.mcp.routes import Assistants
from idlegrid_server.http.request_log import RequestLog
from idlegrid_server.http.traffic import Traffic
from idlegrid_server.http.versions import Versions
from idlegrid_server.settings import Settings

NO_TELEMETRY: Final[TelemetryConfig] = {"tracing": False, "metrics": False, "logs": False}
"""FastAPI's own instrumentation costs every request; it is for those who export it."""


def make_application(
    settings: Settings, lifespan: Callable[[FastAPI], AbstractAsyncContextManager[None]], grid: Grid | None = None
) -> FastAPI:
    """The application; `lifespan` puts a Grid into `app.state.grid` unless one is given."""
    assistants = Assistants()

    @asynccontextmanager
    async def life(app: FastAPI) -> AsyncIterator[None]:
        async with lifespan(app), assistants:
            yield

    app = FastAPI(
        title="idlegrid",
        version=VERSION,
        lifespan=life,
        redoc_url=None,
        redirect_slashes=False,
        telemetry=NO_TELEMETRY,
    )
    app.state.grid = grid
    app.state.assistants = assistants
    app.state.traffic = Traffic(time.monotonic)
    for router in (
        nodes.router,
        idle.router,
        tasks.router,
        executions.router,
        jobs.router,
        access.router,
        webhooks.router,
        mcp.router,
        system.probes,
        websocket.router,
        wheels.router,
    ):
        app.router.routes.extend(router.routes)  # `include_router` would make each route once more
    app.add_api_route("/livez", _livez, include_in_schema=False)
    errors.install(app)
    publish(app)
    app.add_middleware(IdleCors, settings=settings)
    app.add_middleware(Guard, settings=settings)
    app.add_middleware(RequestLog, traffic=app.state.traffic)
    app.add_middleware(Versions)
    return app


async def _livez() -> PlainTextResponse:
    """The process serves; nothing else is asked."""
    return PlainTextResponse("ok")
