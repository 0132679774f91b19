"""A long history for one coordinator: runs, tasks and nodes by bulk SQL, and every count kept beside them.

SQLite makes the rows itself, with dice that always fall the same way: the same sizes give the same history, but that it
ends when it is made. Nothing here is shared with the product but its tables.
"""

import random
import time
from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import Connection, Engine, Index, Table, inspect, text

from idlegrid_server.record import tables as t

DAYS = 90
"""From the first run to the last."""
HOUR = 3_600.0
LATER = 86_400.0
"""Leases, nodes and schedules are good for so long, so that nothing changes while it is read."""


@dataclass(frozen=True)
class Sizes:
    """How much there is of each; of the newest runs `unfinished` have not ended."""

    runs: int = 1_000_000
    tasks: int = 10_000
    nodes: int = 1_000
    unfinished: int = 8_000

    @classmethod
    def of(cls, runs: int) -> "Sizes":
        """The same proportions for fewer runs, or more."""
        share = runs / cls.runs
        return cls(runs, *(max(1, round(count * share)) for count in (cls.tasks, cls.nodes, cls.unfinished)))


NUMBERS = "WITH RECURSIVE numbers(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < :{})"

DRAWN = {
    "n": "n",
    "age": "(:runs - n) * :step + 10.0 * chance()",  # neighbours change places, as with two coordinators' clocks
    "kind": "CASE WHEN n > :runs - :unfinished THEN 2.0 ELSE chance() END",
    "wait": "600.0 * pow(chance(), 2)",
    "took": "0.05 + 120.0 * pow(chance(), 3)",
    # A few tasks have most of the runs, one of them 37,000 of a million; one in five runs is of no task.
    "task": "CASE WHEN chance() < 0.2 THEN NULL ELSE 1 + CAST(:tasks * pow(chance(), 3) AS INTEGER) END",
    "node": "'node-' || printf('%04d', CAST(:nodes * chance() AS INTEGER))",
    "luck": "chance()",
}
STATE = """CASE WHEN kind < 0.92 THEN 'completed' WHEN kind < 0.96 THEN 'failed' WHEN kind < 0.97 THEN 'timed_out'
WHEN kind < 1.5 THEN 'cancelled' WHEN luck < 0.25 THEN 'running' WHEN luck < 0.9 THEN 'pending' ELSE 'waiting' END"""
KNOWN = f"""WITH known AS (SELECT *, {STATE} AS state, :now - age AS made, min(:now - age + wait, :now) AS began
FROM temp.drawn) SELECT *, kind < 1.5 AS ended, state = 'running' OR kind < 0.98 AS went FROM known"""

