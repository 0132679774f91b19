"""Reading what nodes did: their spells, and how often attempts ended and failed there lately."""

from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import Connection, select

from idlegrid_server.core.model import NodeWish
from idlegrid_server.core.rates import Ends, Rates, rates, span_of
from idlegrid_server.core.spells import Entry, Spell, spells
from idlegrid_server.record import tables as t
from idlegrid_server.record.reading import Reading

_nodes: Final = t.nodes.c
_states: Final = t.node_states.c
_totals: Final = t.node_totals.c
_entry: Final = (_states.node_id, _states.at, _states.state, _states.reason)
_ends: Final = (  # In the order of `Ends`.
    *(_totals[name] for name in ("span", "span_ended", "span_failed", "span_seconds")),
    *(_totals[name] for name in ("before_ended", "before_failed", "before_seconds")),
)


class HistoryReader(Reading):
    """The part of `core.node_queries.NodeReader` that is about what nodes did."""

    def rates(self, node_ids: Sequence[str] | None, now: float) -> dict[str, Rates]:
        """How often attempts ended and failed lately on each of the nodes, or on all; none where none ended."""
        query = select(_totals.node_id, *_ends).where(_totals.span >= span_of(now) - 1)
        if node_ids is not None:
            query = query.where(_totals.node_id.in_(node_ids))
        with self._reading() as connection:
            return {node_id: rates(Ends(*counts), now) for node_id, *counts in connection.execute(query)}

    def spells(self, node_ids: Sequence[str], begin: float, end: float) -> dict[str, list[Spell]]:
        """What each of the nodes was between, by id as asked; those that are unknown or sent away are not in it."""
        query = select(_nodes.id, _nodes.since, _nodes.state, _nodes.reason)
        query = query.where(_nodes.id.in_(node_ids), _nodes.wish != NodeWish.GONE.value)
        with self._reading() as connection:
            now = {node_id: (since, state, reason) for node_id, since, state, reason in connection.execute(query)}
            entered: dict[str, list[Entry]] = {node_id: [] for node_id in node_ids if node_id in now}
            for node_id, *entry in (*_before(connection, entered, begin), *_between(connection, entered, begin, end)):
                entered[node_id].append(tuple(entry))
        return {node_id: spells(_with(known, now[node_id]), begin, end) for node_id, known in entered.items()}


def _with(known: Sequence[Entry], now: Entry) -> Sequence[Entry]:
    """Spells are forgotten after a month; who has been one thing for longer still says so in its own row."""
    return known if known and known[-1][0] >= now[0] else [*known, now]


def _before(connection: Connection, node_ids: Any, begin: float) -> Sequence[Any]:
    """The latest entry of each by then."""
    mine = select(_states.id).where(_states.node_id == _nodes.id, _states.at <= begin)
    latest = mine.order_by(_states.at.desc(), _states.id.desc()).limit(1).correlate(t.nodes).scalar_subquery()
    query = select(*_entry).select_from(t.nodes).join(t.node_states, _states.id == latest)
    return connection.execute(query.where(_nodes.id.in_(node_ids))).all()


def _between(connection: Connection, node_ids: Any, begin: float, end: float) -> Sequence[Any]:
    query = select(*_entry).where(_states.node_id.in_(node_ids), _states.at > begin, _states.at <= end)
    return connection.execute(query.order_by(_states.node_id, _states.at, _states.id)).all()
