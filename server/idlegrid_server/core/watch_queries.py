"""What those who watch the grid ask of the record, beside what they share with others."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from idlegrid_server.core.attention import FailingTask, LostNode, OffWebhook
from idlegrid_server.core.model import Node
from idlegrid_server.core.overview import Sample
from idlegrid_server.core.served import Head

MOST_WAITS: Final = 5_000
"""Newest started runs that waiting times are made of: a busy hour, and few enough to sort while somebody waits."""
MOST_GIVERS: Final = 10
"""Nodes, and submitters, that a harvest names."""


@dataclass(frozen=True, slots=True)
class Used:
    """What attempts had."""

    cpu_seconds: float = 0.0
    wall_seconds: float = 0.0
    attempts: int = 0


@dataclass(frozen=True, slots=True)
class Harvest:
    """What was harvested, by hour since the epoch where there was any, and by whom, who gave or got most first."""

    hours: Mapping[int, Used]
    nodes: Sequence[tuple[str, Used]]
    submitters: Sequence[tuple[str, Used]]


class WatchReader(Protocol):
    """Looking at the grid as a whole. Every method raises RecordUnavailable when the database does not answer."""

    def census(self, now: float) -> dict[str, int]:
        """How many nodes there are of each kind (`core.overview`)."""

    def ended_since(self, since: float, now: float) -> dict[str, int]:
        """How many runs ended since then, by state."""

    def samples(self, start: float, step: float, now: float) -> list[Sample]:
        """Of each step from then on the newest sample, and what came just before them, oldest first."""

    def harvest(self, first_hour: int) -> Harvest:
        """What was harvested from an hour on, counted since the epoch."""

    def kinds(self, now: float) -> list[tuple[Node, int]]:
        """Nodes that are there, or were within a week: each stands for so many that offer the same and do the same."""

    def lost_nodes(self, now: float, limit: int) -> list[LostNode]:
        """Nodes that were lost within a week, the latest first."""

    def trusted(self, node_ids: Sequence[str]) -> dict[str, str]:
        """The hostnames of those of the nodes that are there, and that the operator lets work."""

    def failing_tasks(self, limit: int) -> list[FailingTask]:
        """Tasks of which three or more runs have failed since the last that completed, the latest fired first.

        What was cancelled since says nothing of a task.
        """

    def off_webhooks(self, limit: int) -> list[OffWebhook]:
        """Endpoints that were switched off by failures, the latest first."""

    def heads(self, run_uuids: Sequence[str]) -> dict[str, Head]:
        """By UUID those of the runs that there are."""

    def waited(self, since: float) -> list[tuple[str, float]]:
        """Queue and seconds from making to starting of the newest `MOST_WAITS` runs that started since then."""
