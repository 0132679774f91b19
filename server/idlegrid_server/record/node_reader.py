"""Reading nodes: lists, what they hold and have done, how many there are."""

from typing import Any, Final

from sqlalchemy import ColumnElement, String, and_, case, cast, func, or_, select

from idlegrid_server.core.model import Node, NodeHealth, NodeState, NodeWish, RunState
from idlegrid_server.core.node_queries import HeldRun, NodeCounts, NodeFilter, NodeTotals
from idlegrid_server.core.reclaims import MOST_OF_ALL, MOST_OF_NODE, WINDOW, ReclaimFigures, figures
from idlegrid_server.record import tables as t
from idlegrid_server.record.node_history import HistoryReader
from idlegrid_server.record.reading import in_state
from idlegrid_server.record.rows import read_node
from idlegrid_server.record.weeks import WeekReader

_nodes: Final = t.nodes.c
_runs: Final = t.runs.c
_shown: Final = _nodes.wish != NodeWish.GONE.value
_away: Final = or_(_nodes.health != NodeHealth.ALIVE.value, _nodes.wish == NodeWish.OFFLINE.value)
_drains: Final = _nodes.wish == NodeWish.DRAINING.value
_status: Final = case((_away, "offline"), (_drains, "draining"), else_="active")
"""`core.nodedesk.status_of` in SQL."""
_load: Final = func.coalesce(_nodes.load_average, _nodes.cpu_percent / 100)
_SORTS: Final[dict[str, Any]] = {
    "registered_at": _nodes.registered_at,
    "created_at": _nodes.registered_at,
    "id": _nodes.id,
    "hostname": _nodes.hostname,
    "status": _status,
    "last_heartbeat": _nodes.last_seen,
    "load_average": _load,
    "cpu_usage": _nodes.cpu_percent,
    "memory_usage": _nodes.memory_percent * _nodes.memory_mb,
}
_held: Final = select(
    _runs.id, _runs.uuid, _runs.lease_id, _runs.task_id, _runs.task_name, _runs.leased_at, _runs.state == "running"
)


class SqlNodeReader(WeekReader, HistoryReader):
    """Implements `core.node_queries.NodeReader`."""

    def page(self, wanted: NodeFilter) -> tuple[list[Node], int]:
        """One page of nodes, and how many there are in all."""
        where = _conditions(wanted)
        by = _SORTS[wanted.sort]
        order = (by.desc(), _nodes.id.desc()) if wanted.descending else (by, _nodes.id)
        query = select(t.nodes).where(*where).order_by(*order).limit(wanted.size)
        with self._reading() as connection:
            total = connection.scalar(select(func.count()).select_from(t.nodes).where(*where)) or 0
            rows = connection.execute(query.offset((wanted.page - 1) * wanted.size))
            return [read_node(row) for row in rows], total

    def held(self, node_id: str) -> list[HeldRun]:
        """The runs that a node holds, newest first."""
        query = _held.where(in_state(RunState.RUNNING), _runs.node_id == node_id).order_by(_runs.id.desc())
        with self._reading() as connection:
            return [HeldRun(*row) for row in connection.execute(query)]

    def holder(self, run_uuid: str) -> HeldRun | None:
        """A run with its newest attempt; None for one that is unknown or was never leased."""
        with self._reading() as connection:
            row = connection.execute(_held.where(_runs.uuid == run_uuid, _runs.lease_id.is_not(None))).first()
        return None if row is None else HeldRun(*row)

    def totals(self, node_id: str) -> NodeTotals:
        """What a node has done in all."""
        of = t.node_totals.c
        query = select(of.completed, of.failed, of.attempts, of.wall_seconds).where(of.node_id == node_id)
        with self._reading() as connection:
            completed, failed, attempts, seconds = connection.execute(query).first() or (0, 0, 0, 0.0)
            return NodeTotals(completed, failed, attempts, seconds, connection.scalar(_up_since(node_id)))

    def counts(self) -> NodeCounts:
        """How many nodes there are."""
        there = _nodes.health == NodeHealth.ALIVE.value
        query = select(_status, _nodes.state, func.count()).where(_shown).group_by(_status, _nodes.state)
        by_status: dict[str, int] = {}
        by_state: dict[str, int] = {}
        with self._reading() as connection:
            for status, state, count in connection.execute(query):
                by_status[status] = by_status.get(status, 0) + count
                by_state[state] = by_state.get(state, 0) + count
            load = connection.scalar(select(func.avg(_load)).where(_shown, there)) or 0.0
        return NodeCounts(by_status, by_state, float(load))

    def reclaims(self, node_id: str | None, now: float) -> ReclaimFigures:
        """How fast the owner of a node, or of any, got the machine back lately. What is yet to come by a node's clock,
        which may be wrong, waits until it is past."""
        of = t.reclaims.c
        query = select(of.at, of.frozen_s, of.memory_s).where(of.at >= now - WINDOW, of.at <= now)
        if node_id is not None:
            query = query.where(of.node_id == node_id)
        newest = query.order_by(of.at.desc()).limit(MOST_OF_ALL if node_id is None else MOST_OF_NODE)
        with self._reading() as connection:
            return figures([(at, frozen, memory) for at, frozen, memory in connection.execute(newest)])


def _conditions(wanted: NodeFilter) -> list[ColumnElement[bool]]:
    where: list[ColumnElement[bool]] = [_shown]
    if wanted.status is not None:
        where.append(_status == wanted.status)
    if wanted.hostname is not None:
        where.append(func.lower(_nodes.hostname) == func.lower(wanted.hostname))
    if wanted.state is not None:
        where.append(_nodes.state == wanted.state)
    if wanted.search:
        named = (column.icontains(wanted.search, autoescape=True) for column in (_nodes.id, _nodes.hostname))
        where.append(or_(*named))
    if wanted.task_type is not None:
        where.append(_offers(wanted.task_type))
    return where


def _offers(task_type: str) -> ColumnElement[bool]:
    """Both columns are JSON lists of plain words, so that a quoted word in their text is one of the list."""
    word = f'"{task_type}"'
    offered = cast(_nodes.task_types, String).contains(word, autoescape=True)
    allowed = cast(_nodes.operator_types, String).contains(word, autoescape=True)
    return and_(offered, or_(_nodes.operator_types.is_(None), allowed))


def _up_since(node_id: str) -> Any:
    """When it came after it was last away; nothing while it is away."""
    of = t.node_states.c
    away = select(func.max(of.at)).where(of.node_id == node_id, of.state == NodeState.OFFLINE.value)
    return select(func.min(of.at)).where(of.node_id == node_id, of.at > func.coalesce(away.scalar_subquery(), 0.0))
