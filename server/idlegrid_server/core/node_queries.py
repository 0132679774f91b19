"""What can be asked of the record about nodes."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from idlegrid_server.core.model import Node
from idlegrid_server.core.rates import Rates
from idlegrid_server.core.reclaims import ReclaimFigures
from idlegrid_server.core.spells import Spell
from idlegrid_server.core.weeks import Week

NODE_SORTS: Final = (
    "registered_at",
    "created_at",
    "id",
    "hostname",
    "status",
    "last_heartbeat",
    "load_average",
    "cpu_usage",
    "memory_usage",
)
"""What nodes can be sorted by."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeFilter:
    """Which nodes a list shows; None does not filter. Those that were sent away are never shown."""

    status: str | None = None
    """`active`, `draining` or `offline`."""
    task_type: str | None = None
    """One that the node offers and the operator allows."""
    hostname: str | None = None
    """The whole name, in any case."""
    state: str | None = None
    """The node's own; `offline` for one that is away."""
    search: str = ""
    """Part of the id or the hostname, in any case."""
    sort: str = "registered_at"
    """One of `NODE_SORTS`."""
    descending: bool = True
    page: int = 1
    size: int = 20


@dataclass(frozen=True, slots=True)
class HeldRun:
    """A run with its newest attempt, which a node holds while it `is_running`."""

    run_id: int
    run_uuid: str
    lease_id: str
    task_id: int | None
    task_name: str | None
    leased_at: float
    is_running: bool = True


@dataclass(frozen=True, slots=True)
class NodeTotals:
    """What a node has done in all, and since when it is there (None while it is not)."""

    completed: int = 0
    failed: int = 0
    attempts: int = 0
    wall_seconds: float = 0.0
    up_since: float | None = None


@dataclass(frozen=True, slots=True)
class NodeCounts:
    """How many nodes there are, without those that were sent away."""

    by_status: dict[str, int]
    by_state: dict[str, int]
    average_load: float
    """Of those that are there."""

    @property
    def total(self) -> int:
        """All of them."""
        return sum(self.by_status.values())


class NodeReader(Protocol):
    """Reading nodes. Every method raises RecordUnavailable when the database does not answer."""

    def page(self, wanted: NodeFilter) -> tuple[list[Node], int]:
        """One page of nodes, and how many there are in all."""

    def held(self, node_id: str) -> list[HeldRun]:
        """The runs that a node holds, newest first."""

    def holder(self, run_uuid: str) -> HeldRun | None:
        """A run with its newest attempt; None for one that is unknown or was never leased."""

    def totals(self, node_id: str) -> NodeTotals:
        """What a node has done in all."""

    def counts(self) -> NodeCounts:
        """How many nodes there are."""

    def week(self, node_id: str) -> Week:
        """A node's week; an empty one where nothing is known."""

    def weeks(self) -> dict[str, tuple[int, Week]]:
        """Every node of which something is known: its clock's seconds east of UTC, and its week."""

    def whole_week(self) -> tuple[int, Week]:
        """Of how many nodes something is known, and their weeks added up, each on its owner's clock."""

    def rates(self, node_ids: Sequence[str] | None, now: float) -> dict[str, Rates]:
        """How often attempts ended and failed lately on each of the nodes, or on all; none where none ended."""

    def spells(self, node_ids: Sequence[str], begin: float, end: float) -> dict[str, list[Spell]]:
        """What each of the nodes was between, by id as asked; those that are unknown or sent away are not in it."""

    def reclaims(self, node_id: str | None, now: float) -> ReclaimFigures:
        """How fast the owner of a node, or of any, got the machine back lately."""
