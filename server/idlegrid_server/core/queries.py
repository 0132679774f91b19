"""What can be asked of the record without changing it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol

from idlegrid_server.core.checkpoints import Checkpoint
from idlegrid_server.core.definitions import Task, Wait
from idlegrid_server.core.model import EndedAttempt, Node, Run, RunState


@dataclass(frozen=True, slots=True)
class RunView:
    """A run with what it left. In lists both texts are cut."""

    run: Run
    result: str | None
    error: str | None


@dataclass(frozen=True, slots=True)
class RunDetail:
    """Everything about one run but its log."""

    view: RunView
    code: str
    parameters: str
    work: str
    """Command, arguments and request as JSON; empty for code that was submitted by itself."""
    attempts: Sequence[EndedAttempt]
    story: Sequence[tuple[float, str, str]]
    """(time, event, detail), oldest first."""
    files: int
    """How many it left."""
    checkpoint: Checkpoint | None
    """What its next attempt goes on from; None once it has ended."""


@dataclass(frozen=True, slots=True)
class Execution:
    """A run with what it was given; its texts are cut to as many characters as were asked for, and one more."""

    view: RunView
    parameters: str


@dataclass(frozen=True, slots=True)
class Unfinished:
    """A run that has not ended."""

    id: int
    uuid: str


@dataclass(frozen=True, slots=True)
class StoryPiece:
    """A line of a run's story; `id` pages."""

    id: int
    at: float
    event: str
    detail: str


@dataclass(frozen=True, slots=True)
class LogLine:
    """A stored piece of a log; `id` pages."""

    id: int
    at: float
    """By the node's clock."""
    stream: str
    text: str
    attempt: int


@dataclass(frozen=True, slots=True)
class UsedOverTime:
    """What an attempt used over time: seconds since it began, CPU seconds until then, MB and processes at that time."""

    attempt: int
    points: Sequence[Sequence[float]]


@dataclass(frozen=True, slots=True)
class Tail:
    """The ends of a run's story and of its log, oldest first."""

    story: Sequence[StoryPiece]
    pieces: Sequence[LogLine]


@dataclass(frozen=True, slots=True, kw_only=True)
class RunFilter:
    """Which runs a list shows; None does not filter."""

    states: Sequence[str] | None = None
    node_id: str | None = None
    submitter: str | None = None
    task_id: int | None = None
    since: float | None = None
    """Made at or after then."""
    until: float | None = None
    """Made before then."""
    sort: str = "id"
    """`id` (the order they were made in; with `since` or `until` by that time, where coordinators' clocks disagree),
    `started_at` or `finished_at`; runs without a time come as the earliest, and those of one instant go by id."""
    newest_first: bool = True
    search: str = ""
    """Part of its task's present name, in any case."""
    or_states: Sequence[str] = ()
    """With `search`: runs in these states are found by it too, whatever their task is called."""
    or_id: int | None = None
    """With `search`, and without `or_states`: the run with this id is found by it too, if all else fits."""
    offset: int = 0
    size: int = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskFilter:
    """Which tasks a list shows; None does not filter."""

    status: str | None = None
    task_type: str | None = None
    priority: int | None = None
    search: str = ""
    """Part of the name or the description, in any case."""
    kind: str = ""
    """Part of the name, of its kind (`job_type`, or where it says none its task type) or of its category."""
    sort: str = "created_at"
    """One of `TASK_SORTS`."""
    descending: bool = True
    offset: int = 0
    size: int = 20


@dataclass(frozen=True, slots=True)
class GraphTask:
    """A task in a graph; `distance` is how many dependencies lie between it and the one that was asked for."""

    id: int
    name: str
    status: str
    last_state: RunState | None
    distance: int


@dataclass(frozen=True, slots=True)
class Graph:
    """The tasks around one, itself among them, near ones first, and which of them depend on which."""

    tasks: Sequence[GraphTask]
    edges: Sequence[tuple[int, int]]
    """(parent, child)."""
    is_cut: bool
    """Whether there are more tasks."""


@dataclass(frozen=True, slots=True)
class RecentRun:
    """How one of a task's newest runs went, or goes."""

    id: int
    state: RunState


