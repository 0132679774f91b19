"""`idlegrid up` from its options to its exit status: the only module here that knows all the others."""

import asyncio
import os
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass

from idlegrid.trust import believing
from idlegrid_server.up import addresses, greeting, keys, parts, redis_server
from idlegrid_server.up.folder import DataFolder
from idlegrid_server.up.keys import Keys
from idlegrid_server.up.options import Options, claim_ports
from idlegrid_server.up.process import adopt_orphans, end_orphans
from idlegrid_server.up.readiness import Probe, until
from idlegrid_server.up.redis_server import RedisServer
from idlegrid_server.up.supervisor import Supervisor

PATIENCE_SECONDS = 15.0
"""How often people are told what is still being waited for."""


@dataclass(frozen=True)
class Grid:
    """A grid with nothing open about it any more; `redis` is None for one that runs elsewhere."""

    options: Options
    folder: DataFolder
    keys: Keys
    redis: RedisServer | None
    started: float


def up(wanted: Options) -> int:
    """Bring a grid up and keep it up until SIGINT, SIGTERM or SIGHUP; returns 0 once everything has ended.

    Raises `UpError` when it cannot be brought up; no process is left in any case.
    """
    options = claim_ports(wanted)
    folder = DataFolder(options.data)
    with folder.lock():
        folder.ready_file.unlink(missing_ok=True)
        own = keys.ensure(folder.path) if options.shared else Keys()
        redis = None if os.environ.get("IDLEGRID_REDIS_URL") else redis_server.embedded(folder)
        adopt_orphans()
        try:
            asyncio.run(_serve(Grid(options, folder, own, redis, time.time())))
        finally:
            end_orphans()
            folder.ready_file.unlink(missing_ok=True)
    say("Stopped.")
    return 0


def say(text: str) -> None:
    """Tell the person at the terminal; a terminal that has gone is no reason to stop."""
    with suppress(OSError):
        print(text, flush=True)


async def _serve(grid: Grid) -> None:
    supervisor = _supervisor(grid)
    announcer = asyncio.create_task(_bring_up(grid, supervisor))
    # A fault in there must end the grid, or nobody would ever hear of it; it is raised again below.
    announcer.add_done_callback(lambda task: _stop_if_failed(task, supervisor))
    try:
        await supervisor.run()
    finally:
        announcer.cancel()
        with suppress(asyncio.CancelledError):
            await announcer


def _stop_if_failed(task: asyncio.Task[None], supervisor: Supervisor) -> None:
    if not task.cancelled() and task.exception() is not None:
        supervisor.stop()


def _supervisor(grid: Grid) -> Supervisor:
    url = grid.redis.url if grid.redis else os.environ["IDLEGRID_REDIS_URL"]
    specs = [grid.redis.spec()] if grid.redis else []
    specs += parts.parts(grid.options, grid.folder, url, grid.keys)
    return Supervisor(specs, grid.folder.logs, say, echo=say if grid.options.verbose else None)


async def _bring_up(grid: Grid, supervisor: Supervisor) -> None:
    missing = _checks(grid)
    reporter = asyncio.create_task(_report(missing, grid, supervisor))
    try:
        if grid.redis is not None:
            await until(grid.redis.answers, every=0.02)
        supervisor.meet(parts.REDIS)
        await _settle(missing, parts.COORDINATOR)
        supervisor.meet(parts.COORDINATOR)
        await asyncio.gather(*(_settle(missing, name) for name in list(missing)))
    finally:
        reporter.cancel()
    if supervisor.stopping:
        return
    supervisor.ready = True
    grid.folder.ready_file.touch(mode=0o600)
    say(greeting.ready(grid.options, grid.keys, str(grid.folder.path), wheels=parts.dist_folder() is not None))


def _checks(grid: Grid) -> dict[str, Callable[[], Awaitable[bool]]]:
    options = grid.options
    coordinator = _probe(options, options.port, grid.keys.submit)
    checks: dict[str, Callable[[], Awaitable[bool]]] = {
        parts.COORDINATOR: lambda: coordinator.answers("/livez"),
    }
    if options.nodes:
        checks[f"{options.nodes} node(s)"] = lambda: _joined(coordinator, grid)
    if options.console_port is not None:
        console = _probe(options, options.console_port)
        checks["console"] = lambda: console.answers("/_stcore/health")
    return checks


def _probe(options: Options, port: int, key: str = "") -> Probe:
    tls = None if options.certificate is None else believing(str(options.certificate.cert))
    return Probe(addresses.local(options.host), port, key, tls, options.tls_name)


async def _joined(coordinator: Probe, grid: Grid) -> bool:
    return await coordinator.nodes_since(grid.started, grid.options.nodes) >= grid.options.nodes


async def _settle(missing: dict[str, Callable[[], Awaitable[bool]]], name: str) -> None:
    await until(missing[name])
    del missing[name]


async def _report(missing: dict[str, Callable[[], Awaitable[bool]]], grid: Grid, supervisor: Supervisor) -> None:
    await asyncio.sleep(PATIENCE_SECONDS)
    while not supervisor.stopping:
        say(greeting.waiting(list(missing), str(grid.folder.logs)))
        await asyncio.sleep(PATIENCE_SECONDS)
