"""(i) All tasks of a history, due at one instant: how long until each has fired, once."""

import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing

from benchlib.processes import Grid
from benchlib.report import Figure, at_most

SECTION = "i history"
FIRE_SECONDS = 60.0
"""The bound: all that is due in one minute is fired within it."""
GIVE_UP_SECONDS = 180.0
AHEAD_SECONDS = 5.0
"""How far ahead the instant lies, so that the coordinator has been told of it before."""


def figures(here: Grid) -> Iterator[Figure]:
    """Make every task due every hour from one instant on, and wait for their runs. No waker runs: each is made late."""
    with closing(sqlite3.connect(here.data / "grid" / "grid.db", timeout=30)) as record:
        due = time.time() + AHEAD_SECONDS
        with record:
            changed = record.execute(
                "UPDATE tasks SET schedule = '', interval_seconds = 3600, next_run_at = ?, status = 'active',"
                " max_instances = 1000000",
                (due,),
            )
        seconds, fired, distinct = _until_all(record, due, changed.rowcount)
    detail = {"tasks": changed.rowcount, "runs": fired, "tasks_with_a_run": distinct}
    name = f"{changed.rowcount:,} schedules due at once: {fired:,} runs of {distinct:,} tasks, all made after"
    yield Figure(SECTION, name, seconds, "s", at_most(FIRE_SECONDS, "s"), detail)


def _until_all(record: sqlite3.Connection, due: float, tasks: int) -> tuple[float, int, int]:
    """Seconds from the instant until all have a run for it, how many runs there are, and of how many tasks."""
    query = "SELECT COUNT(*), COUNT(DISTINCT task_id) FROM runs WHERE task_id IS NOT NULL AND scheduled_for = ?"
    while True:
        fired, distinct = record.execute(query, (due,)).fetchone()
        seconds = time.time() - due
        if distinct >= tasks or seconds > GIVE_UP_SECONDS:
            return seconds, fired, distinct
        time.sleep(0.25)
