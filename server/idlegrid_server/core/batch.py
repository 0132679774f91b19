"""The unit of work: what a group of commands has loaded and what it has changed.

Commands first check, then change; so one that raises has changed nothing, and the others of its batch go on.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from idlegrid_server.core.lifecycle import Effect, Event, transition
from idlegrid_server.core.matching import score
from idlegrid_server.core.model import (
    EndedAttempt,
    IdempotencyKey,
    LogPiece,
    Node,
    NodeSpell,
    Notice,
    Outcome,
    Output,
    Payload,
    Run,
    RunState,
    StoryLine,
)
from idlegrid_server.core.queue_ops import Drop, Ended, Push, QueueOp, Remove, Started

NEWS: Final = {
    RunState.RUNNING: "task_started",
    RunState.COMPLETED: "task_completed",
    RunState.FAILED: "task_failed",
    RunState.TIMED_OUT: "task_failed",
    RunState.CANCELLED: "task_failed",
}
"""What a run's new state is called to those who watch; any other is `task_updated`."""


@dataclass(slots=True)
class Needs:
    """What commands want loaded before they decide."""

    uuids: set[str] = field(default_factory=set)
    ids: set[int] = field(default_factory=set)
    payloads: set[str] = field(default_factory=set)
    """UUIDs (also in `uuids`) whose code is wanted too."""
    nodes: set[str] = field(default_factory=set)
    keys: set[str] = field(default_factory=set)

    def add(self, other: "Needs") -> None:
        """Take over what another command wants."""
        self.uuids |= other.uuids
        self.ids |= other.ids
        self.payloads |= other.payloads
        self.nodes |= other.nodes
        self.keys |= other.keys


