"""The record as those see it who watch the grid: every look is bounded, whatever the record holds."""

import json
from collections.abc import Sequence
from functools import lru_cache
from typing import Any, Final

from sqlalchemy import Connection, Text, and_, cast, false, func, or_, select

from idlegrid_server.core.attention import FAILURES, MOST_FAILURES, FailingTask, LostNode, OffWebhook
from idlegrid_server.core.model import Node, NodeHealth, NodeState, NodeWish, RunState, Sandbox
from idlegrid_server.core.overview import LOST_FOR, Standing, census
from idlegrid_server.core.served import Head
from idlegrid_server.core.watch_queries import MOST_GIVERS, MOST_WAITS, Harvest, Used
from idlegrid_server.record import tables as t
from idlegrid_server.record.ended import EndedReader
from idlegrid_server.record.reader import KIND
from idlegrid_server.record.reading import kept_by
from idlegrid_server.record.samples import SampleReader

_nodes: Final = t.nodes.c
_runs: Final = t.runs.c
_tasks: Final = t.tasks.c
_usage: Final = t.usage.c
_webhooks: Final = t.webhooks.c
_shown: Final = _nodes.wish != NodeWish.GONE.value
FAILED: Final = (RunState.FAILED.value, RunState.TIMED_OUT.value)
_kind: Final = (*KIND, func.coalesce(cast(_nodes.sandbox["tested_at"], Text), "null") == "null")
_used: Final = (func.sum(_usage.cpu_seconds), func.sum(_usage.wall_seconds), func.sum(_usage.attempts))


class SqlWatchReader(SampleReader, EndedReader):
    """Implements `core.watch_queries.WatchReader`."""

    def census(self, now: float) -> dict[str, int]:
        """How many nodes there are of each kind."""
        lately = _nodes.since >= now - LOST_FOR
        standing = (_nodes.state, _nodes.reason, _nodes.wish, _nodes.health, lately)
        query = select(*standing, func.count()).where(_shown).group_by(*standing)
        with self._reading() as connection:
            return census([(_standing(*words), number) for *words, number in connection.execute(query)])

    def harvest(self, first_hour: int) -> Harvest:
        """What was harvested from an hour on, counted since the epoch."""
        wanted, most = _usage.hour >= first_hour, (_used[0].desc(), _used[1].desc())
        hours = select(_usage.hour, *_used).where(wanted).group_by(_usage.hour)
        nodes, submitters = (
            select(column, *_used).where(wanted).group_by(column).order_by(*most, column).limit(MOST_GIVERS)
            for column in (_usage.node_id, _usage.submitter)
        )
        with self._reading() as connection:
            by_hour, *others = (_sums(connection, query) for query in (hours, nodes, submitters))
        return Harvest(dict(by_hour), *others)

    def kinds(self, now: float) -> list[tuple[Node, int]]:
        """Nodes that are there, or were within a week: each stands for so many that offer the same and do the same."""
        known = or_(_nodes.health == NodeHealth.ALIVE.value, _nodes.since >= now - LOST_FOR)
        query = select(func.min(_nodes.id), func.count(), *_kind).where(_shown, known).group_by(*_kind)
        with self._reading() as connection:
            return [(_node(node_id, *kind), number) for node_id, number, *kind in connection.execute(query)]

    def lost_nodes(self, now: float, limit: int) -> list[LostNode]:
        """Nodes that were lost within a week, the latest first."""
        query = select(_nodes.id, _nodes.hostname, _nodes.since)
        query = query.where(_nodes.health == NodeHealth.LOST.value, _nodes.since >= now - LOST_FOR, _shown)
        with self._reading() as connection:
            return [LostNode(*row) for row in connection.execute(query.order_by(_nodes.since.desc()).limit(limit))]

    def trusted(self, node_ids: Sequence[str]) -> dict[str, str]:
        """The hostnames of those of the nodes that are there, and that the operator lets work."""
        here = and_(_nodes.health == NodeHealth.ALIVE.value, _nodes.wish == NodeWish.ACTIVE.value)
        with self._reading() as connection:
            return dict(
                connection.execute(select(_nodes.id, _nodes.hostname).where(_nodes.id.in_(node_ids), here)).all()
            )

    def failing_tasks(self, limit: int) -> list[FailingTask]:
        """Tasks of which three or more runs have failed since the last that completed, the latest fired first."""
        suspects = (_tasks.failed_runs >= FAILURES, _tasks.last_completed_id < _tasks.last_run_id)
        enough = _failures(func.count, FAILURES) == FAILURES
        found = select(_tasks.id).where(*suspects, enough).order_by(_tasks.last_run_at.desc()).limit(limit)
        number, first = (_failures(what, MOST_FAILURES) for what in (func.count, func.min))
        with self._reading() as connection:
            ids = list(connection.scalars(found))
            told = select(_tasks.id, _tasks.name, number, first).where(_tasks.id.in_(ids))
            return [FailingTask(*task) for task in connection.execute(told)]

    def off_webhooks(self, limit: int) -> list[OffWebhook]:
        """Endpoints that were switched off by failures, the latest first."""
        query = select(_webhooks.id, _webhooks.url, _webhooks.disabled_reason, _webhooks.updated_at)
        query = query.where(_webhooks.active == false(), _webhooks.disabled_reason != "")
        with self._reading() as connection:
            newest = connection.execute(query.order_by(_webhooks.updated_at.desc()).limit(limit))
            return [OffWebhook(*row) for row in newest]

    def heads(self, run_uuids: Sequence[str]) -> dict[str, Head]:
        """By UUID those of the runs that there are."""
        query = select(_runs.uuid, _runs.id, _runs.created_at).where(_runs.uuid.in_(run_uuids))
        with self._reading() as connection:
            return {uuid: Head(*head) for uuid, *head in connection.execute(query)}

    def waited(self, since: float) -> list[tuple[str, float]]:
        """Queue and seconds from making to starting of the newest runs that started since then."""
        query = select(_runs.queue, _runs.started_at - _runs.created_at).where(_runs.started_at >= since)
        with self._reading() as connection:
            newest = connection.execute(query.order_by(_runs.started_at.desc()).limit(MOST_WAITS))
            return [(queue, seconds) for queue, seconds in newest]


