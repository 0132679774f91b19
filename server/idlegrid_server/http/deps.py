"""What handlers are given: the coordinator, and who calls."""

import asyncio
from dataclasses import dataclass
from typing import Final

from starlette.requests import HTTPConnection

from idlegrid_server.core.coordinator import Coordinator
from idlegrid_server.core.errors import NotAuthenticated, NotAuthorized
from idlegrid_server.core.ports import Queue
from idlegrid_server.core.system_queries import SystemReader
from idlegrid_server.http.machine import Machine
from idlegrid_server.record.keys import ApiKey, KeyStore
from idlegrid_server.settings import Settings

KEY_CACHE_SECONDS: Final = 5.0
"""How long a key that was found good is not looked up again."""


@dataclass(slots=True)
class Grid:
    """Everything the HTTP side needs, made by the composition root."""

    settings: Settings
    coordinator: Coordinator
    queue: Queue
    keys: KeyStore
    server_id: str
    known_keys: dict[str, tuple[float, ApiKey]]
    system: SystemReader
    machine: Machine
    started: float
    """By the coordinator's monotonic clock."""


def grid_of(connection: HTTPConnection) -> Grid:
    """The grid that this application serves."""
    grid: Grid = connection.app.state.grid
    return grid


async def admit(connection: HTTPConnection, scope: str | None) -> str:
    """Let a caller whose key has the scope in; its name, empty without keys.

    Raises NotAuthenticated or NotAuthorized.
    """
    grid = grid_of(connection)
    if scope is None or not grid.settings.needs_keys:
        return ""
    key = await find_key(grid, presented_key(connection))
    if scope not in key.scopes and "admin" not in key.scopes:
        raise NotAuthorized(f"This key may not do that: it lacks the scope {scope}")
    return key.name


def presented_key(connection: HTTPConnection) -> str:
    """The key in the Authorization header, or in `?api_key=`."""
    kind, _, key = connection.headers.get("authorization", "").partition(" ")
    return key.strip() if kind.lower() == "bearer" else connection.query_params.get("api_key", "")


async def find_key(grid: Grid, key: str) -> ApiKey:
    """The key's record. Raises NotAuthenticated when it is missing, unknown, expired or revoked."""
    if not key:
        raise NotAuthenticated("A key is required: send `Authorization: Bearer KEY`")
    clock = grid.coordinator.clock
    until, known = grid.known_keys.get(key, (0.0, None))
    if known is not None and clock.monotonic() < until:
        return known
    found = await asyncio.to_thread(grid.keys.find, key, clock.now())
    if found is None:
        grid.known_keys.pop(key, None)
        raise NotAuthenticated("This key is not valid: it is unknown, expired or revoked")
    grid.known_keys[key] = (clock.monotonic() + KEY_CACHE_SECONDS, found)
    return found
