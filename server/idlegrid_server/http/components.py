"""The four parts that `/api/system/health` speaks of, each measured when it is asked for."""

import asyncio

from idlegrid_server.core.health import Component
from idlegrid_server.http.deps import Grid
from idlegrid_server.http.traffic import Traffic


async def components(grid: Grid, traffic: Traffic) -> dict[str, Component]:
    """Each part with its `status`: `healthy`, `degraded` or `unhealthy`."""
    return {**await asyncio.to_thread(grid.health.components), "api": _api(traffic)}


def _api(traffic: Traffic) -> Component:
    rate, seconds = traffic.lately()
    return {"status": "healthy", "request_rate": round(rate, 3), "response_time": round(seconds, 6)}
