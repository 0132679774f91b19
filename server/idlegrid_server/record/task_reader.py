"""Reading tasks: lists, what is due, and what waits for whom."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from graphlib import TopologicalSorter
from typing import Any, Final

from sqlalchemy import Connection, and_, bindparam, exists, func, or_, select

from idlegrid_server.core.definitions import Task, TaskStatus
from idlegrid_server.core.model import FINAL_STATES
from idlegrid_server.core.queries import Graph, RecentRun, TaskFilter
from idlegrid_server.record import tables as t
from idlegrid_server.record.reading import Reading, kept_by
from idlegrid_server.record.task_graph import read_graph, read_recent
from idlegrid_server.record.task_rows import read_task

_ENDED: Final = tuple(state.value for state in FINAL_STATES)
_unscheduled: Final = and_(t.tasks.c.schedule == "", t.tasks.c.interval_seconds.is_(None))

# These are asked with every look of the keeper, and making a query takes longer than its answer.
_first_due: Final = select(t.tasks.c.id).where(t.tasks.c.next_run_at <= bindparam("now")).limit(1)

_parent_run: Final = t.runs.alias()
_over: Final = (
    select(t.waits.c.run_id)
    .join(_parent_run, _parent_run.c.id == t.waits.c.parent_run_id)
    .where(kept_by(_parent_run.c.state.in_(_ENDED)))
)
_settled: Final = (
    select(t.runs.c.uuid)
    .where(t.runs.c.id.in_(_over), t.runs.c.state == "waiting")
    .order_by(t.runs.c.id)
    .limit(bindparam("most"))
)

_links, _parent = t.dependencies.c, t.tasks.alias()
_stale: Final = (
    select(_links.task_id)
    .outerjoin(_parent, _parent.c.id == _links.parent_id)
    .where(_links.task_id == t.tasks.c.id)
    .where(or_(_parent.c.id.is_(None), _parent.c.last_completed_id <= _links.used_run_id))
)
_ready: Final = (
    select(t.tasks.c.id)
    .where(t.tasks.c.id.in_(select(_links.task_id)), t.tasks.c.status != TaskStatus.PAUSED.value)
    .where(_unscheduled, ~exists(_stale))
    .order_by(t.tasks.c.id)
    .limit(bindparam("most"))
)


_kind: Final = func.coalesce(func.nullif(t.tasks.c.job_type, ""), t.tasks.c.task_type)
_SORTS: Final[dict[str, Any]] = {"job_type": _kind, "paused": t.tasks.c.status == TaskStatus.PAUSED.value}
"""What a list can be sorted by that is no column."""
_NULLABLE: Final = frozenset(column.name for column in t.tasks.c if column.nullable)


class TaskReader(Reading):
    """The part of `core.queries.Reader` that is about tasks."""

    def task(self, task_id: int) -> Task | None:
        """One task."""
        with self._reading() as connection:
            found = _with_parents(connection, select(t.tasks).where(t.tasks.c.id == task_id))
        return found[0] if found else None

    def tasks_named(self, names: Sequence[str]) -> dict[str, Task]:
        """Name → task, of those that there are."""
        with self._reading() as connection:
            found = _with_parents(connection, select(t.tasks).where(t.tasks.c.name.in_(names)))
        return {task.name: task for task in found}

    def task_code(self, task_id: int) -> str | None:
        """A task's inline code; None when it has none."""
        code: str | None = self._scalar(select(t.task_code.c.code).where(t.task_code.c.task_id == task_id))
        return code

    def tasks(self, wanted: TaskFilter) -> tuple[list[Task], int]:
        """One page of tasks, and how many there are in all."""
        where = list(_conditions(wanted))
        ids = select(t.tasks.c.id).where(*where).order_by(*_order(wanted))
        with self._reading() as connection:
            found, total = _page(connection, ids, wanted) if where else _page_of_all(connection, ids, wanted)
            tasks = _with_parents(connection, select(t.tasks).where(t.tasks.c.id.in_(found)))
        return sorted(tasks, key=lambda task: found.index(task.id)), total

    def graph(self, task_id: int, most: int) -> Graph:
        """The nearest tasks around one, `most` in all; empty when it is not there."""
        with self._reading() as connection:
            return read_graph(connection, task_id, most)

    def recent_runs(self, task_ids: Sequence[int], most: int) -> dict[int, list[RecentRun]]:
        """For each of the tasks that has had any its newest runs, newest first."""
        with self._reading() as connection:
            return read_recent(connection, task_ids, most)

    def due_tasks(self, now: float, limit: int) -> list[int]:
        """Tasks that are due, longest due first; of those due at one instant parents come before children."""
        if self._scalar(_first_due, {"now": now}) is None:
            return []
        due = t.tasks.c.next_run_at <= now
        times = select(t.tasks.c.next_run_at).where(due).order_by(t.tasks.c.next_run_at)
        with self._reading() as connection:
            # All that are due at the last instant take part: a parent must not be left out for its child.
            last = connection.scalar(times.offset(limit - 1).limit(1))
            within = due if last is None else t.tasks.c.next_run_at <= last
            when = dict(connection.execute(select(t.tasks.c.id, t.tasks.c.next_run_at).where(within)).all())
            depths = _depths(_parents_due_together(connection, within, when), when)
        return sorted(when, key=lambda task_id: (when[task_id], depths[task_id], task_id))[:limit]

    def parents_among(self, task_ids: Sequence[int]) -> dict[int, set[int]]:
        """Those of the tasks that depend on others of them, with these."""
        links = t.dependencies.c
        query = select(links.task_id, links.parent_id).where(links.task_id.in_(task_ids), links.parent_id.in_(task_ids))
        found: dict[int, set[int]] = {}
        with self._reading() as connection:
            for task, parent in connection.execute(query):
                found.setdefault(task, set()).add(parent)
        return found

    def due_times(self, now: float, until: float) -> list[float]:
        """When tasks are due after `now` and until then, each instant once."""
        at = t.tasks.c.next_run_at
        return self._names(select(at).where(at > now, at <= until).distinct().order_by(at))

    def settled_waits(self, limit: int) -> list[str]:
        """UUIDs of runs that wait for a run which has ended."""
        return self._names(_settled, {"most": limit})

    def ready_dependents(self, limit: int) -> list[int]:
        """Unscheduled tasks, not paused, whose parents have all completed since they last triggered them."""
        return self._names(_ready, {"most": limit})

    def orphans(self, limit: int) -> list[int]:
        """Ids of unfinished runs whose task is gone."""
        gone = t.runs.c.task_id.not_in(select(t.tasks.c.id))
        unfinished = (t.runs.c.task_id.is_not(None), t.runs.c.finished_at.is_(None))
        return self._names(select(t.runs.c.id).where(*unfinished, gone).limit(limit))


