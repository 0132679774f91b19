"""Which tasks stand around one: those that it depends on and that depend on it, and so on from there; and how the
newest runs of tasks went.
"""

from collections import defaultdict
from collections.abc import Collection, Sequence
from typing import Any, Final

from sqlalchemy import Connection, bindparam, func, select, true

from idlegrid_server.core.model import RunState
from idlegrid_server.core.queries import Graph, GraphTask, RecentRun
from idlegrid_server.record import tables as t

_links: Final = t.dependencies.c
_near: Final[Any] = bindparam("near", expanding=True)
_known: Final[Any] = bindparam("known", expanding=True)
_parents: Final = select(_links.parent_id).where(_links.task_id.in_(_near), _links.parent_id.not_in(_known))
_children: Final = select(_links.task_id).where(_links.parent_id.in_(_near), _links.task_id.not_in(_known))
_NEIGHBOURS: Final = tuple(
    query.distinct().order_by(*query.selected_columns).limit(bindparam("most")) for query in (_parents, _children)
)
_among: Final = select(_links.parent_id, _links.task_id).where(_links.task_id.in_(_known), _links.parent_id.in_(_known))
_heads: Final = select(*t.tasks.c["id", "name", "status", "last_state"]).where(t.tasks.c.id.in_(_known))

_wanted: Final[Any] = t.tasks.c.id.in_(bindparam("tasks", expanding=True))
_one: Final = t.runs.alias()
_its_own: Final = select(*_one.c["task_id", "id", "state"]).where(_one.c.task_id == t.tasks.c.id)
_newest: Final = _its_own.order_by(_one.c.id.desc())
_newest_ones: Final = _newest.limit(bindparam("most")).correlate(t.tasks).lateral()
_last_of_them: Final = (
    _newest.with_only_columns(_one.c.id).limit(1).offset(bindparam("most") - 1).correlate(t.tasks).scalar_subquery()
)
_from_there_on: Final = (t.runs.c.task_id == t.tasks.c.id) & (t.runs.c.id >= func.coalesce(_last_of_them, 0))
_RECENT: Final = {
    "postgresql": select(_newest_ones).select_from(t.tasks).join(_newest_ones, true()).where(_wanted),
    "sqlite": select(*t.runs.c["task_id", "id", "state"])
    .select_from(t.tasks)
    .join(t.runs, _from_there_on)
    .where(_wanted),
}
"""By task a look or two into one index. SQLite knows no lateral joins: there one look finds where the newest begin, and
another finds these; PostgreSQL takes that for a reason to go through all runs.
"""


def read_graph(connection: Connection, task_id: int, most: int) -> Graph:
    """The nearest tasks around one, `most` in all; empty when it is not there."""
    distances, is_cut = _distances(connection, task_id, most)
    known = {"known": list(distances)}
    found = {row.id: row for row in connection.execute(_heads, known)}
    tasks = [_read(found[number], distance) for number, distance in distances.items() if number in found]
    edges = [(row[0], row[1]) for row in connection.execute(_among, known) if row[0] in found and row[1] in found]
    return Graph(tasks, sorted(edges), is_cut)


def _distances(connection: Connection, task_id: int, most: int) -> tuple[dict[int, int], bool]:
    """Task → links from the one, near ones first; and whether there are more."""
    distances, near, distance = {task_id: 0}, [task_id], 0
    while near:
        distance += 1
        near = _neighbours(connection, near, distances, most)
        room = most - len(distances)
        distances.update(dict.fromkeys(near[:room], distance))
        if len(near) > room:
            return distances, True
    return distances, False


def _neighbours(connection: Connection, near: Sequence[int], known: Collection[int], most: int) -> list[int]:
    """Those beside these that are not known, by id; of very many no more than decide which come first."""
    words = {"near": near, "known": list(known), "most": most}
    return sorted({number for query in _NEIGHBOURS for number in connection.scalars(query, words)})


def _read(row: Any, distance: int) -> GraphTask:
    last = None if row.last_state is None else RunState(row.last_state)
    return GraphTask(row.id, row.name, row.status, last, distance)


def read_recent(connection: Connection, task_ids: Sequence[int], most: int) -> dict[int, list[RecentRun]]:
    """For each of the tasks that has had any its newest runs, newest first."""
    found, query = defaultdict[int, list[RecentRun]](list), _RECENT[connection.dialect.name]
    for task_id, run_id, state in connection.execute(query, {"tasks": task_ids, "most": most}):
        found[task_id].append(RecentRun(run_id, RunState(state)))
    return {task_id: sorted(runs, key=lambda run: -run.id) for task_id, runs in found.items()}