def _standing(state: str, reason: str, wish: str, health: str, lately: bool) -> Standing:
    return Standing(NodeState(state), reason, NodeWish(wish), NodeHealth(health), bool(lately))


def _node(
    node_id: str, health: str, state: str, reason: str, wish: str, cpu: float, memory: int, *written: Any
) -> Node:
    """As much of a node as its kind tells; what is written is JSON, where it is there at all."""
    types, allowed, labels, level, remedy, untested = map(_read, written)
    return Node(
        id=node_id,
        registered_at=0.0,
        last_seen=0.0,
        health=NodeHealth(health),
        state=NodeState(state),
        reason=reason,
        wish=NodeWish(wish),
        cpu_cores=cpu,
        memory_mb=memory,
        task_types=types,
        operator_types=allowed,
        labels=labels or (),
        sandbox=Sandbox(level=level or 0, remedy=remedy or "", tested_at=None if untested else 0.0),
    )


@lru_cache(maxsize=4096)
def _read(text: Any) -> Any:
    value = json.loads(text) if isinstance(text, str) else text
    return tuple(value) if isinstance(value, list) else value


def _sums(connection: Connection, query: Any) -> list[tuple[Any, Used]]:
    return [(key, Used(cpu, wall, int(attempts))) for key, cpu, wall, attempts in connection.execute(query)]


def _failures(what: Any, most: int) -> Any:
    """Of the oldest `most` runs of a task that failed since the last completed, as a value beside the task.

    The index holds all that is asked, and finds just what was made since.
    """
    since = (_runs.task_id == _tasks.id, _runs.id > _tasks.last_completed_id)
    failed = select(_runs.finished_at).where(*since, kept_by(_runs.state.in_(FAILED))).order_by(_runs.id)
    oldest = failed.limit(most).correlate(t.tasks).subquery()
    return select(what(oldest.c.finished_at)).scalar_subquery()