def _page(connection: Connection, ids: Any, wanted: TaskFilter) -> tuple[list[int], int]:
    """The texts are gone through once: that takes longer than reading the number of every task that is found."""
    every = connection.scalars(ids).all()
    return list(every[wanted.offset : wanted.offset + wanted.size]), len(every)


def _page_of_all(connection: Connection, ids: Any, wanted: TaskFilter) -> tuple[list[int], int]:
    total = connection.scalar(select(func.count()).select_from(t.tasks)) or 0
    return list(connection.scalars(ids.limit(wanted.size).offset(wanted.offset))), total


def _with_parents(connection: Connection, query: Any) -> list[Task]:
    rows = list(connection.execute(query))
    parents: dict[int, list[int]] = defaultdict(list)
    link = t.dependencies
    links = select(link.c.task_id, link.c.parent_id).where(link.c.task_id.in_([row.id for row in rows]))
    for task_id, parent_id in connection.execute(links):
        parents[task_id].append(parent_id)
    return [read_task(row, parents[row.id]) for row in rows]


def _conditions(wanted: TaskFilter) -> Iterator[Any]:
    for name in ("status", "task_type", "priority"):
        value = getattr(wanted, name)
        if value is not None:
            yield t.tasks.c[name] == value
    if wanted.search:
        # Both databases compare in lower case; SQLite's lower() knows ASCII alone, its LIKE too.
        yield or_(*(t.tasks.c[name].icontains(wanted.search, autoescape=True) for name in ("name", "description")))
    if wanted.kind:
        texts = (t.tasks.c.name, _kind, t.tasks.c.job_category)
        yield or_(*(text.icontains(wanted.kind, autoescape=True) for text in texts))


def _order(wanted: TaskFilter) -> Iterator[Any]:
    """Tasks without a time come as the earliest, on both databases; ties go by id."""
    column: Any = _SORTS.get(wanted.sort, t.tasks.c.get(wanted.sort))
    nullable = wanted.sort in _NULLABLE
    if wanted.descending:
        yield column.desc().nulls_last() if nullable else column.desc()
        yield t.tasks.c.id.desc()
    else:
        yield column.asc().nulls_first() if nullable else column.asc()
        yield t.tasks.c.id.asc()


def _parents_due_together(connection: Connection, within: Any, when: Mapping[int, float]) -> dict[int, list[int]]:
    """Task → those of its parents that are due at the same instant."""
    link = t.dependencies.c
    query = select(link.task_id, link.parent_id).join(t.tasks, t.tasks.c.id == link.task_id).where(within)
    found: dict[int, list[int]] = defaultdict(list)
    for task_id, parent_id in connection.execute(query):
        if when.get(parent_id) == when[task_id]:
            found[task_id].append(parent_id)
    return found


def _depths(parents: Mapping[int, list[int]], tasks: Iterable[int]) -> dict[int, int]:
    """How many of its parents stand one above the other over each task."""
    depths = dict.fromkeys(tasks, 0)
    for task_id in TopologicalSorter(parents).static_order():
        depths[task_id] = max((depths[parent] + 1 for parent in parents.get(task_id, ())), default=0)
    return depths