RUNS = {
    "id": "n",
    "uuid": "printf('%08x-0000-4000-8000-%012x', n, n)",
    "submitter": "'person-' || (n % 20)",
    "task_type": "'python'",
    "queue": "'normal/python/1c/512M/s3'",
    "priority": "n % 4",
    "cpu": "1.0",
    "memory_mb": "512",
    "requires": "'[]'",
    "min_sandbox": "3",
    "timeout": "3600.0",
    "retry_limit": "3",
    "state": "state",
    "created_at": "made",
    "reason": "''",
    "retries": "CASE WHEN state IN ('failed', 'timed_out') THEN 3 ELSE 0 END",
    "losses": "0",
    "attempts": "went",
    "not_before": "CASE WHEN state = 'waiting' THEN :now + :later END",
    "started_at": "CASE WHEN went THEN began END",
    "finished_at": "CASE WHEN ended THEN min(began + took, :now) END",
    "lease_id": "CASE WHEN went THEN printf('%032x', n) END",
    "lease_via": "CASE WHEN went THEN 'node' ELSE '' END",
    "node_id": "CASE WHEN went THEN node END",
    "leased_at": "CASE WHEN went THEN began END",
    "lease_expires_at": "CASE WHEN state = 'running' THEN :now + :later END",
    "listed": "went",
    "frozen": "0",
    "exit_code": "CASE state WHEN 'completed' THEN 0 WHEN 'failed' THEN 1 END",
    "truncated": "0",
    "digest": "CASE WHEN ended AND went THEN printf('%064x', n) ELSE '' END",
    "cpu_seconds": "CASE WHEN ended AND went THEN took / 2 ELSE 0.0 END",
    "wall_seconds": "CASE WHEN ended AND went THEN min(took, :now - began) ELSE 0.0 END",
    "max_memory_mb": "64.0",
    "processes": "1",
    "sandbox": "CASE WHEN went THEN 3 END",
    "task_id": "task",
    "task_name": "'task-' || task",
    "trigger": "CASE WHEN task IS NULL THEN 'submit' ELSE 'api' END",
    "work": 'CASE WHEN task IS NULL THEN \'\' ELSE \'{"command": "python", "arguments": []}\' END',
    "parameters": "'{}'",
    "code": "'# run ' || n || '\nprint(sum(range(' || n || ')))\n# ' || printf('%.200c', 'x')",
    "result": "CASE WHEN state = 'completed' THEN n || ' rows were read, ' || n * 7 || ' were written\n' END",
    "error": "CASE WHEN state = 'failed' THEN 'ValueError: row ' || n || ' is not a number' END",
}
NODES = {
    "id": "'node-' || printf('%04d', n - 1)",
    "registered_at": ":now - :later",
    "last_seen": ":now + :later",
    "state": "'idle'",
    "reason": "''",
    "since": ":now",
    "health": "'alive'",
    "hostname": "'host-' || n",
    "address": "'10.0.' || n / 250 || '.' || n % 250",
    "pid": "n",
    "version": "'1'",
    "python": "'3.11'",
    "profile": "'always'",
    "slots": "4",
    "task_types": "'[\"python\"]'",
    "labels": "'[]'",
    "cpu_cores": "4.0",
    "memory_mb": "8192",
    "cpu_percent": "1.0",
    "memory_percent": "10.0",
    "sandbox": "'{\"level\": 3}'",
}
TASKS = {
    "id": "n",
    "name": "'task-' || n",
    "description": "'Collects what station ' || n || ' has measured, in ' || printf('%.100c', 'x')",
    "task_type": "CASE n % 10 WHEN 0 THEN 'http' WHEN 1 THEN 'shell' ELSE 'python' END",
    "executor": "'python'",
    "command": "'python'",
    "arguments": "'[]'",
    "schedule": "CASE WHEN n % 2 THEN '0 2 * * *' ELSE '' END",
    "timezone": "'UTC'",
    "cpu": "1.0",
    "memory_mb": "512",
    "requires": "'[]'",
    "priority": "n % 4",
    "retry_limit": "3",
    "timeout": "3600.0",
    "tags": "'[\"daily\"]'",
    "metadata": "'{}'",
    "parameters": "'{}'",
    "max_instances": "1",
    "job_type": "''",
    "job_category": "''",
    "submitter": "'person-' || (n % 20)",
    "created_at": ":now - 86400.0 * :days - (:tasks - n) * 10.0",
    "updated_at": ":now - (n * 7919 % :tasks) * 100.0",
    "has_code": "n % 10 > 1",
    "status": "CASE WHEN n % 9 = 0 THEN 'paused' ELSE 'active' END",
    "next_run_at": "CASE WHEN n % 2 AND n % 9 THEN :now + :later + n END",
    "last_run_at": "max_start",
    "last_run_id": "last_id",
    "last_state": "(SELECT state FROM runs WHERE id = last_id)",
    "last_completed_id": "coalesce(last_completed, 0)",
    "total_runs": "coalesce(total, 0)",
    "completed_runs": "coalesce(completed, 0)",
    "failed_runs": "coalesce(failed, 0)",
    "cancelled_runs": "coalesce(cancelled, 0)",
    "unfinished": "coalesce(total - completed - failed - cancelled, 0)",
    "run_seconds": "coalesce(seconds, 0.0)",
}
OF_TASKS = """SELECT task_id, COUNT(*) AS total, MAX(id) AS last_id, MAX(started_at) AS max_start,
SUM(state = 'completed') AS completed, SUM(state IN ('failed', 'timed_out')) AS failed,
SUM(state = 'cancelled') AS cancelled, MAX(CASE WHEN state = 'completed' THEN id END) AS last_completed,
SUM(CASE WHEN state = 'completed' THEN finished_at - started_at END) AS seconds
FROM runs WHERE task_id IS NOT NULL GROUP BY task_id"""
ENDED = "node_id IS NOT NULL AND finished_at IS NOT NULL"
BESIDE = (
    f"""INSERT INTO attempts (run_id, number, node_id, lease_id, leased_at, ended_at, outcome, reason, cpu_seconds,
    wall_seconds, max_memory_mb, processes, sandbox) SELECT id, 1, node_id, lease_id, leased_at, finished_at, state, '',
    cpu_seconds, wall_seconds, max_memory_mb, processes, sandbox FROM runs WHERE {ENDED}""",
    "INSERT INTO events (run_id, at, event, detail) SELECT id, created_at, 'created', queue FROM runs",
    f"INSERT INTO events (run_id, at, event, detail) SELECT id, finished_at, state, node_id FROM runs WHERE {ENDED}",
    f"""INSERT INTO logs (run_id, attempt, seq, at, stream, text)
    SELECT id, 1, 0, finished_at, 'stdout', coalesce(result, error, '') FROM runs WHERE {ENDED}""",
    f"""INSERT INTO usage SELECT CAST(finished_at / {HOUR} AS INTEGER), submitter, node_id, COUNT(*), SUM(cpu_seconds),
    SUM(wall_seconds) FROM runs WHERE {ENDED} GROUP BY 1, 2, 3""",
    f"""INSERT INTO node_totals (node_id, attempts, completed, failed, wall_seconds) SELECT node_id, COUNT(*),
    SUM(state = 'completed'), SUM(state IN ('failed', 'timed_out')), SUM(wall_seconds) FROM runs WHERE {ENDED}
    GROUP BY node_id""",
    "INSERT INTO counters SELECT state, 0, COUNT(*) FROM runs GROUP BY state",
    "INSERT INTO counters SELECT 'tasks:' || status, 0, COUNT(*) FROM tasks GROUP BY status",
    """INSERT INTO counters SELECT 'completed_seconds', 0, SUM(finished_at - started_at) FROM runs
    WHERE state = 'completed'""",
    "INSERT INTO counters SELECT 'compute_seconds', 0, SUM(cpu_seconds) FROM runs",
    """INSERT INTO run_counts SELECT CAST(created_at / 86400 AS INTEGER),
    coalesce(CAST(started_at / 86400 AS INTEGER), -1), coalesce(CAST(finished_at / 86400 AS INTEGER), -1), state, 0,
    COUNT(*) FROM runs GROUP BY 1, 2, 3, state""",
)


