"""What a list of runs is made of: stretches that are in order, each with its length and the queries that find it.

Filters by state and time are answered from the counts of `run_counts`: they say how long the list is, and on which day
of the sort's time the page lies, so that only that day is walked. Where a bound lies within a day, only those days of
the sort are counted that have runs made on it. All other filters name a submitter, a task, a node or a part of a task's
name: its runs are counted and sorted in an index that holds all that is filtered and sorted by.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any, Final, NamedTuple

from sqlalchemy import ColumnElement, Connection, Select, func, or_, select

from idlegrid_server.core.queries import RunFilter
from idlegrid_server.record import tables as t
from idlegrid_server.record.census import DAY, NEVER
from idlegrid_server.record.reading import kept_by, submitted_by

IDS: Final = select(t.runs.c.id)
"""What finds runs begins with this."""
EVERYTHING: Final = (IDS,)
"""Finds all runs; known by being this very thing."""


class Count(NamedTuple):
    """Runs that were made on a day, have a day by the sort, and are in a state."""

    made: int
    day: int
    state: str
    value: int


class Part(NamedTuple):
    """A stretch of a list: what is found by any of the queries, by these keys and then by id.

    The queries are made when they are asked: a list may have a part for each day, and a page lies on one or two.
    """

    length: int
    queries: Callable[[], Sequence[Select[Any]]]
    keys: Sequence[Any] = ()


# --- by the counts ---


def by_counts(connection: Connection, wanted: RunFilter) -> dict[int, Part]:
    """By day of the sort's time; what does not go by time is all on the day that is none."""
    counts = _counts(connection, wanted)
    if not is_dated(wanted):
        matching = [count for count in counts if _matches(wanted, count)]
        states = None if len(matching) == len(counts) else wanted.states
        return {NEVER: Part(sum(count.value for count in matching), lambda: _in_states(states))}
    days: dict[int, list[Count]] = defaultdict(list)
    for count in counts:
        days[count.day].append(count)
    return {day: _of_day(connection, wanted, day, of_day) for day, of_day in days.items()}


def is_dated(wanted: RunFilter) -> bool:
    """Whether the list goes by a time."""
    return wanted.sort != "id" or wanted.since is not None or wanted.until is not None


def _in_states(states: Sequence[str] | None, *where: Any) -> Sequence[Select[Any]]:
    if states is None:
        return EVERYTHING
    return [IDS.where(t.runs.c.state == state, *where) for state in dict.fromkeys(states)]


def _counts(connection: Connection, wanted: RunFilter) -> list[Count]:
    counts = t.run_counts.c
    day = {"started_at": counts.start_day, "finished_at": counts.end_day}.get(wanted.sort, counts.made_day)
    query = select(counts.made_day, day, counts.state, func.sum(counts.value))
    rows = connection.execute(query.group_by(counts.made_day, day, counts.state))
    return [Count(made, ended, state, int(value)) for made, ended, state, value in rows if value]


def _matches(wanted: RunFilter, count: Count) -> bool:
    return _is_in_time(wanted, count.made) and (wanted.states is None or count.state in wanted.states)


def _is_in_time(wanted: RunFilter, made: int) -> bool:
    after = wanted.since is None or (made + 1) * DAY > wanted.since
    return after and (wanted.until is None or made * DAY < wanted.until)


def _is_cut(wanted: RunFilter, made: int) -> bool:
    """Whether a bound lies within the day, so that its counts do not tell."""
    bounds = (wanted.since, wanted.until)
    return any(at is not None and made * DAY < at < (made + 1) * DAY for at in bounds)


def _of_day(connection: Connection, wanted: RunFilter, day: int, counts: Sequence[Count]) -> Part:
    matching = [count for count in counts if _matches(wanted, count)]
    cut = {count.made for count in matching if _is_cut(wanted, count.made)}
    length = sum(count.value for count in matching if count.made not in cut)
    filters = wanted if cut or len(matching) < len(counts) else RunFilter()
    states = list(dict.fromkeys(count.state for count in matching))
    for made in cut:
        length += _number(connection, _within(wanted, made), day, states)
    if _has_not_ended(wanted, day):
        return Part(length, lambda: _in_states(states, *conditions(filters)))
    column = time_of(wanted)
    return Part(length, lambda: [IDS.where(*on_day(column, day), *conditions(filters))], keys_of(wanted, day))


