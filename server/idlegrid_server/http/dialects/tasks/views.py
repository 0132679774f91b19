"""Putting together what a page of the task API needs from several queries."""

from collections.abc import Iterable
from typing import Any

from idlegrid_server.core.coordinator import Coordinator
from idlegrid_server.core.errors import NotFound
from idlegrid_server.core.limits import MAX_INT64
from idlegrid_server.core.matching import waiting_for
from idlegrid_server.core.model import Node
from idlegrid_server.core.queries import RunFilter
from idlegrid_server.http.dialects.tasks import translate

LOG_PIECES = 1_000
"""Newest pieces of a log in a run's detail."""


async def run_page(coordinator: Coordinator, wanted: RunFilter) -> dict[str, Any]:
    """One page of runs."""
    views, total = await coordinator.read(coordinator.reader.runs, wanted)
    nodes = await coordinator.read(coordinator.reader.nodes)
    names = _hostnames(nodes)
    items = [
        translate.run(v, names, waiting_for(v.run.queue, nodes) if v.run.state == "pending" else None) for v in views
    ]
    return translate.page(items, total, wanted.page, wanted.size)


async def run_detail(coordinator: Coordinator, run_id: int) -> dict[str, Any]:
    """A run whole. Raises NotFound."""
    found = await coordinator.read(coordinator.reader.detail, run_id) if run_id <= MAX_INT64 else None
    if found is None:
        raise NotFound(f"Run {run_id} not found")
    logs = await coordinator.read(coordinator.reader.last_logs, run_id, LOG_PIECES)
    why = await coordinator.waiting_for(found.view.run)
    names = _hostnames(await coordinator.read(coordinator.reader.nodes))
    return translate.detail(found, names, why, logs)


async def log_page(coordinator: Coordinator, run_id: int, after: int, limit: int) -> dict[str, Any]:
    """Some of a run's log. Raises NotFound."""
    view = await coordinator.view(run_id)
    pieces = await coordinator.read(coordinator.reader.logs, run_id, after, limit)
    return translate.log_page(pieces, after, finished=view.run.state.is_final and len(pieces) < limit)


async def worker_page(coordinator: Coordinator, number: int, size: int) -> dict[str, Any]:
    """One page of nodes."""
    nodes = await coordinator.read(coordinator.reader.nodes)
    shown = nodes[(number - 1) * size : number * size]
    held = await coordinator.read(coordinator.reader.held_by, [node.id for node in shown])
    items = [translate.worker(node, held.get(node.id, 0)) for node in shown]
    return translate.page(items, len(nodes), number, size)


def _hostnames(nodes: Iterable[Node]) -> dict[str, str]:
    return {node.id: node.hostname for node in nodes}
