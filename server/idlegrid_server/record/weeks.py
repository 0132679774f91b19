"""Nodes' weeks in the record: folded from their spells, and read. The fact `weeks` is a `core.weeks.Watch` as text."""

from typing import Any, Final

from sqlalchemy import Connection, Engine, Float, bindparam, func, select

from idlegrid_server.core.model import NodeWish
from idlegrid_server.core.weeks import Watch, Week, lessons
from idlegrid_server.record import tables as t
from idlegrid_server.record.engine import insert_for, translated
from idlegrid_server.record.facts import swap
from idlegrid_server.record.reading import Reading

NAME: Final = "weeks"
_nodes: Final = t.nodes.c
_spells: Final = t.node_states.c
_weeks: Final = t.node_weeks.c
_here: Final = _nodes.wish != NodeWish.GONE.value


class WeekReader(Reading):
    """What is known of nodes' weeks."""

    def week(self, node_id: str) -> Week:
        """A node's week; an empty one where nothing is known."""
        query = select(_weeks.hour, _weeks.seen_seconds, _weeks.idle_seconds).where(_weeks.node_id == node_id)
        week = Week()
        with self._reading() as connection:
            for hour, seen, idle in connection.execute(query):
                week.seen[hour], week.idle[hour] = seen, idle
        return week

    def weeks(self) -> dict[str, tuple[int, Week]]:
        """Every node of which something is known: its clock's seconds east of UTC, and its week."""
        query = select(_nodes.id, _nodes.utc_offset, _weeks.hour, _weeks.seen_seconds, _weeks.idle_seconds)
        query = query.join(t.node_weeks, _weeks.node_id == _nodes.id).where(_here)
        known: dict[str, tuple[int, Week]] = {}
        with self._reading() as connection:
            for node_id, utc_offset, hour, seen, idle in connection.execute(query):
                week = known.setdefault(node_id, (utc_offset, Week()))[1]
                week.seen[hour], week.idle[hour] = seen, idle
        return known

    def whole_week(self) -> tuple[int, Week]:
        """Of how many nodes something is known, and their weeks added up, each on its owner's clock."""
        sums = select(_weeks.hour, func.sum(_weeks.seen_seconds), func.sum(_weeks.idle_seconds))
        sums = sums.join(t.nodes, _weeks.node_id == _nodes.id).where(_here).group_by(_weeks.hour)
        is_known = select(_weeks.hour).where(_weeks.node_id == _nodes.id).exists()
        week = Week()
        with self._reading() as connection:
            known = connection.scalar(select(func.count()).select_from(t.nodes).where(_here, is_known)) or 0
            for hour, seen, idle in connection.execute(sums):
                week.seen[hour], week.idle[hour] = seen, idle
        return known, week


class SqlWeeks(Reading):
    """Implements `housekeeping.weeks.Weeks`."""

    def __init__(self, engine: Engine) -> None:
        super().__init__(engine)
        self._teach = _teaching(engine)

    def watch(self) -> tuple[str, Watch | None]:
        """The fact as it is written, and what it says; empty and None when it is not there."""
        with self._reading() as connection:
            text = connection.scalar(select(t.facts.c.value).where(t.facts.c.name == NAME)) or ""
        return text, Watch(*map(float, text.split())) if text else None

    def fold(self, noted: str, known: Watch, until: float, after: Watch) -> bool:
        """Add what nodes did from `known.folded` to `until` to their weeks, and note `after`, both or neither.

        Nothing happens unless the fact is still `noted`, so that nothing is ever added twice; whether it was.
        """
        with self._reading() as connection:
            rows = _rows(connection, known.folded, until)
        with translated("written"), self._engine.begin() as connection:
            if not swap(connection, NAME, noted, _fact(after)):
                return False
            if rows:
                connection.execute(self._teach, rows)
        return True

    def note(self, noted: str, after: Watch) -> None:
        """Note how far things are, unless the fact is no longer `noted`."""
        with translated("written"), self._engine.begin() as connection:
            swap(connection, NAME, noted, _fact(after))


def _fact(watch: Watch) -> str:
    return f"{watch.folded:.3f} {watch.watched:.3f}"


def _teaching(engine: Engine) -> Any:
    """A lesson is added to an hour by what it keeps of what is known, so that nothing needs to be read before."""
    statement = insert_for(engine.dialect)(t.node_weeks)
    keep = bindparam("keep", type_=Float)
    changed = {
        name: _weeks[name] * keep + getattr(statement.excluded, name) for name in ("seen_seconds", "idle_seconds")
    }
    return statement.on_conflict_do_update(index_elements=["node_id", "hour"], set_=changed)


def _rows(connection: Connection, begin: float, end: float) -> list[dict[str, Any]]:
    """What the time from `begin` to `end` adds to the weeks of all nodes that are not sent away."""
    nodes = connection.execute(_standing(begin)).all()
    entered = _entered(connection, begin, end)
    rows = []
    for node in sorted(nodes):
        # A spell is forgotten after a month; who has done one thing for longer still says so in its own row.
        known = [(begin, node.before)] if node.before else []
        spells = [(node.since, node.state)] if node.since <= begin else known + entered.get(node.id, [])
        for hour, lesson in sorted(lessons(spells, begin, end, node.utc_offset).items()):
            words = {"node_id": node.id, "hour": hour, "keep": lesson.keep}
            rows.append({**words, "seen_seconds": lesson.seen, "idle_seconds": lesson.idle})
    return rows


def _standing(begin: float) -> Any:
    """Every node, with the state that it was in before if it has changed since `begin`."""
    before = select(_spells.state).where(_spells.node_id == _nodes.id, _spells.at <= begin, _nodes.since > begin)
    latest = before.order_by(_spells.at.desc(), _spells.id.desc()).limit(1).scalar_subquery()
    return select(_nodes.id, _nodes.state, _nodes.since, _nodes.utc_offset, latest.label("before")).where(_here)


def _entered(connection: Connection, begin: float, end: float) -> dict[str, list[tuple[float, str]]]:
    """By node: the states that it entered between, with their times."""
    # Without the list of nodes SQLite would walk through every spell there is.
    changed = select(_nodes.id).where(_nodes.since > begin)
    query = select(_spells.node_id, _spells.at, _spells.state).where(_spells.node_id.in_(changed))
    found: dict[str, list[tuple[float, str]]] = {}
    for node_id, *spell in connection.execute(
        query.where(_spells.at > begin, _spells.at <= end).order_by(_spells.at, _spells.id)
    ):
        found.setdefault(node_id, []).append(tuple(spell))
    return found
