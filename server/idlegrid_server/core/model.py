"""What the record holds, as plain data. Times are epoch seconds (UTC), memory is MB, CPU is cores."""

from dataclasses import dataclass, field
from enum import IntEnum, StrEnum


class RunState(StrEnum):
    """Where a run stands. What each dialect calls these is in its `translate`."""

    WAITING = "waiting"
    """For a dependency, or for a retry's delay."""
    PENDING = "pending"
    """Queued."""
    RUNNING = "running"
    """Leased to a node."""
    COMPLETED = "completed"
    FAILED = "failed"
    TIMED_OUT = "timed_out"
    CANCELLED = "cancelled"

    @property
    def is_final(self) -> bool:
        """Whether nothing can follow."""
        return self in FINAL_STATES


FINAL_STATES = frozenset({RunState.COMPLETED, RunState.FAILED, RunState.TIMED_OUT, RunState.CANCELLED})


class Outcome(StrEnum):
    """How an attempt ended."""

    COMPLETED = "completed"
    FAILED = "failed"
    TIMED_OUT = "timed_out"
    CANCELLED = "cancelled"
    EVICTED = "evicted"
    """The owner came back."""
    RETURNED = "returned"
    """The node handed it back, or never started it."""
    LOST = "lost"
    """The node was not heard from until the lease ended."""
    CRASHED = "crashed"
    """The node could not see it through; counts as a lost one."""


class Priority(IntEnum):
    """How much a run is preferred; an hour's wait is worth one level."""

    LOW = 0
    NORMAL = 1
    HIGH = 2
    CRITICAL = 3


class NodeState(StrEnum):
    """What a node does, as the node itself says it (its ladder)."""

    BUSY = "busy"
    COOLING = "cooling"
    IDLE = "idle"
    RUNNING = "running"
    FROZEN = "frozen"
    EVICTING = "evicting"
    UNKNOWN = "unknown"
    PAUSED = "paused"
    DRAINING = "draining"
    OFFLINE = "offline"


class NodeWish(StrEnum):
    """What the operator wants of a node."""

    ACTIVE = "active"
    DRAINING = "draining"
    """Finish what runs and take no more."""
    OFFLINE = "offline"
    """Take no work; what it holds goes back now."""
    GONE = "gone"
    """Unregistered: it is shown no more, until it is started anew or registered again."""


class NodeHealth(StrEnum):
    """Whether we believe a node: apart from what it says of itself."""

    ALIVE = "alive"
    LOST = "lost"
    LEFT = "left"


@dataclass(frozen=True, slots=True, kw_only=True)
class Need:
    """What a run asks of a node."""

    task_type: str = "python"
    cpu: float = 1.0
    memory_mb: int = 512
    requires: tuple[str, ...] = ()
    min_sandbox: int | None = None
    """The lowest sandbox level; None leaves it at `DEFAULT_SANDBOX`, and takes legacy workers at their word."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Submission:
    """A wish for one run, already validated."""

    code: str
    timeout: float = 300.0
    need: Need = field(default_factory=Need)
    priority: Priority = Priority.NORMAL
    parameters: str = "{}"
    """A JSON object as text; the core never looks inside."""
    submitter: str = ""
    retry_limit: int = 0
    work: str = ""
    """What the node is told beside code and parameters (`definitions.work_of`); empty for code alone."""
    task_id: int | None = None
    task_name: str | None = None
    trigger: str = "submit"
    """What caused it: a `definitions.Trigger`."""
    expected_seconds: float | None = None
    """How long it takes by its task's experience."""
    trace_id: str = ""
    """The request or the firing that causes it; the logs have it too."""


@dataclass(slots=True)
class Run:
    """One piece of work, without its code and output. Mutable, but only inside the batch that loaded it.

    Its newest attempt's lease is part of it, so that a report is checked by reading one row.
    """

    id: int
    uuid: str
    submitter: str
    task_type: str
    queue: str
    priority: int
    cpu: float
    memory_mb: int
    requires: str
    min_sandbox: int
    timeout: float
    retry_limit: int
    state: RunState
    created_at: float
    reason: str = ""
    retries: int = 0
    losses: int = 0
    attempts: int = 0
    not_before: float | None = None
    started_at: float | None = None
    finished_at: float | None = None
    lease_id: str | None = None
    lease_via: str = ""
    """`node` or `legacy` (leased through `/get_task`)."""
    node_id: str | None = None
    leased_at: float | None = None
    lease_expires_at: float | None = None
    listed: bool = False
    """Whether the node has listed the newest attempt in a heartbeat."""
    frozen: bool = False
    exit_code: int | None = None
    truncated: bool = False
    digest: str = ""
    """SHA-256 of the newest attempt's report, to tell a repeated one from a different one; empty before it came."""
    cpu_seconds: float = 0.0
    wall_seconds: float = 0.0
    max_memory_mb: float = 0.0
    processes: int = 0
    sandbox: int | None = None
    """Level that the newest attempt runs or ran under; None before the first, and where nobody said."""
    task_id: int | None = None
    task_name: str | None = None
    """Its task's name when it was made."""
    trigger: str = "submit"
    scheduled_for: float | None = None
    """The instant its schedule made it due."""
    parents_key: str | None = None
    """The parents' runs that triggered it, as ids with commas between."""
    trace_id: str = ""
    """The request or the firing that caused it."""


