"""What handlers are given: the coordinator, and who calls."""

from dataclasses import dataclass

from starlette.requests import HTTPConnection
from starlette.types import Scope

from idlegrid_server.core.access import ANYONE, Access, Caller
from idlegrid_server.core.coordinator import Coordinator
from idlegrid_server.core.errors import GridError
from idlegrid_server.core.explaining import Explainer
from idlegrid_server.core.health import Health
from idlegrid_server.core.ports import Queue
from idlegrid_server.core.system_queries import SystemReader
from idlegrid_server.core.watching import Watcher
from idlegrid_server.core.webhookdesk import WebhookDesk
from idlegrid_server.http.access.desk import KeyDesk
from idlegrid_server.http.access.gate import Gate
from idlegrid_server.http.machine import Machine
from idlegrid_server.record.keys import KeyStore
from idlegrid_server.settings import Settings


@dataclass(slots=True)
class Grid:
    """Everything the HTTP side needs, made by the composition root."""

    settings: Settings
    coordinator: Coordinator
    queue: Queue
    keys: KeyStore
    server_id: str
    gate: Gate
    key_desk: KeyDesk
    system: SystemReader
    health: Health
    webhooks: WebhookDesk
    explainer: Explainer
    watcher: Watcher
    machine: Machine
    started: float
    """By the coordinator's monotonic clock."""


def grid_of(connection: HTTPConnection) -> Grid:
    """The grid that this application serves."""
    grid: Grid = connection.app.state.grid
    return grid


async def admit(connection: HTTPConnection, access: Access | None) -> tuple[Caller, str | None]:
    """Let a caller in whose key has the scope: who it is, and the submitter whose runs alone are in its reach.

    None is no bound. Raises NotAuthenticated, NotAuthorized, TooManyRequests.
    """
    grid = grid_of(connection)
    if access is None or not grid.settings.needs_keys:
        return ANYONE, None
    scope = connection.scope
    return await grid.gate.admit(presented_key(connection), address_of(scope), scope["path"], access)


def note_refusal(connection: HTTPConnection, refusal: GridError, caller: Caller) -> None:
    """Log that a caller who was let in was refused all the same."""
    grid_of(connection).gate.refused(address_of(connection.scope), connection.scope["path"], refusal, caller)


def address_of(scope: Scope) -> str:
    """Where the request comes from: the host, as a trusted proxy says it if there is one."""
    client = scope.get("client")
    return client[0] if client else ""


def presented_key(connection: HTTPConnection) -> str:
    """The key in the Authorization header, or in `?api_key=`."""
    kind, _, key = connection.headers.get("authorization", "").partition(" ")
    return key.strip() if kind.lower() == "bearer" else connection.query_params.get("api_key", "")
