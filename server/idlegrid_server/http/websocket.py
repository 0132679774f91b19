"""`WS /ws/updates`: everything that happens and the listener may know of, as it happens."""

import asyncio
from collections.abc import Coroutine
from contextlib import suppress

from fastapi import APIRouter, WebSocket, WebSocketDisconnect

from idlegrid_server.core.errors import AccessError
from idlegrid_server.core.model import Notice
from idlegrid_server.http.deps import admit, grid_of
from idlegrid_server.http.dialects.idle.translate import update
from idlegrid_server.http.scopes import SCOPES

router = APIRouter()


@router.websocket("/ws/updates")
async def updates(socket: WebSocket) -> None:
    """Send each notice until one side hangs up; a listener that falls far behind is cut off."""
    try:
        caller, confined_to = await admit(socket, SCOPES["WS", "/ws/updates"])
    except AccessError:
        await socket.close(1008)
        return
    grid = grid_of(socket)
    with grid.coordinator.updates.listening(confined_to) as notices, grid.gate.ring.watching(caller.key_id) as gone:
        await socket.accept()  # who is let in misses nothing from here on
        await _first(_send(socket, notices), _hang_up(socket), _until(gone))
    with suppress(RuntimeError, WebSocketDisconnect):
        await socket.close()


async def _send(socket: WebSocket, notices: "asyncio.Queue[Notice | None]") -> None:
    with suppress(WebSocketDisconnect):
        while (notice := await notices.get()) is not None:
            await socket.send_json(update(notice))


async def _hang_up(socket: WebSocket) -> None:
    """Return when the listener leaves; what it sends is ignored."""
    while (await socket.receive())["type"] != "websocket.disconnect":
        pass


async def _until(gone: "asyncio.Future[None]") -> None:
    """Return when the listener's key opens nothing any more."""
    await gone


async def _first(*waits: Coroutine[None, None, None]) -> None:
    tasks = [asyncio.ensure_future(wait) for wait in waits]
    _, rest = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    for task in rest:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