@dataclass(slots=True)
class Batch:
    """Rows as loaded, and what is to be written. `now` is the batch's one time."""

    now: float
    runs: dict[str, Run] = field(default_factory=dict)
    by_id: dict[int, Run] = field(default_factory=dict)
    payloads: dict[str, Payload] = field(default_factory=dict)
    nodes: dict[str, Node] = field(default_factory=dict)
    keys: dict[str, IdempotencyKey] = field(default_factory=dict)

    new_runs: list[tuple[Run, Payload]] = field(default_factory=list)
    changed_runs: dict[str, Run] = field(default_factory=dict)
    outputs: dict[str, Output] = field(default_factory=dict)
    changed_nodes: dict[str, Node] = field(default_factory=dict)
    new_keys: list[IdempotencyKey] = field(default_factory=list)
    ended: list[EndedAttempt] = field(default_factory=list)
    story: list[StoryLine] = field(default_factory=list)
    logs: list[LogPiece] = field(default_factory=list)
    spells: list[NodeSpell] = field(default_factory=list)
    usage: dict[tuple[int, str, str], list[float]] = field(default_factory=dict)
    """(hour, submitter, node) → [attempts, cpu seconds, wall seconds]."""
    counts: dict[str, float] = field(default_factory=dict)
    """Changes of the record's counters: runs by state, finished seconds."""

    ops: list[QueueOp] = field(default_factory=list)
    owed: set[str] = field(default_factory=set)
    """Runs whose queue entry is owed to Redis: the outbox."""
    stops: list[tuple[str, Run]] = field(default_factory=list)
    """(node, run) to be killed."""
    _news: list[tuple[str, Run | None, str, str | None]] = field(default_factory=list)
    woken: dict[str, int] = field(default_factory=dict)
    """How many runs each queue got."""

    def include(self, runs: Iterable[Run]) -> None:
        """Make loaded runs findable."""
        for run in runs:
            self.runs[run.uuid] = run
            self.by_id[run.id] = run

    def add_run(self, run: Run, payload: Payload) -> None:
        """A new, pending run: it goes to its queue once the record has it."""
        self.runs[run.uuid] = run
        self.new_runs.append((run, payload))
        self.story.append(StoryLine(run.uuid, self.now, "created", run.queue))
        self.count(run.state, 1)
        self.push(run, front=False)

    def count(self, name: str, by: float) -> None:
        """Change a counter of the record."""
        self.counts[name] = self.counts.get(name, 0) + by

    def touch(self, run: Run) -> None:
        """The run was changed and must be written."""
        self.changed_runs[run.uuid] = run

    def move(self, run: Run, event: Event, detail: str = "", outcome: Outcome | None = None) -> RunState:
        """Take the run along the transition table, and note all that follows; answers its new state.

        `outcome` is how its attempt ended, when it had one. Raises IllegalTransition and changes nothing
        when the table forbids it.
        """
        step = transition(run.state, event, f"Its last words: {run.reason or 'none'}.")
        self.count(run.state, -1)
        self.count(step.to, 1)
        run.state = step.to
        self.touch(run)
        self.story.append(StoryLine(run.uuid, self.now, event.value, detail))
        for effect in step.effects:
            self._carry_out(effect, run, outcome)
        if step.to.is_final:
            self._finish(run)
        return step.to

    def tell(self, run: Run, what: str) -> None:
        """Something worth knowing that changes no state: it goes into the story and to those who watch."""
        self.story.append(StoryLine(run.uuid, self.now, what, run.node_id or ""))
        self.notify(run, "task_updated")

    def _carry_out(self, effect: Effect, run: Run, outcome: Outcome | None) -> None:
        if effect is Effect.ENQUEUE or effect is Effect.ENQUEUE_FRONT:
            self.push(run, front=effect is Effect.ENQUEUE_FRONT)
        elif effect is Effect.DEQUEUE:
            self.ops.append(Remove(run.uuid, run.queue))
        elif effect is Effect.START:
            self.ops.append(Started(run.uuid, run.queue, run.node_id or ""))
        elif effect is Effect.END:
            self._end_attempt(run, outcome or Outcome.CANCELLED)
        else:
            self.stops.append((run.node_id or "", run))

    def push(self, run: Run, *, front: bool) -> None:
        """The run's queue entry is to be written; the outbox remembers that until it is."""
        self.ops.append(Push(run.uuid, run.queue, score(run.created_at, run.priority), front))
        self.owed.add(run.uuid)
        self.woken[run.queue] = self.woken.get(run.queue, 0) + 1

    def _end_attempt(self, run: Run, outcome: Outcome) -> None:
        success = {RunState.COMPLETED: True, RunState.PENDING: None, RunState.WAITING: None}.get(run.state, False)
        self.ops.append(Ended(run.uuid, run.queue, run.node_id or "", success))
        self.ended.append(
            EndedAttempt(
                run.id,
                run.attempts,
                run.node_id or "",
                run.lease_id or "",
                run.leased_at or self.now,
                self.now,
                outcome,
                run.reason,
                run.cpu_seconds,
                run.wall_seconds,
                run.max_memory_mb,
                run.processes,
                run.sandbox,
            )
        )
        self._use(run)

    def _use(self, run: Run) -> None:
        row = self.usage.setdefault((int(self.now // 3600), run.submitter, run.node_id or ""), [0.0, 0.0, 0.0])
        row[0] += 1
        row[1] += run.cpu_seconds
        row[2] += run.wall_seconds

    def _finish(self, run: Run) -> None:
        run.finished_at = self.now
        run.frozen = False
        if run.state is RunState.COMPLETED:
            self.count("completed_seconds", self.now - (run.started_at or self.now))

    def drop(self, run_uuid: str) -> None:
        """A popped entry that no pending run answers to."""
        self.ops.append(Drop(run_uuid))

    def notify(self, run: Run, event: str = "") -> None:
        """Tell those who watch what became of a run; unless it has another name, by the state it is in now."""
        self._news.append((event or NEWS.get(run.state, "task_updated"), run, run.state.value, run.node_id))

    def notify_node(self, event: str, node: Node) -> None:
        """Tell those who watch that a node came or went."""
        self._news.append((event, None, node.state.value, node.id))

    def notices(self) -> list[Notice]:
        """What those who watch are to hear; ask after the batch is written, when new runs have their ids."""
        return [Notice(event, run.id if run else None, status, node) for event, run, status, node in self._news]
