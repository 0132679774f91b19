"""Reading the record: everything the console, the dialects and housekeeping ask."""

from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import Text, cast, func, select

from idlegrid_server.core.limits import USAGE_HALF_LIFE, USAGE_WINDOW
from idlegrid_server.core.model import EndedAttempt, Node, NodeHealth, Outcome, RunState
from idlegrid_server.core.queries import LogLine, RunDetail, RunFilter, RunView, Timeline, Totals
from idlegrid_server.record import tables as t
from idlegrid_server.record.checkpoints import checkpoint_of
from idlegrid_server.record.reading import in_state, kept_by, submitted_by
from idlegrid_server.record.rows import read_node
from idlegrid_server.record.run_pages import page_of_runs
from idlegrid_server.record.run_reader import HEAD_COLUMNS, RunReader, read_line, read_view
from idlegrid_server.record.task_reader import TaskReader
from idlegrid_server.record.timeline import read_timeline

HOUR: Final = 3_600
"""What usage is summed up by, in seconds."""
EXCERPT: Final = 200
"""Characters of a result or error in a list."""

_whole = select(*HEAD_COLUMNS, t.runs.c.result, t.runs.c.error)
_excerpts = select(*HEAD_COLUMNS, func.substr(t.runs.c.result, 1, EXCERPT), func.substr(t.runs.c.error, 1, EXCERPT))
KIND: Final = (
    *(t.nodes.c[name] for name in ("health", "state", "reason", "wish", "cpu_cores", "memory_mb")),
    *(cast(t.nodes.c[name], Text) for name in ("task_types", "operator_types", "labels")),
    *(cast(t.nodes.c.sandbox[name], Text) for name in ("level", "remedy")),
)
"""Nodes that are the same in these are the same to what waits."""