TASK_SORTS = (
    "created_at",
    "updated_at",
    "id",
    "name",
    "priority",
    "status",
    "task_type",
    "last_run_at",
    "next_run_at",
    "job_type",
    "job_category",
    "schedule",
    "interval_seconds",
    "timeout",
    "max_instances",
    "paused",
)
"""`job_type` is the task type where it says none; `paused` puts those that fire first."""


FORGOTTEN: Final = "forgotten:{}"
"""The counter of runs that were forgotten, by the state that they were in."""


@dataclass(frozen=True, slots=True)
class Totals:
    """Counted as things happen, not by scanning. Runs by state are those on record, as the lists show them; all else,
    like the seconds from start to end of completed runs, counts since the record was made.
    """

    by_state: dict[str, int]
    completed_seconds: float
    compute_seconds: float
    counted: Mapping[str, float] = field(default_factory=dict)
    """Every counter by its name (`Batch.count`): also `tasks:STATUS`, `duration:BOUND`, `evictions`, `losses`."""

    @property
    def total(self) -> int:
        """All runs on record."""
        return sum(self.by_state.values())

    @property
    def average_seconds(self) -> float:
        """From start to end of a completed run, of all there ever were; 0 for none."""
        completed = self.of("completed") + self.counted.get(FORGOTTEN.format("completed"), 0)
        return self.completed_seconds / completed if completed else 0.0

    def of(self, *states: str) -> int:
        """Runs in these states."""
        return sum(self.by_state.get(state, 0) for state in states)


@dataclass(frozen=True, slots=True)
class Taken:
    """What the runs that a node holds have taken of it, as they asked for it: their number, cores, MB."""

    runs: int = 0
    cpu: float = 0.0
    memory_mb: int = 0


@dataclass(frozen=True, slots=True)
class Timeline:
    """Counts per bucket of a window that ends now."""

    start: float
    bucket_seconds: float
    submitted: list[int]
    completed: list[int]
    failed: list[int]
    queue_depth: list[int]
    run_seconds: list[float]
    wait_p50: list[float | None]
    """Seconds from making to starting that half of those which started in each bucket took at most."""
    wait_p95: list[float | None]


