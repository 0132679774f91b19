"""One page of runs: which ids are on it, and how many there are in all.

`run_parts` and `run_search` say what the list is made of; here the parts are walked to the page.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

from sqlalchemy import Connection, Select, func, select, union_all

from idlegrid_server.core.queries import RunFilter
from idlegrid_server.record import tables as t
from idlegrid_server.record.run_parts import EVERYTHING, Part, by_counts, by_scan
from idlegrid_server.record.run_search import by_either, plainly, with_number

RAGGED: Final = (0, 1_000, 30_000)
"""Among so many of the lowest ids all those that are missing are looked for: runs are forgotten by their end, so that
there some are gone and some are not. Counting the most takes some milliseconds."""


class Span(NamedTuple):
    """Some ids of a stretch: `size` of them from `start`."""

    start: int
    size: int
    newest_first: bool


def page_of_runs(connection: Connection, wanted: RunFilter) -> tuple[list[int], int]:
    """The ids on the page, in order, and how many runs there are in all."""
    if connection.dialect.name == "sqlite":
        # Both answers from one state of the record; the driver would not begin for reading.
        connection.exec_driver_sql("BEGIN")
    parts = list(_parts(connection, plainly(connection, wanted)))
    if wanted.search and wanted.or_id is not None:
        parts = with_number(connection, wanted, parts)
    return list(_walk(connection, parts, wanted)), sum(part.length for part in parts)


def _parts(connection: Connection, wanted: RunFilter) -> Iterable[Part]:
    if wanted.states is not None and not wanted.states:
        return ()
    if not (wanted.node_id is None and wanted.submitter is None and wanted.task_id is None):
        return by_scan(connection, wanted)
    if wanted.search and not wanted.or_states:
        return by_scan(connection, wanted)
    return _in_order(by_either(connection, wanted) if wanted.search else by_counts(connection, wanted))


def _in_order(parts: Mapping[int, Part]) -> list[Part]:
    return [parts[day] for day in sorted(parts)]


def _walk(connection: Connection, parts: Sequence[Part], wanted: RunFilter) -> Iterator[int]:
    start, missing = wanted.offset, wanted.size
    for part in reversed(parts) if wanted.newest_first else parts:
        size = min(part.length - start, missing)
        if size > 0:
            yield from _cut(connection, part, Span(start, size, wanted.newest_first))
            missing -= size
        start = max(0, start - part.length)


def _cut(connection: Connection, part: Part, span: Span) -> list[int]:
    """The ids of the span; they are counted from the end that is nearer."""
    queries = part.queries()
    if queries is EVERYTHING and (numbers := _numbers_on(connection, part.length, span)):
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
        return queries[0].order_by(*(_turned(key, backwards) for key in (*keys, t.runs.c.id)))
    # Those that are in order by an index are merged without sorting.
    together = union_all(*(query.add_columns(*keys) for query in queries))
    columns = together.selected_columns
    return together.order_by(*(_turned(columns[key.name], backwards) for key in (*keys, t.runs.c.id)))


def _turned(key: Any, backwards: bool) -> Any:
    return key.desc() if backwards else key.asc()