@dataclass(frozen=True, slots=True)
class Payload:
    """What a node needs to run a run."""

    code: str
    parameters: str
    work: str = ""


@dataclass(frozen=True, slots=True)
class Output:
    """What a run left: standard output, and the error's text."""

    result: str | None
    error: str | None


@dataclass(frozen=True, slots=True)
class EndedAttempt:
    """One finished try of a run, as kept for its history."""

    run_id: int
    number: int
    node_id: str
    lease_id: str
    leased_at: float
    ended_at: float
    outcome: Outcome
    reason: str
    cpu_seconds: float
    wall_seconds: float
    max_memory_mb: float
    processes: int
    sandbox: int | None


@dataclass(frozen=True, slots=True)
class StoryLine:
    """One event in a run's story."""

    run_uuid: str
    at: float
    event: str
    detail: str


@dataclass(frozen=True, slots=True)
class LogPiece:
    """Some output of a run, in order within an attempt."""

    run_id: int
    attempt: int
    seq: int
    at: float
    stream: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """What an attempt took so far: CPU and wall clock in seconds, peak memory in MB, most processes at once."""

    cpu_seconds: float = 0.0
    wall_seconds: float = 0.0
    max_memory_mb: float = 0.0
    processes: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Sandbox:
    """How well a node shuts work in, and what would raise that."""

    level: int = 0
    backend: str = ""
    version: str = ""
    kernel: str = ""
    metering: str = ""
    """What counts CPU, memory and processes: `cgroup v2`, `cgroup v1` or `watcher`."""
    reason: str = ""
    """Why the level is not higher."""
    remedy: str = ""
    """The command that raises it."""
    tested_at: float | None = None
    passed: int = 0
    """Hostile probes that held, of `checks`."""
    checks: int = 0


@dataclass(slots=True, kw_only=True)
class Node:
    """A spare machine as the record knows it. Mutable, but only inside the batch that loaded it."""

    id: str
    registered_at: float
    last_seen: float
    state: NodeState = NodeState.UNKNOWN
    reason: str = "starting"
    since: float = 0.0
    health: NodeHealth = NodeHealth.ALIVE
    wish: NodeWish = NodeWish.ACTIVE
    hostname: str = ""
    address: str = ""
    port: int = 0
    metadata: str = "{}"
    """A JSON object as text: what the operator notes."""
    max_tasks: int | None = None
    """The operator's limit on runs at a time; None leaves it at `slots`."""
    operator_types: tuple[str, ...] | None = None
    """The task types that the operator allows; None allows all that the node offers."""
    pid: int = 0
    version: str = ""
    python: str = ""
    profile: str = ""
    slots: int = 1
    task_types: tuple[str, ...] = ("python",)
    labels: tuple[str, ...] = ()
    cpu_cores: float = 1.0
    memory_mb: int = 512
    cpu_percent: float = 0.0
    memory_percent: float = 0.0
    load_average: float | None = None
    """As the node says it; None leaves it at what its CPU does."""
    sandbox: Sandbox = field(default_factory=Sandbox)
    utc_offset: int = 0
    """Seconds east of UTC of its owner's clock."""
    policy: str = "{}"
    """The owner's policy in effect: a JSON object as text."""
    policy_refused: str = ""
    """What of the operator's values it does not take, and why."""
    pushed_policy: str = "{}"
    """What the operator wants of the owner's policy: a JSON object as text."""

    @property
    def is_alive(self) -> bool:
        """Whether it is believed to be there."""
        return self.health is NodeHealth.ALIVE


@dataclass(frozen=True, slots=True)
class NodeSpell:
    """A node entered a state for a reason at a time."""

    node_id: str
    at: float
    state: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Reclaim:
    """An owner took a machine back while runs were held: docs/protocol.md, 1. Seconds, MB."""

    node_id: str
    at: float
    reason: str
    signal: str = ""
    frozen_s: float | None = None
    memory_s: float | None = None
    memory_mb: float = 0.0
    outcome: str = "thawed"


@dataclass(frozen=True, slots=True)
class IdempotencyKey:
    """An Idempotency-Key that made these runs."""

    key: str
    fingerprint: str
    run_uuids: tuple[str, ...]
    created_at: float


@dataclass(frozen=True, slots=True)
class Notice:
    """Something happened that those who watch want to hear (`/ws/updates`)."""

    event: str
    run_id: int | None = None
    status: str = ""
    node_id: str | None = None
    submitter: str = ""
    """Whose run it is."""