class Reader(Protocol):
    """Reading the record. Every method raises RecordUnavailable when the database does not answer."""

    def server_uuid(self) -> str:
        """The record's own name, made with it."""

    def submitter(self, run_id: int) -> str | None:
        """Whose run it is; None when there is none."""

    def view(self, run_id: int) -> RunView | None:
        """A run with its output."""

    def detail(self, run_id: int) -> RunDetail | None:
        """A run with its code, attempts and story."""

    def runs(self, wanted: RunFilter) -> tuple[list[RunView], int]:
        """One page of runs, and how many there are in all."""

    def logs(self, run_id: int, after: int, limit: int) -> list[LogLine]:
        """Pieces of a run's log with ids above `after`, oldest first."""

    def last_logs(self, run_id: int, limit: int) -> list[LogLine]:
        """The newest pieces of a run's log, oldest first."""

    def story(self, run_id: int, after: int, limit: int) -> list[StoryPiece]:
        """Lines of a run's story with ids above `after`, oldest first."""

    def last_story(self, run_id: int, limit: int) -> list[StoryPiece]:
        """The newest lines of a run's story, oldest first."""

    def tails(self, run_ids: Sequence[int], limit: int) -> dict[int, Tail]:
        """For each of the runs the newest lines of its story and the newest pieces of its log, `limit` of either."""

    def usage_points(self, run_id: int) -> list[UsedOverTime]:
        """What each of a run's attempts used over time, as far as its node told it, by attempt."""

    def run_ids(self, uuids: Sequence[str]) -> dict[str, tuple[int, str]]:
        """UUID → (id, submitter), of those that there are."""

    def executions(self, wanted: RunFilter, excerpt: int) -> tuple[list[Execution], int]:
        """One page of runs with what they were given, and how many there are in all."""

    def unfinished(
        self, after: int, limit: int, *, task_ids: Sequence[int] | None = None, submitter: str | None = None
    ) -> list[Unfinished]:
        """Runs that have not ended (of tasks, of a submitter) with ids above `after`, by id."""

    def waits_of(self, run_id: int) -> list[Wait]:
        """What a waiting run waits for; a parent that is gone is called `task` and its id."""

    def ahead(self, run: Run, before: Mapping[str, float]) -> int:
        """How many queued runs are served before this one: for each queue those that were made before that time.

        Of those that were made at the very time only runs with lower ids count. In the run's own queue one that was
        tried again counts from when it was put back.
        """

    def result_ids(self, after_id: int | None, limit: int, submitter: str | None = None) -> list[int]:
        """Ids of completed runs (of a submitter): the newest `limit`, or the oldest after `after_id`; newest last."""

    def results(self, ids: Sequence[int]) -> list[tuple[int, str, float]]:
        """(id, result, end) of these runs, by id."""

    def totals(self) -> Totals:
        """The counters."""

    def recent_usage(self, now: float) -> dict[str, float]:
        """Seconds of wall clock that each submitter's attempts took lately, worth half for each day they are old."""

    def completed_since(self, when: float) -> int:
        """How many runs completed since then."""

    def timeline(self, now: float, window: float, buckets: int) -> Timeline:
        """What happened in the last `window` seconds."""

    def nodes(self) -> list[Node]:
        """Every node, by name."""

    def node_kinds(self) -> list[Node]:
        """As many as there are nodes, but one stands for all that offer the same and are in the same state.

        It tells why a run waits, and is far less to read than `nodes`.
        """

    def node(self, node_id: str) -> Node | None:
        """One node."""

    def hostnames(self, node_ids: Sequence[str]) -> dict[str, str]:
        """The hostnames of those of them that are known."""

    def held_by(self, node_ids: Sequence[str]) -> dict[str, int]:
        """How many runs each node holds."""

    def taken(self) -> dict[str, Taken]:
        """By node what the runs that it holds have taken of it; nodes that hold none are not in it."""

    def task(self, task_id: int) -> Task | None:
        """One task."""

    def tasks_named(self, names: Sequence[str]) -> dict[str, Task]:
        """Name → task, of those that there are."""

    def task_code(self, task_id: int) -> str | None:
        """A task's inline code; None when it has none."""

    def tasks(self, wanted: TaskFilter) -> tuple[list[Task], int]:
        """One page of tasks, and how many there are in all."""

    def graph(self, task_id: int, most: int) -> Graph:
        """The nearest tasks around one, `most` in all; empty when it is not there."""

    def recent_runs(self, task_ids: Sequence[int], most: int) -> dict[int, list[RecentRun]]:
        """For each of the tasks that has had any its newest runs, newest first."""

    def due_tasks(self, now: float, limit: int) -> list[int]:
        """Tasks that are due, longest due first; of those due at one instant parents come before children."""

    def parents_among(self, task_ids: Sequence[int]) -> dict[int, set[int]]:
        """Those of the tasks that depend on others of them, with these."""

    def due_times(self, now: float, until: float) -> list[float]:
        """When tasks are due between then and then, each instant once."""

    def settled_waits(self, limit: int) -> list[str]:
        """UUIDs of runs that wait for a run which has ended."""

    def ready_dependents(self, limit: int) -> list[int]:
        """Unscheduled tasks, not paused, whose parents have all completed since they last triggered them."""

    def orphans(self, limit: int) -> list[int]:
        """Ids of unfinished runs whose task is gone."""

    def expired(self, now: float, limit: int) -> list[str]:
        """Running runs whose lease is over."""

    def due(self, now: float, limit: int) -> list[str]:
        """Waiting runs whose delay is over."""

    def silent_nodes(self, before: float) -> list[str]:
        """Nodes believed alive that were not heard of since."""

    def owed(self, before: float, limit: int) -> list[str]:
        """Runs whose queue entry has been owed since before then."""

    def runs_in(self, state: str, after_id: int, limit: int) -> list[tuple[int, str]]:
        """(id, uuid) of the runs in a state by id, for a rebuild."""

    def queue_identity(self) -> str:
        """Which queue the record was last written to."""
