"""What the client returns: frozen records of nodes, runs and tasks, read tolerantly from the wire.

Fields that a newer coordinator adds are ignored, those that an older one leaves out keep their defaults.
Times are aware datetimes (UTC); memory is in MB (2^20 bytes), CPU in cores, durations in seconds.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields
from datetime import datetime
from typing import Any, Generic, Self, TypeVar

from idlegrid.display import table

T = TypeVar("T", bound="FromWire")


class FromWire:
    """Gives a dataclass a constructor from a wire object."""

    @classmethod
    def from_wire(cls, data: Mapping[str, Any]) -> Self:
        """Take the fields that are known and given; ISO 8601 texts become datetimes where one is expected."""
        given = {
            known.name: _time(data[known.name]) if "datetime" in str(known.type) else data[known.name]
            for known in fields(cls)  # type: ignore[arg-type]  # every subclass is a dataclass
            if known.name in data
        }
        return cls(**given)


@dataclass(frozen=True)
class NodeInfo(FromWire):
    """A spare machine: `state` is what it does and why (`reason`), `status` whether it is believed."""

    id: str
    hostname: str | None = None
    status: str = ""
    state: str = ""
    reason: str = ""
    since: datetime | None = None
    current_task_count: int = 0
    max_concurrent_tasks: int = 0
    task_types: list[str] = field(default_factory=list)
    labels: list[str] = field(default_factory=list)
    sandbox: Any = None
    cpu_cores: float | None = None
    memory_mb: float | None = None
    cpu_usage: float | None = None
    memory_usage: float | None = None
    load_average: Any = None
    version: str | None = None
    python: str | None = None
    profile: str | None = None
    last_heartbeat: datetime | None = None
    registered_at: datetime | None = None
    policy: Any = None
    """Its owner's policy (`values`), what the operator wants of it (`pushed`), and what of that is `refused`, and why;
    None in a list.
    """
    reclaims: Any = None
    """How fast its owner got it back in the last 30 days: `count`, and seconds until runs stood (`frozen_p50`,
    `frozen_p99`) and their memory was free (`memory_p50`, `memory_p99`); None in a list.
    """
    ended_per_minute: float = 0.0
    """Attempts that ended there, in the last five to ten minutes."""
    failed_per_minute: float = 0.0
    suspect: bool = False
    """Whether it fails nearly all that it takes, so fast that it may swallow the queue (a black hole)."""
    current_tasks: Any = None
    """The runs that it holds; None in a list."""
    statistics: Any = None
    """What it has done in all; None in a list."""
    idle_until: datetime | None = None
    """Until when it should stay idle, by its owner's hours; None while it cannot work, when nobody knows, in a list."""

    @property
    def sandbox_level(self) -> int | None:
        """How well it isolates runs, 4 to 1; 0 means that it takes none, None that it has not said (legacy workers)."""
        given = self.sandbox.get("level") if isinstance(self.sandbox, dict) else self.sandbox
        return given if isinstance(given, int) else None

    @property
    def doing(self) -> str:
        """The state to show: `offline` for a node that is not heard of, else its own."""
        return "offline" if self.status == "offline" else self.state or self.status


@dataclass(frozen=True)
class RunInfo(FromWire):
    """A run as it was when asked. In a list `result` and `error_message` are cut to 200 characters."""

    id: int
    uuid: str = ""
    task_id: Any = None
    task_name: str | None = None
    trigger: str = ""
    worker_id: str | None = None
    worker_hostname: str | None = None
    status: str = ""
    reason: str | None = None
    priority: str | None = None
    submitter: str | None = None
    started_at: datetime | None = None
    completed_at: datetime | None = None
    execution_time: float | None = None
    result: str | None = None
    error_message: str | None = None
    exit_code: int | None = None
    retry_count: int = 0
    attempts: int = 0
    waiting_for: str | None = None
    created_at: datetime | None = None
    trace_id: str | None = None


@dataclass(frozen=True)
class TaskInfo(FromWire):
    """A task as it was when asked: `status` is active, paused, or how the latest run of an unscheduled one ended."""

    id: int
    name: str = ""
    description: str = ""
    task_type: str = ""
    command: str = ""
    schedule: str | None = None
    interval_seconds: float | None = None
    timezone: str = "UTC"
    priority: str = ""
    status: str = ""
    last_status: str | None = None
    last_run_at: datetime | None = None
    next_run_at: datetime | None = None
    dependencies: list[str] = field(default_factory=list)
    tags: list[str] = field(default_factory=list)
    submitter: str = ""
    recent: list[dict[str, Any]] = field(default_factory=list)
    """Its newest runs in a list of tasks, newest first, each with `id` and `status`."""
    created_at: datetime | None = None
    updated_at: datetime | None = None


@dataclass(frozen=True)
class Page(Generic[T]):
    """One page of a list, newest first unless asked otherwise; iterates over its `items`."""

    items: tuple[T, ...]
    total: int
    page: int
    size: int
    total_pages: int

    @classmethod
    def of(cls, kind: type[T], answer: Mapping[str, Any]) -> Self:
        """Read a list's answer, whose items are of this kind."""
        items = tuple(map(kind.from_wire, answer["items"]))
        return cls(items, *(answer[name] for name in ("total", "page", "size", "total_pages")))

    def __iter__(self) -> Iterator[T]:
        return iter(self.items)

    def __len__(self) -> int:
        return len(self.items)


@dataclass(frozen=True)
class NodePage(Page[NodeInfo]):
    """One page of nodes."""


@dataclass(frozen=True)
class TaskPage(Page[TaskInfo]):
    """One page of tasks."""

    def _repr_html_(self) -> str:
        rows = [(task.id, task.name, task.status, task.last_status, task.next_run_at) for task in self.items]
        headers = ("task", "name", "status", "last run", "next run")
        return table(headers, rows) + f"<p>page {self.page} of {self.total_pages}, {self.total} tasks</p>"


@dataclass(frozen=True)
class RunPage(Page[RunInfo]):
    """One page of runs."""

    def _repr_html_(self) -> str:
        rows = [(run.id, run.status, run.reason, run.worker_hostname, run.created_at) for run in self.items]
        headers = ("run", "status", "reason", "node", "created")
        return table(headers, rows) + f"<p>page {self.page} of {self.total_pages}, {self.total} runs</p>"


def _time(value: Any) -> datetime | None:
    """Read an ISO 8601 text as a datetime; None stays None."""
    return datetime.fromisoformat(value) if isinstance(value, str) else None
