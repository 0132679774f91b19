"""Lists of runs by a part of their task's name, and what is found by a name or by a state.

The latter is the list by states, and beside it, by the same days, the tasks' runs in other states.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import Connection, Integer, cast, func, null, or_, select

from idlegrid_server.core.model import RunState
from idlegrid_server.core.queries import RunFilter
from idlegrid_server.record import tables as t
from idlegrid_server.record.census import DAY, NEVER
from idlegrid_server.record.reading import kept_by
from idlegrid_server.record.run_parts import (
    IDS,
    Part,
    by_counts,
    called,
    conditions,
    is_dated,
    keys_of,
    on_day,
    time_of,
)


def plainly(connection: Connection, wanted: RunFilter) -> RunFilter:
    """The same filter put more plainly, as far as the tasks' names and the states tell.

    Without a task of that name it is one by states; where the states would find all, or one task all that the name
    finds, it searches no more.
    """
    if not wanted.search:
        return wanted
    shown = [state.value for state in RunState] if wanted.states is None else wanted.states
    beside = [state for state in wanted.or_states if state in shown]
    if set(beside) >= set(shown):
        return replace(wanted, search="")
    tasks = _tasks_called(connection, wanted)
    if not tasks:
        return replace(wanted, search="", states=beside)
    if wanted.task_id is not None or (len(tasks) == 1 and not beside):
        return replace(wanted, search="", task_id=tasks[0])
    return replace(wanted, or_states=beside)


def _tasks_called(connection: Connection, wanted: RunFilter) -> Sequence[int]:
    """The task, if it is called so; the first two where any will do."""
    query = called(wanted.search).limit(2)
    if wanted.task_id is not None:
        query = query.where(t.tasks.c.id == wanted.task_id)
    return connection.scalars(query).all()


def with_number(connection: Connection, wanted: RunFilter, parts: Sequence[Part]) -> list[Part]:
    """What the name finds, and beside it the one run with the number, unless the name finds it, too."""
    every, at = replace(wanted, search=""), time_of(wanted)
    unnamed = or_(t.runs.c.task_id.is_(None), t.runs.c.task_id.not_in(called(wanted.search)))
    the_run = (t.runs.c.id == wanted.or_id, *map(kept_by, (unnamed, *conditions(every))))
    found = connection.execute(select(t.runs.c.id, at).where(*the_run)).first()
    if found is None:
        return list(parts)
    if not parts:
        return [Part(1, lambda: [IDS.where(*the_run)])]
    # Those that have no time by the sort are a part of their own, the first.
    place = 0 if len(parts) == 1 or found[1] is None else 1
    return [_with_run(part, the_run) if place == here else part for here, part in enumerate(parts)]


def _with_run(part: Part, the_run: Sequence[Any]) -> Part:
    return Part(part.length + 1, lambda: [*part.queries(), IDS.where(*the_run)], part.keys)


def by_either(connection: Connection, wanted: RunFilter) -> dict[int, Part]:
    """What is in one of the states; and what is of the tasks, but in none of them. By day, as `by_counts`."""
    parts = by_counts(connection, replace(wanted, search="", states=wanted.or_states))
    shown = [state.value for state in RunState] if wanted.states is None else wanted.states
    others = [state for state in shown if state not in wanted.or_states]
    named = replace(wanted, or_states=(), states=others)
    for day, length in _lengths(connection, named).items():
        part = parts.get(day)
        parts[day] = _with_named(part or Part(0, list), named, day, length)
    return parts


def _lengths(connection: Connection, named: RunFilter) -> dict[int, int]:
    """How many runs there are on which day, as the counts have it."""
    days = (time_of(named) if is_dated(named) else null()) / float(DAY)
    # SQLite cuts off what PostgreSQL would round.
    whole = days if connection.dialect.name == "sqlite" else func.floor(days)
    on = func.coalesce(cast(whole, Integer), NEVER).label("on_day")
    query = select(on, func.count()).select_from(t.runs).where(*conditions(named)).group_by(on)
    return dict(connection.execute(query).all())


def _with_named(part: Part, named: RunFilter, day: int, length: int) -> Part:
    """The part with the tasks' runs of the same day."""
    on = map(kept_by, on_day(time_of(named), day)) if is_dated(named) else ()
    where = [*conditions(named), *on]
    return Part(part.length + length, lambda: [*part.queries(), IDS.where(*where)], keys_of(named, day))
