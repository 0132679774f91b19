"""Reading runs: by UUID, with what they were given, their story, what they wait for, and who stands before them."""

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

from sqlalchemy import Connection, and_, bindparam, func, or_, select

from idlegrid_server.core.definitions import Wait
from idlegrid_server.core.model import Run, RunState
from idlegrid_server.core.queries import (
    Execution,
    LogLine,
    RunFilter,
    RunView,
    StoryPiece,
    Tail,
    Taken,
    Unfinished,
    UsedOverTime,
)
from idlegrid_server.record import tables as t
from idlegrid_server.record.reading import Reading, in_state, kept_by, submitted_by
from idlegrid_server.record.rows import read_run
from idlegrid_server.record.run_pages import page_of_runs
from idlegrid_server.record.statements import HEAD
from idlegrid_server.record.task_rows import WAITS, read_wait

HEAD_COLUMNS: Final = tuple(t.runs.c[name] for name in HEAD)
QUEUES_AT_ONCE: Final = 500
"""Queues that one question names: SQLite takes no condition with more than a thousand parts."""
_UNFINISHED: Final = tuple(state for state in RunState if not state.is_final)
_some: Final = select(t.runs.c.id, t.runs.c.uuid)

# These are asked for each run of a list, and making a query takes longer than its answer.
_last_steps: Final = (
    select(*t.events.c["id", "at", "event", "detail"])
    .where(t.events.c.run_id == bindparam("run"))
    .order_by(t.events.c.id.desc())
    .limit(bindparam("most"))
)
_last_pieces: Final = (
    select(*t.logs.c["id", "at", "stream", "text", "attempt"])
    .where(t.logs.c.run_id == bindparam("run"))
    .order_by(t.logs.c.id.desc())
    .limit(bindparam("most"))
)


class RunReader(Reading):
    """The part of `core.queries.Reader` that is about single runs and those that have not ended."""

    def story(self, run_id: int, after: int, limit: int) -> list[StoryPiece]:
        """Lines of a run's story with ids above `after`, oldest first."""
        query = select(t.events).where(t.events.c.run_id == run_id, t.events.c.id > after)
        with self._reading() as connection:
            return [_piece(row) for row in connection.execute(query.order_by(t.events.c.id).limit(limit))]

    def last_story(self, run_id: int, limit: int) -> list[StoryPiece]:
        """The newest lines of a run's story, oldest first."""
        query = select(t.events).where(t.events.c.run_id == run_id).order_by(t.events.c.id.desc()).limit(limit)
        with self._reading() as connection:
            return [_piece(row) for row in connection.execute(query)][::-1]

    def tails(self, run_ids: Sequence[int], limit: int) -> dict[int, Tail]:
        """For each of the runs the newest lines of its story and the newest pieces of its log, oldest first."""
        with self._reading() as connection:
            return {run_id: _tail(connection, {"run": run_id, "most": limit}) for run_id in run_ids}

    def usage_points(self, run_id: int) -> list[UsedOverTime]:
        """What each of a run's attempts used over time, as far as its node told it, by attempt."""
        of = t.run_usage.c
        query = select(of.attempt, of.points).where(of.run_id == run_id).order_by(of.attempt)
        with self._reading() as connection:
            return [UsedOverTime(attempt, json.loads(points)) for attempt, points in connection.execute(query)]

    def run_ids(self, uuids: Sequence[str]) -> dict[str, tuple[int, str]]:
        """UUID → (id, submitter), of those that there are."""
        query = select(t.runs.c.uuid, t.runs.c.id, t.runs.c.submitter).where(t.runs.c.uuid.in_(uuids))
        with self._reading() as connection:
            return {uuid: (run_id, submitter) for uuid, run_id, submitter in connection.execute(query)}

    def executions(self, wanted: RunFilter, excerpt: int) -> tuple[list[Execution], int]:
        """One page of runs with what they were given, and how many there are in all."""
        texts = (func.substr(t.runs.c[name], 1, excerpt + 1) for name in ("result", "error", "parameters"))
        query = select(*HEAD_COLUMNS, *texts)
        with self._reading() as connection:
            ids, total = page_of_runs(connection, wanted)
            found = {row.id: Execution(read_view(row), row[-1]) for row in connection.execute(query.where(_is_in(ids)))}
        return [found[run_id] for run_id in ids if run_id in found], total

    def unfinished(
        self, after: int, limit: int, *, task_ids: Sequence[int] | None = None, submitter: str | None = None
    ) -> list[Unfinished]:
        """Runs that have not ended (of tasks, of a submitter) with ids above `after`, by id."""
        if task_ids is None and submitter:
            # Only his own are looked at, and in the index alone: he may have very many that ended.
            his = select(t.runs.c.id).where(*submitted_by(submitter), kept_by(t.runs.c.finished_at.is_(None)))
            queries = [_some.where(t.runs.c.id.in_(_next(his, after, limit)))]
        else:
            queries = [_next(query, after, limit) for query in _unfinished(task_ids, submitter)]
        with self._reading() as connection:
            pages = [connection.execute(query).all() for query in queries]
        # A run that moved on between two of the looks is in both.
        found = dict(tuple(row) for page in pages for row in page)
        return [Unfinished(run_id, found[run_id]) for run_id in sorted(found)[:limit]]

    def waits_of(self, run_id: int) -> list[Wait]:
        """What a waiting run waits for."""
        with self._reading() as connection:
            return [read_wait(row) for row in connection.execute(WAITS.where(t.runs.c.id == run_id))]

    def ahead(self, run: Run, before: Mapping[str, float]) -> int:
        """How many queued runs are served before this one: for each queue those that were made before that time."""
        queues = list(before.items())
        pages = (queues[start : start + QUEUES_AT_ONCE] for start in range(0, len(queues), QUEUES_AT_ONCE))
        return sum(self._scalar(_earlier(run, page)) or 0 for page in pages)

    def taken(self) -> dict[str, Taken]:
        """By node what the runs that it holds have taken of it."""
        columns = t.runs.c
        query = select(columns.node_id, func.count(), func.sum(columns.cpu), func.sum(columns.memory_mb))
        with self._reading() as connection:
            found = connection.execute(query.where(in_state(RunState.RUNNING)).group_by(columns.node_id)).all()
        return {node: Taken(runs, cpu, int(memory)) for node, runs, cpu, memory in found}