def keys_of(wanted: RunFilter, day: int) -> Sequence[Any]:
    """What runs of the day are sorted by before their ids.

    Also those that have not started, who are together where the index by start has them: sorted by ids alone
    PostgreSQL looks at all runs from the newest on. Those that have not ended are in no index by that.
    """
    return (time_of(wanted),) if is_dated(wanted) and not _has_not_ended(wanted, day) else ()


def _has_not_ended(wanted: RunFilter, day: int) -> bool:
    return day == NEVER and wanted.sort == "finished_at"


def _within(wanted: RunFilter, made: int) -> RunFilter:
    """The same for the runs that were made on a day."""
    since, until = float(made * DAY), float((made + 1) * DAY)
    if wanted.since is not None:
        since = max(since, wanted.since)
    if wanted.until is not None:
        until = min(until, wanted.until)
    return replace(wanted, since=since, until=until)


def _number(connection: Connection, wanted: RunFilter, day: int, states: Sequence[str]) -> int:
    """How many of the runs have the day by the sort; of those that have not ended there is no index by that time."""
    if _has_not_ended(wanted, day):
        made = t.runs.c.created_at
        where = [made >= wanted.since, made < wanted.until, kept_by(t.runs.c.state.in_(states))]
    else:
        where = [*on_day(time_of(wanted), day), *conditions(wanted)]
    return connection.scalar(select(func.count()).select_from(t.runs).where(*where)) or 0


def on_day(column: Any, day: int) -> list[ColumnElement[bool]]:
    """That the time is of a day, or has not come."""
    return [column.is_(None)] if day == NEVER else [column >= day * DAY, column < (day + 1) * DAY]


# --- by an index of the submitter, the task, the node, or tasks ---


def by_scan(connection: Connection, wanted: RunFilter) -> Iterator[Part]:
    """Those without a time and those with one, as one look at all of them counts them."""
    where, column = list(conditions(wanted)), time_of(wanted)
    both = select(func.count(), func.count(column)).select_from(t.runs)
    total, timed = connection.execute(both.where(*where)).one()
    # PostgreSQL would go through all runs by that time rather than sort those of a submitter, or of some tasks.
    key = column if wanted.submitter is None and not wanted.search else (column + 0.0).label("sorted_by")
    if wanted.sort == "id":
        yield Part(total, lambda: [IDS.where(*where)], (key,) if is_dated(wanted) else ())
        return
    yield Part(total - timed, lambda: [IDS.where(*where, kept_by(column.is_(None)))])
    yield Part(timed, lambda: [IDS.where(*where, column.is_not(None))], (key,))


def time_of(wanted: RunFilter) -> Any:
    """What the list goes by beside the id; where it is filtered by the time of making, that."""
    return t.runs.c.created_at if wanted.sort == "id" else t.runs.c[wanted.sort]


def conditions(wanted: RunFilter) -> Iterator[Any]:
    """What to look for; only the first is looked up in an index.

    The submitter comes first, so that who sees only his own runs never waits for a look at those of others.
    """
    named = {name: getattr(wanted, name) for name in ("task_id", "node_id")}
    found = [t.runs.c[name] == value for name, value in named.items() if value is not None]
    if wanted.search:
        found.append(_found_by_search(wanted))
    mine = [] if wanted.submitter is None else submitted_by(wanted.submitter)
    first = mine or found[:1]
    yield from first
    yield from map(kept_by, found if mine else found[1:])
    if wanted.states is not None:
        yield kept_by(t.runs.c.state.in_(wanted.states))
    if wanted.since is not None:
        yield kept_by(t.runs.c.created_at >= wanted.since)
    if wanted.until is not None:
        yield kept_by(t.runs.c.created_at < wanted.until)


def called(search: str) -> Select[Any]:
    """Ids of the tasks whose name has this in it, in any case."""
    return select(t.tasks.c.id).where(t.tasks.c.name.icontains(search, autoescape=True))


def _found_by_search(wanted: RunFilter) -> ColumnElement[bool]:
    named = t.runs.c.task_id.in_(called(wanted.search))
    return or_(named, t.runs.c.state.in_(wanted.or_states)) if wanted.or_states else named