def make(engine: Engine, sizes: Sizes) -> None:
    """Fill an empty record on SQLite; its indexes are made when the rows are there."""
    words: dict[str, float] = asdict(sizes)
    words |= {"now": time.time(), "later": LATER, "days": DAYS, "step": DAYS * 86_400.0 / sizes.runs}
    indexes = _indexes(engine, t.runs, t.attempts, t.events, t.logs)
    for index in indexes:
        index.drop(engine)
    with engine.connect() as connection:
        _prepare(connection)
        with connection.begin():
            _draw(connection, words)
            connection.execute(text(_insert("runs", RUNS, KNOWN)), words)
            connection.execute(text(_insert("nodes", NODES, f"{NUMBERS.format('nodes')} SELECT n FROM numbers")), words)
            source = f"SELECT * FROM numbers LEFT JOIN ({OF_TASKS}) ON task_id = n"
            connection.execute(text(_insert("tasks", TASKS, f"{NUMBERS.format('tasks')} {source}")), words)
            for statement in BESIDE:
                connection.execute(text(statement))
            for index in indexes:
                index.create(connection)


def _indexes(engine: Engine, *tables: Table) -> list[Index]:
    found = inspect(engine)
    there = {index["name"] for table in tables for index in found.get_indexes(table.name)}
    return [index for table in tables for index in table.indexes if index.name in there]


def _prepare(connection: Connection) -> None:
    """Dice, and no waiting for the disk: what is lost by a power cut is made again."""
    driver: Any = connection.connection.driver_connection
    driver.create_function("chance", 0, random.Random(7).random)
    driver.create_function("pow", 2, pow)
    for pragma in ("synchronous=OFF", "cache_size=-400000"):
        connection.exec_driver_sql(f"PRAGMA {pragma}")
    connection.rollback()


def _draw(connection: Connection, words: dict[str, float]) -> None:
    """Roll the dice once for each run."""
    connection.exec_driver_sql("DROP TABLE IF EXISTS temp.drawn")
    columns = ", ".join(f"{formula} AS {name}" for name, formula in DRAWN.items())
    connection.execute(
        text(f"CREATE TEMP TABLE drawn AS {NUMBERS.format('runs')} SELECT {columns} FROM numbers"), words
    )


def _insert(table: str, columns: dict[str, str], source: str) -> str:
    return f"INSERT INTO {table} ({', '.join(columns)}) SELECT {', '.join(columns.values())} FROM ({source})"