def _earlier(run: Run, before: Sequence[tuple[str, float]]) -> Any:
    """Most queues share their time with others of their priority: so the conditions are few."""
    columns, sharing = t.runs.c, dict[float, list[str]]()
    queued = func.coalesce(columns.not_before, columns.created_at)
    earlier = [and_(columns.queue == run.queue, _until(run, queued, when)) for q, when in before if q == run.queue]
    for queue, when in before:
        if queue != run.queue:
            sharing.setdefault(when, []).append(queue)
    earlier += [and_(columns.queue.in_(names), _until(run, columns.created_at, at)) for at, names in sharing.items()]
    query = select(func.count()).select_from(t.runs).where(in_state(RunState.PENDING), or_(False, *earlier))
    return query.where(columns.id != run.id)


def _until(run: Run, at: Any, when: float) -> Any:
    return or_(at < when, and_(at == when, t.runs.c.id < run.id))


def _tail(connection: Connection, words: Mapping[str, int]) -> Tail:
    steps = [StoryPiece(*row) for row in connection.execute(_last_steps, words)]
    pieces = [LogLine(*row) for row in connection.execute(_last_pieces, words)]
    return Tail(steps[::-1], pieces[::-1])


def _unfinished(task_ids: Sequence[int] | None, submitter: str | None) -> list[Any]:
    his = () if submitter is None else [*map(kept_by, submitted_by(submitter))]
    if task_ids is not None:
        return [_some.where(t.runs.c.task_id.in_(task_ids), t.runs.c.finished_at.is_(None), *his)]
    return [_some.where(in_state(state), *his) for state in _UNFINISHED]


def _is_in(ids: Sequence[int]) -> Any:
    return t.runs.c.id.in_(ids)


def _next(query: Any, after: int, limit: int) -> Any:
    return query.where(t.runs.c.id > after).order_by(t.runs.c.id).limit(limit)


def read_view(row: Any) -> RunView:
    """The run of a row that begins with `HEAD_COLUMNS`, result and error."""
    return RunView(read_run(row), row[len(HEAD)], row[len(HEAD) + 1])


def read_line(row: Any) -> LogLine:
    """The piece of a log of a row of `logs`."""
    return LogLine(row.id, row.at, row.stream, row.text, row.attempt)


def _piece(row: Any) -> StoryPiece:
    return StoryPiece(row.id, row.at, row.event, row.detail)
