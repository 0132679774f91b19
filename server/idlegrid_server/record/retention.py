"""What is forgotten, in which order: a plan of walks that a thread of housekeeping carries out."""

from typing import Final

from sqlalchemy import Engine, exists, func, select

from idlegrid_server.core.limits import USAGE_WINDOW
from idlegrid_server.core.retention import DAY, Ages, Walk
from idlegrid_server.core.webhooks import DeliveryState
from idlegrid_server.record import tables as t
from idlegrid_server.record.old_rows import Chunks, EndedCheckpoints, Lines, Rows, Spells, UsagePoints
from idlegrid_server.record.old_runs import EmptyDays, OldRuns
from idlegrid_server.record.reader import HOUR

JOURNAL_MOST: Final = 100_000
"""Newest entries of the journal that are kept, so that counting a filter's entries stays quick."""
SAMPLES_FOR: Final = 25 * 3_600.0
"""Seconds that samples are kept: the longest window that is shown of them, a day, and the hour until the next look."""


def plan(engine: Engine, ages: Ages, now: float) -> list[Walk]:
    """All walks as of now. Keys go before the runs that they made, and bytes after their files."""
    runs = now - max(ages.runs, ages.keys)
    return [
        _keys(engine, now - ages.keys),
        EndedCheckpoints(engine),
        OldRuns(engine, runs),
        EmptyDays(engine, now),
        *_files(engine),
        Chunks(engine, now - ages.keys),
        Lines(engine, t.events, now - ages.events, now),
        Lines(engine, t.logs, now - ages.logs, now),
        UsagePoints(engine, now - ages.logs),
        Spells(engine, now - ages.events),
        *_reclaims(engine, now - ages.events, now),
        *_samples(engine, now),
        *_journal(engine, now - ages.logs),
        _deliveries(engine, now - ages.deliveries),
        _usage(engine, now - max(ages.usage, USAGE_WINDOW)),
    ]


def _keys(engine: Engine, before: float) -> Walk:
    at = t.idempotency_keys.c.created_at
    return Rows(engine, "keys", t.idempotency_keys, at < before, order=at)


def _files(engine: Engine) -> list[Walk]:
    """Files whose run or task is gone: whoever dropped that did not come to them."""
    of_runs = ~exists(select(t.runs.c.id).where(t.runs.c.id == t.files.c.run_id))
    of_tasks = ~exists(select(t.tasks.c.id).where(t.tasks.c.id == t.task_files.c.task_id))
    return [Rows(engine, "files", t.files, of_runs), Rows(engine, "task_files", t.task_files, of_tasks)]


def _reclaims(engine: Engine, before: float, now: float) -> list[Walk]:
    """Their times are nodes', whose clocks may be wrong: one from far ahead would stay until then."""
    at = t.reclaims.c.at
    return [Rows(engine, "reclaims", t.reclaims, where, order=at) for where in (at < before, at > now + DAY)]


def _samples(engine: Engine, now: float) -> list[Walk]:
    """A clock that was ahead has left some that would stand for years."""
    at = t.samples.c.at
    old = (at < now - SAMPLES_FOR, at > now + DAY)
    return [Rows(engine, "samples", t.samples, where, order=at) for where in old]


def _journal(engine: Engine, before: float) -> list[Walk]:
    of, newest = t.journal.c, select(func.max(t.journal.c.id)).scalar_subquery()
    return [
        Rows(engine, "journal", t.journal, of.at < before, order=of.at),
        Rows(engine, "journal", t.journal, of.id <= newest - JOURNAL_MOST, order=of.id),
    ]


def _deliveries(engine: Engine, before: float) -> Walk:
    of = t.deliveries.c
    return Rows(
        engine,
        "deliveries",
        t.deliveries,
        of.created_at < before,
        of.state != DeliveryState.PENDING,
        order=of.created_at,
    )


def _usage(engine: Engine, before: float) -> Walk:
    """Hours that were over by then."""
    hour = t.usage.c.hour
    return Rows(engine, "usage", t.usage, hour < int(before // HOUR), order=hour)
