"""Counts over time, for charts: grouped by the database, never by reading runs one by one."""

from typing import Any, Final

from sqlalchemy import Connection, Float, Integer, cast, func, select

from idlegrid_server.core.queries import Timeline
from idlegrid_server.core.reclaims import percentile
from idlegrid_server.core.watch_queries import MOST_WAITS
from idlegrid_server.record import tables as t
from idlegrid_server.record.reading import kept_by

RECENT: Final = 500
"""How many of the newest run times a histogram gets."""


def read_timeline(connection: Connection, now: float, window: float, buckets: int) -> Timeline:
    """What happened in the last `window` seconds, in `buckets` equal parts."""
    start, width = now - window, window / buckets
    completed = kept_by(t.runs.c.state == "completed")
    made = _counts(connection, t.runs.c.created_at, start, width, buckets)
    done = _counts(connection, t.runs.c.finished_at, start, width, buckets, completed)
    failed = _counts(connection, t.runs.c.finished_at, start, width, buckets, kept_by(t.runs.c.state != "completed"))
    started = _counts(connection, t.runs.c.started_at, start, width, buckets)
    depths, seconds = _depths(connection, made, started), _seconds(connection, start)
    waits = _waits(connection, start, width, buckets)
    halves, most = ([percentile(some, percent) for some in waits] for percent in (50, 95))
    return Timeline(start, width, made, done, failed, depths, seconds, halves, most)


def _counts(connection: Connection, column: Any, start: float, width: float, buckets: int, *where: Any) -> list[int]:
    bucket = cast(func.floor(cast((column - start) / width, Float)), Integer).label("bucket")
    rows = connection.execute(select(bucket, func.count()).where(column >= start, *where).group_by(bucket))
    counts = [0] * buckets
    for index, count in rows:
        counts[_bucket(index, buckets)] += count
    return counts


def _bucket(index: float, buckets: int) -> int:
    """What a clock that is ahead has noted is in the last one."""
    return min(max(int(index), 0), buckets - 1)


def _depths(connection: Connection, made: list[int], started: list[int]) -> list[int]:
    """How many runs waited at the end of each bucket, counted back from now."""
    waiting = t.counters.c.name.in_(("pending", "waiting"))
    depth = int(connection.scalar(select(func.sum(t.counters.c.value)).where(waiting)) or 0)
    depths = [0] * len(made)
    for index in range(len(made) - 1, -1, -1):
        depths[index] = max(0, depth)
        depth += started[index] - made[index]
    return depths


def _seconds(connection: Connection, start: float) -> list[float]:
    query = (
        select(t.runs.c.wall_seconds)
        .where(t.runs.c.finished_at >= start, kept_by(t.runs.c.state == "completed"))
        .order_by(t.runs.c.finished_at.desc())
        .limit(RECENT)
    )
    return list(connection.scalars(query))


def _waits(connection: Connection, start: float, width: float, buckets: int) -> list[list[float]]:
    """The seconds, shortest first, that the newest started runs had waited, by the bucket in which they started."""
    of = t.runs.c
    query = select(of.started_at, of.started_at - of.created_at).where(of.started_at >= start)
    waits: list[list[float]] = [[] for _ in range(buckets)]
    for at, seconds in connection.execute(query.order_by(of.started_at.desc()).limit(MOST_WAITS)):
        waits[_bucket((at - start) / width, buckets)].append(max(0.0, seconds))
    return [sorted(some) for some in waits]
