"""Tasks in the writer's transactions: what commands asked for, and what they changed.

Tasks are locked in id order, after runs; whatever depends on a task is read under that lock.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any, Final

from sqlalchemy import Connection, bindparam, case, delete, func, insert, select, update

from idlegrid_server.core.batch import Batch, Needs
from idlegrid_server.core.definitions import Link, Task, Wait
from idlegrid_server.core.model import Run, RunState
from idlegrid_server.record import tables as t
from idlegrid_server.record.task_rows import WAITS, life_row, read_task, read_wait, task_row

UNFINISHED: Final = tuple(state.value for state in RunState if not state.is_final)

_tasks = select(t.tasks).where(t.tasks.c.id.in_(bindparam("ids", expanding=True))).order_by(t.tasks.c.id)
_tasks = _tasks.with_for_update()
_names = select(t.tasks.c.name, t.tasks.c.id).where(t.tasks.c.name.in_(bindparam("names", expanding=True)))
_edges = select(t.dependencies.c.task_id, t.dependencies.c.parent_id)
_parents = _edges.where(t.dependencies.c.task_id.in_(bindparam("ids", expanding=True)))
_codes = select(t.task_code).where(t.task_code.c.task_id.in_(bindparam("ids", expanding=True)))
_files = select(t.task_files.c.task_id, t.task_files.c.name)
_files = _files.where(t.task_files.c.task_id.in_(bindparam("ids", expanding=True)))

_of_parent = t.runs.c.task_id == t.dependencies.c.parent_id
_latest_unfinished = (
    select(func.max(t.runs.c.id)).where(_of_parent, t.runs.c.state.in_(UNFINISHED)).correlate(t.dependencies)
)
_noted = case((t.tasks.c.unfinished > 0, _latest_unfinished.scalar_subquery()), else_=t.tasks.c.last_run_id)
_links = (
    select(t.dependencies, t.tasks.c.name, t.tasks.c.last_completed_id, _noted.label("noted"))
    .join(t.tasks, t.tasks.c.id == t.dependencies.c.parent_id)
    .where(t.dependencies.c.task_id.in_(bindparam("ids", expanding=True)))
    .order_by(t.dependencies.c.task_id, t.dependencies.c.parent_id)
)
_states = select(t.runs.c.id, t.runs.c.state).where(t.runs.c.id.in_(bindparam("ids", expanding=True)))
_waits = WAITS.where(t.runs.c.uuid.in_(bindparam("uuids", expanding=True)))

_live = update(t.tasks).where(t.tasks.c.id == bindparam("b_id"))
_first_to_come = update(t.waits).where(t.waits.c.parent_id == bindparam("b_parent"), t.waits.c.parent_run_id.is_(None))
_satisfied = delete(t.waits).where(t.waits.c.run_id == bindparam("b_run"), t.waits.c.parent_id == bindparam("b_parent"))
_use = update(t.dependencies).where(
    t.dependencies.c.task_id == bindparam("b_task"), t.dependencies.c.parent_id == bindparam("b_parent")
)


def load_tasks(connection: Connection, needs: Needs, batch: Batch, sources: Iterable[Run]) -> None:
    """Add to the batch what was asked for of tasks, and the tasks of its runs. `sources` are to be made once more."""
    if needs.names:
        batch.names = dict(connection.execute(_names, {"names": sorted(needs.names)}).all())
    to_run = needs.to_run | {run.task_id for run in sources if run.task_id is not None}
    wanted = needs.tasks | to_run | set(batch.names.values())
    of_runs = {run.task_id for run in batch.runs.values() if run.task_id is not None}
    if wanted or of_runs:
        _load(connection, batch, wanted, wanted | of_runs)
    if to_run:
        _load_makings(connection, batch, sorted(to_run))
    if needs.waits:
        _load_waits(connection, batch, needs.waits)
    if needs.edges:
        batch.edges = _grouped(connection.execute(_edges))


def _load(connection: Connection, batch: Batch, wanted: set[int], ids: set[int]) -> None:
    rows = connection.execute(_tasks, {"ids": sorted(ids)}).all()
    parents = _grouped(connection.execute(_parents, {"ids": sorted(wanted)})) if wanted else {}
    batch.tasks = {row.id: read_task(row, parents.get(row.id, ())) for row in rows}


def _load_makings(connection: Connection, batch: Batch, ids: list[int]) -> None:
    """What runs are made of: code, names of files, parents and their latest runs."""
    batch.codes = dict(connection.execute(_codes, {"ids": ids}).all())
    batch.file_names = _grouped(connection.execute(_files, {"ids": ids}))
    rows = connection.execute(_links, {"ids": ids}).all()
    noted = {row.noted for row in rows if row.noted is not None}
    states = dict(connection.execute(_states, {"ids": sorted(noted)}).all()) if noted else {}
    links: dict[int, list[Link]] = defaultdict(list)
    for row in rows:
        links[row.task_id].append(_link(row, states.get(row.noted)))
    batch.links = dict(links)


def _link(row: Any, state: str | None) -> Link:
    return Link(
        task_id=row.task_id,
        parent_id=row.parent_id,
        parent_name=row.name,
        used_run_id=row.used_run_id,
        last_completed_id=row.last_completed_id,
        noted_run_id=None if state is None else row.noted,
        noted_state=None if state is None else RunState(state),
    )


def _load_waits(connection: Connection, batch: Batch, uuids: set[str]) -> None:
    waits: dict[str, list[Wait]] = defaultdict(list)
    for row in connection.execute(_waits, {"uuids": sorted(uuids)}):
        waits[row.uuid].append(read_wait(row))
    batch.waits = dict(waits)


def _grouped(rows: Iterable[Any]) -> dict[int, set[Any]]:
    """Pairs as sets by their first value."""
    groups: dict[int, set[Any]] = defaultdict(set)
    for key, value in rows:
        groups[key].add(value)
    return dict(groups)


def note_latest_runs(batch: Batch) -> None:
    """New runs have their numbers now: their tasks remember the highest."""
    for run, _ in batch.new_runs:
        task = batch.tasks.get(run.task_id or 0)
        if task is not None:
            task.last_run_id = max(task.last_run_id or 0, run.id)


def save_tasks(connection: Connection, batch: Batch) -> None:
    """Write what changed, after the runs: new ones have their numbers."""
    for task, code in batch.new_tasks:
        _insert(connection, batch, task, code)
    for task_id in sorted(batch.redefined):
        task = batch.redefined[task_id]
        connection.execute(update(t.tasks).where(t.tasks.c.id == task_id).values(task_row(task)))
        _link_parents(connection, batch, task)
    lives = sorted(batch.changed_tasks.keys() - batch.redefined.keys())
    _run(connection, _live, ({**life_row(batch.changed_tasks[task_id]), "b_id": task_id} for task_id in lives))
    for task_id, code in sorted(batch.new_codes.items()):
        _set_code(connection, task_id, code)
    _remove(connection, batch.removed_tasks)
    _save_waits(connection, batch)


def _insert(connection: Connection, batch: Batch, task: Task, code: str | None) -> None:
    task.id = connection.execute(insert(t.tasks).returning(t.tasks.c.id), task_row(task)).scalar_one()
    _link_parents(connection, batch, task)
    if code is not None:
        connection.execute(insert(t.task_code), {"task_id": task.id, "code": code})


def _link_parents(connection: Connection, batch: Batch, task: Task) -> None:
    """Make its links those of its definition. A new one counts what its parent completes from now on."""
    links = t.dependencies.c
    parents = set(task.definition.dependencies)
    known = set(connection.scalars(select(links.parent_id).where(links.task_id == task.id)))
    if gone := known - parents:
        connection.execute(delete(t.dependencies).where(links.task_id == task.id, links.parent_id.in_(gone)))
    for parent in sorted(parents - known):
        used = batch.tasks[parent].last_completed_id if parent in batch.tasks else 0
        row = {"task_id": task.id, "parent_id": parent, "used_run_id": used}
        connection.execute(insert(t.dependencies), row)


def _set_code(connection: Connection, task_id: int, code: str | None) -> None:
    connection.execute(delete(t.task_code).where(t.task_code.c.task_id == task_id))
    if code is not None:
        connection.execute(insert(t.task_code), {"task_id": task_id, "code": code})


def _remove(connection: Connection, task_ids: Sequence[int]) -> None:
    if not task_ids:
        return
    for table, column in ((t.tasks, "id"), (t.task_code, "task_id"), (t.task_files, "task_id")):
        connection.execute(delete(table).where(table.c[column].in_(task_ids)))
    connection.execute(delete(t.dependencies).where(t.dependencies.c.task_id.in_(task_ids)))


def _save_waits(connection: Connection, batch: Batch) -> None:
    of_tasks = [run for run, _ in batch.new_runs if run.task_id is not None]
    _run(connection, _first_to_come, ({"b_parent": run.task_id, "parent_run_id": run.id} for run in of_tasks))
    _run(
        connection,
        insert(t.waits),
        (
            {"run_id": batch.runs[uuid].id, "parent_id": parent, "parent_run_id": run}
            for uuid, parent, run in batch.new_waits
        ),
    )
    _run(connection, _satisfied, ({"b_run": run, "b_parent": parent} for run, parent in sorted(batch.satisfied)))
    _run(
        connection,
        _use,
        ({"b_task": task, "b_parent": parent, "used_run_id": run} for task, parent, run in batch.used),
    )


def _run(connection: Connection, statement: Any, rows: Iterable[dict[str, Any]]) -> None:
    """Carry it out for each row."""
    if given := list(rows):
        connection.execute(statement, given)
