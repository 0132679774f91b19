"""One page of runs: which ids are on it, and how many there are in all.

Filters by state and day are answered from the counts of `run_counts`: they say how long the list is, and on which day
of the sort's time the page lies, so that only that day is walked. All other filters name a submitter, a task or a node:
its runs are counted and sorted in an index that holds all that is filtered and sorted by.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final, NamedTuple

from sqlalchemy import Connection, Select, func, select, union_all

from idlegrid_server.core.queries import RunFilter
from idlegrid_server.record import tables as t
from idlegrid_server.record.census import DAY, NEVER
from idlegrid_server.record.reading import kept_by, submitted_by

_ids: Final = select(t.runs.c.id)
_EVERYTHING: Final = (_ids,)
RAGGED: Final = (0, 1_000, 30_000)
"""Among so many of the lowest ids all those that are missing are looked for: runs are forgotten by their end, so that
there some are gone and some are not. Counting the most takes some milliseconds."""


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


class Span(NamedTuple):
    """Some ids of a stretch: `size` of them from `start`."""

    start: int
    size: int
    newest_first: bool


def page_of_runs(connection: Connection, wanted: RunFilter) -> tuple[list[int], int]:
    """The ids on the page, in order, and how many runs there are in all."""
    if wanted.states is not None and not wanted.states:
        return [], 0
    if connection.dialect.name == "sqlite":
        # Both answers from one state of the record; the driver would not begin for reading.
        connection.exec_driver_sql("BEGIN")
    parts = list(_by_counts(connection, wanted) if _is_counted(wanted) else _by_scan(connection, wanted))
    return list(_walk(connection, parts, wanted)), sum(part.length for part in parts)


def _is_counted(wanted: RunFilter) -> bool:
    alone = wanted.node_id is None and wanted.submitter is None and wanted.task_id is None
    return alone and not any(at is not None and at % DAY for at in (wanted.since, wanted.until))


def _walk(connection: Connection, parts: Sequence[Part], wanted: RunFilter) -> Iterator[int]:
    start, missing = (wanted.page - 1) * wanted.size, wanted.size
    for part in reversed(parts) if wanted.newest_first else parts:
        size = min(part.length - start, missing)
        if size > 0:
            yield from _cut(connection, part, Span(start, size, wanted.newest_first))
            missing -= size
        start = max(0, start - part.length)


def _cut(connection: Connection, part: Part, span: Span) -> list[int]:
    """The ids of the span; they are counted from the end that is nearer."""
    queries = part.queries()
    if queries is _EVERYTHING and (numbers := _numbers_on(connection, part.length, span)):
        return numbers
    start, backwards, behind = span.start, span.newest_first, part.length - span.start - span.size
    if behind < start:
        start, backwards = behind, not backwards
    found = list(connection.scalars(_ordered(queries, part.keys, backwards).limit(span.size).offset(start)))
    return found if backwards == span.newest_first else found[::-1]


def _numbers_on(connection: Connection, length: int, span: Span) -> list[int]:
    """The ids of a span of all runs where their numbers tell; else nothing."""
    numbers = _numbers(connection, length)
    first = length - span.start - span.size if span.newest_first else span.start
    first -= length - len(numbers)
    found = list(numbers[first : first + span.size]) if first >= 0 else []
    return found[::-1] if span.newest_first else found


def _numbers(connection: Connection, length: int) -> range:
    """The ids of the newest runs, as far back as none is missing; where old ones are forgotten that ends."""
    first, last = (connection.scalar(select(end(t.runs.c.id))) or 0 for end in (func.min, func.max))
    missing = last - first + 1 - length
    for width in RAGGED:
        oldest = select(func.count()).select_from(t.runs).where(t.runs.c.id < first + width)
        there = connection.scalar(oldest) if width else 0
        if there == width - missing:
            return range(first + width, last + 1)
    return range(0)


def _ordered(queries: Sequence[Select[Any]], keys: Sequence[Any], backwards: bool) -> Any:
    if len(queries) == 1:
        return queries[0].order_by(*(key.desc() if backwards else key.asc() for key in (*keys, t.runs.c.id)))
    # Each of them is in order, so the database merges them without sorting.
    together = union_all(*queries)
    number = together.selected_columns.id
    return together.order_by(number.desc() if backwards else number.asc())


# --- by the counts ---


def _by_counts(connection: Connection, wanted: RunFilter) -> Iterator[Part]:
    counts = _counts(connection, wanted)
    if wanted.sort == "id" and wanted.since is None and wanted.until is None:
        matching = [count for count in counts if _matches(wanted, count)]
        states = None if len(matching) == len(counts) else wanted.states
        yield Part(sum(count.value for count in matching), lambda: _in_states(states))
        return
    days: dict[int, list[Count]] = defaultdict(list)
    for count in counts:
        days[count.day].append(count)
    for day in sorted(days):
        yield _of_day(wanted, day, days[day])


def _in_states(states: Sequence[str] | None, *where: Any) -> Sequence[Select[Any]]:
    if states is None:
        return _EVERYTHING
    return [_ids.where(t.runs.c.state == state, *where) for state in dict.fromkeys(states)]


def _counts(connection: Connection, wanted: RunFilter) -> list[Count]:
    counts = t.run_counts.c
    day = {"started_at": counts.start_day, "finished_at": counts.end_day}.get(wanted.sort, counts.made_day)
    query = select(counts.made_day, day, counts.state, func.sum(counts.value))
    rows = connection.execute(query.group_by(counts.made_day, day, counts.state))
    return [Count(made, ended, state, int(value)) for made, ended, state, value in rows if value]


def _matches(wanted: RunFilter, count: Count) -> bool:
    return _is_in_time(wanted, count.made) and (wanted.states is None or count.state in wanted.states)


def _is_in_time(wanted: RunFilter, made: int) -> bool:
    after = wanted.since is None or made * DAY >= wanted.since
    return after and (wanted.until is None or made * DAY < wanted.until)


def _of_day(wanted: RunFilter, day: int, counts: Sequence[Count]) -> Part:
    matching = [count for count in counts if _matches(wanted, count)]
    length = sum(count.value for count in matching)
    filters = wanted if len(matching) < len(counts) else RunFilter()
    if day == NEVER and wanted.sort == "finished_at":
        return Part(length, lambda: _in_states([count.state for count in matching], *_conditions(filters)))
    column = _time(wanted)
    if day == NEVER:
        return Part(length, lambda: [_ids.where(column.is_(None), *_conditions(filters))])
    return Part(
        length, lambda: [_ids.where(column >= day * DAY, column < (day + 1) * DAY, *_conditions(filters))], (column,)
    )


# --- by an index of the submitter, the task, or the node ---


def _by_scan(connection: Connection, wanted: RunFilter) -> Iterator[Part]:
    where, column = list(_conditions(wanted)), _time(wanted)
    if wanted.sort == "id":
        dated = wanted.since is not None or wanted.until is not None
        yield _counted(connection, where, (column,) if dated else ())
        return
    yield _counted(connection, [*where, column.is_(None)], ())
    yield _counted(connection, [*where, column.is_not(None)], (column,))


def _counted(connection: Connection, where: Sequence[Any], keys: Sequence[Any]) -> Part:
    length = connection.scalar(select(func.count()).select_from(t.runs).where(*where)) or 0
    return Part(length, lambda: [_ids.where(*where)], keys)


def _time(wanted: RunFilter) -> Any:
    """What the list goes by beside the id; where it is filtered by the time of making, that."""
    return t.runs.c.created_at if wanted.sort == "id" else t.runs.c[wanted.sort]


def _conditions(wanted: RunFilter) -> Iterator[Any]:
    """What to look for; only the first is looked up in an index.

    The submitter comes first, so that who sees only his own runs never waits for a look at those of others.
    """
    named = {name: getattr(wanted, name) for name in ("task_id", "node_id")}
    found = [t.runs.c[name] == value for name, value in named.items() if value is not None]
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