class SqlReader(TaskReader, RunReader):
    """Implements `core.queries.Reader`; safe to use from many threads."""

    def server_uuid(self) -> str:
        """The record's own name, made with it."""
        return self._fact("server_uuid")

    def queue_identity(self) -> str:
        """Which queue the record was last written to."""
        return self._fact("queue_identity")

    def _fact(self, name: str) -> str:
        with self._reading() as connection:
            return connection.scalar(select(t.facts.c.value).where(t.facts.c.name == name)) or ""

    def submitter(self, run_id: int) -> str | None:
        """Whose run it is; None when there is none."""
        submitter: str | None = self._scalar(select(t.runs.c.submitter).where(t.runs.c.id == run_id))
        return submitter

    def view(self, run_id: int) -> RunView | None:
        """A run with its output."""
        with self._reading() as connection:
            row = connection.execute(_whole.where(t.runs.c.id == run_id)).first()
        return None if row is None else read_view(row)

    def detail(self, run_id: int) -> RunDetail | None:
        """A run with its code, attempts, story, number of files, and checkpoint."""
        columns = t.runs.c
        query = select(*HEAD_COLUMNS, columns.result, columns.error, columns.code, columns.parameters, columns.work)
        with self._reading() as connection:
            row = connection.execute(query.where(t.runs.c.id == run_id)).first()
            if row is None:
                return None
            ended = connection.execute(
                select(t.attempts).where(t.attempts.c.run_id == run_id).order_by(t.attempts.c.id)
            )
            story = connection.execute(
                select(t.events.c.at, t.events.c.event, t.events.c.detail)
                .where(t.events.c.run_id == run_id)
                .order_by(t.events.c.id)
            )
            lines = [(at, event, detail) for at, event, detail in story]
            attempts = [_attempt(a) for a in ended]
            files = connection.scalar(select(func.count()).select_from(t.files).where(t.files.c.run_id == run_id))
            view = read_view(row)
            kept = None if view.run.state.is_final else checkpoint_of(connection, run_id)
            return RunDetail(view, row.code, row.parameters, row.work, attempts, lines, files or 0, kept)

    def runs(self, wanted: RunFilter) -> tuple[list[RunView], int]:
        """One page of runs, and how many there are in all."""
        with self._reading() as connection:
            ids, total = page_of_runs(connection, wanted)
            views = {row.id: read_view(row) for row in connection.execute(_excerpts.where(t.runs.c.id.in_(ids)))}
        return [views[run_id] for run_id in ids if run_id in views], total

    def logs(self, run_id: int, after: int, limit: int) -> list[LogLine]:
        """Pieces of a run's log with ids above `after`, oldest first."""
        query = select(t.logs).where(t.logs.c.run_id == run_id, t.logs.c.id > after).order_by(t.logs.c.id).limit(limit)
        with self._reading() as connection:
            return [read_line(row) for row in connection.execute(query)]

    def last_logs(self, run_id: int, limit: int) -> list[LogLine]:
        """The newest pieces of a run's log, oldest first."""
        query = select(t.logs).where(t.logs.c.run_id == run_id).order_by(t.logs.c.id.desc()).limit(limit)
        with self._reading() as connection:
            return [read_line(row) for row in connection.execute(query)][::-1]

    def result_ids(self, after_id: int | None, limit: int, submitter: str | None = None) -> list[int]:
        """Ids of completed runs (of a submitter): the newest `limit`, or the oldest after `after_id`; newest last."""
        completed = t.runs.c.state == "completed"
        where = [completed] if submitter is None else [*submitted_by(submitter), kept_by(completed)]
        query = select(t.runs.c.id).where(*where).limit(limit)
        if after_id is not None:
            return self._names(query.where(t.runs.c.id > after_id).order_by(t.runs.c.id))
        return self._names(query.order_by(t.runs.c.id.desc()))[::-1]

    def results(self, ids: Sequence[int]) -> list[tuple[int, str, float]]:
        """(id, result, end) of these runs, by id."""
        query = select(t.runs.c.id, t.runs.c.result, t.runs.c.finished_at).where(t.runs.c.id.in_(ids))
        with self._reading() as connection:
            return [
                (run_id, result or "", end) for run_id, result, end in connection.execute(query.order_by(t.runs.c.id))
            ]

    def totals(self) -> Totals:
        """The counters."""
        query = select(t.counters.c.name, func.sum(t.counters.c.value)).group_by(t.counters.c.name)
        with self._reading() as connection:
            sums = dict(connection.execute(query).all())
        by_state = {state.value: int(sums.get(state.value, 0)) for state in RunState}
        return Totals(by_state, sums.get("completed_seconds", 0.0), sums.get("compute_seconds", 0.0), sums)

    def recent_usage(self, now: float) -> dict[str, float]:
        """Seconds of wall clock that each submitter's attempts took lately, worth half for each day they are old."""
        hour = t.usage.c.hour
        query = select(hour, t.usage.c.submitter, func.sum(t.usage.c.wall_seconds))
        query = query.where(hour >= (now - USAGE_WINDOW) // HOUR).group_by(hour, t.usage.c.submitter)
        decayed: dict[str, float] = {}
        with self._reading() as connection:
            for when, submitter, seconds in connection.execute(query):
                weight = 0.5 ** (max(0.0, now - when * HOUR) / USAGE_HALF_LIFE)
                decayed[submitter] = decayed.get(submitter, 0.0) + weight * seconds
        return decayed

    def completed_since(self, when: float) -> int:
        """How many runs completed since then."""
        query = select(func.count()).where(t.runs.c.finished_at >= when, kept_by(t.runs.c.state == "completed"))
        return self._scalar(query) or 0

    def timeline(self, now: float, window: float, buckets: int) -> Timeline:
        """What happened in the last `window` seconds."""
        with self._reading() as connection:
            return read_timeline(connection, now, window, buckets)

    def nodes(self) -> list[Node]:
        """Every node, by name."""
        with self._reading() as connection:
            return [read_node(row) for row in connection.execute(select(t.nodes).order_by(t.nodes.c.id))]

    def node_kinds(self) -> list[Node]:
        """As many as there are nodes, but one stands for all that offer the same and are in the same state."""
        with self._reading() as connection:
            kinds = connection.execute(select(func.min(t.nodes.c.id), func.count()).group_by(*KIND))
            sizes: dict[str, int] = dict(kinds.all())
            rows = connection.execute(select(t.nodes).where(t.nodes.c.id.in_(list(sizes))))
            return [node for row in rows for node in [read_node(row)] * sizes[row.id]]

    def node(self, node_id: str) -> Node | None:
        """One node."""
        with self._reading() as connection:
            row = connection.execute(select(t.nodes).where(t.nodes.c.id == node_id)).first()
        return None if row is None else read_node(row)

    def hostnames(self, node_ids: Sequence[str]) -> dict[str, str]:
        """The hostnames of those of them that are known."""
        query = select(t.nodes.c.id, t.nodes.c.hostname).where(t.nodes.c.id.in_(node_ids))
        with self._reading() as connection:
            return dict(connection.execute(query).all())

    def held_by(self, node_ids: Sequence[str]) -> dict[str, int]:
        """How many runs each node holds."""
        query = select(t.runs.c.node_id, func.count()).where(in_state(RunState.RUNNING), t.runs.c.node_id.in_(node_ids))
        with self._reading() as connection:
            return dict(connection.execute(query.group_by(t.runs.c.node_id)).all())

    def expired(self, now: float, limit: int) -> list[str]:
        """Running runs whose lease is over."""
        due = (in_state(RunState.RUNNING), t.runs.c.lease_expires_at <= now)
        return self._names(select(t.runs.c.uuid).where(*due).order_by(t.runs.c.lease_expires_at).limit(limit))

    def due(self, now: float, limit: int) -> list[str]:
        """Waiting runs whose delay is over."""
        due = (in_state(RunState.WAITING), t.runs.c.not_before <= now)
        return self._names(select(t.runs.c.uuid).where(*due).order_by(t.runs.c.not_before).limit(limit))

    def silent_nodes(self, before: float) -> list[str]:
        """Nodes believed alive that were not heard of since."""
        silent = (t.nodes.c.health == NodeHealth.ALIVE.value, t.nodes.c.last_seen < before)
        return self._names(select(t.nodes.c.id).where(*silent))

    def owed(self, before: float, limit: int) -> list[str]:
        """Runs whose queue entry has been owed since before then."""
        query = select(t.outbox.c.run_uuid).where(t.outbox.c.created_at < before)
        return self._names(query.order_by(t.outbox.c.created_at).limit(limit))

    def runs_in(self, state: str, after_id: int, limit: int) -> list[tuple[int, str]]:
        """(id, uuid) of the runs in a state by id, for a rebuild."""
        query = select(t.runs.c.id, t.runs.c.uuid).where(t.runs.c.state == state, t.runs.c.id > after_id)
        with self._reading() as connection:
            return [(run_id, uuid) for run_id, uuid in connection.execute(query.order_by(t.runs.c.id).limit(limit))]


def _attempt(row: Any) -> EndedAttempt:
    values = {name: value for name, value in row._mapping.items() if name != "id"}
    return EndedAttempt(**{**values, "outcome": Outcome(row.outcome)})
