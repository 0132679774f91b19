"""The FastAPI application over a grid: routers, errors, guards."""

import time
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Final

from fastapi import FastAPI
from fastapi.responses import PlainTextResponse
from fastapi.telemetry import TelemetryConfig

from idlegrid_server import VERSION
from idlegrid_server.http import errors, websocket, wheels
from idlegrid_server.http.deps import Grid
from idlegrid_server.http.dialects.access import routes as access
from idlegrid_server.http.dialects.idle import routes as idle
from idlegrid_server.http.dialects.nodes import routes as nodes
from idlegrid_server.http.dialects.tasks import routes as tasks
from idlegrid_server.http.dialects.tasks import system
from idlegrid_server.http.dialects.webhooks import routes as webhooks
from idlegrid_server.http.envelope import speaks_envelope
from idlegrid_server.http.limits import Guard, IdleCors
from idlegrid_server.http.request_log import RequestLog
from idlegrid_server.http.traffic import Traffic
from idlegrid_server.settings import Settings

NO_TELEMETRY: Final[TelemetryConfig] = {"tracing": False, "metrics": False, "logs": False}
"""FastAPI's own instrumentation costs every request; it is for those who export it."""


def make_application(
    settings: Settings, lifespan: Callable[[FastAPI], AbstractAsyncContextManager[None]], grid: Grid | None = None
) -> FastAPI:
    """The application; `lifespan` puts a Grid into `app.state.grid` unless one is given."""
    app = FastAPI(
        title="idlegrid",
        version=VERSION,
        lifespan=lifespan,
        redoc_url=None,
        redirect_slashes=False,
        telemetry=NO_TELEMETRY,
    )
    app.state.grid = grid
    app.state.traffic = Traffic(time.monotonic)
    for router in (
        nodes.router,
        idle.router,
        tasks.router,
        access.router,
        webhooks.router,
        system.probes,
        websocket.router,
        wheels.router,
    ):
        app.include_router(router)
    app.add_api_route("/livez", _livez, include_in_schema=False)
    errors.install(app)
    app.add_middleware(IdleCors, settings=settings)
    app.add_middleware(Guard, settings=settings)
    app.add_middleware(RequestLog, traffic=app.state.traffic, is_named=speaks_envelope)
    return app


async def _livez() -> PlainTextResponse:
    """The process serves; nothing else is asked."""
    return PlainTextResponse("ok")
