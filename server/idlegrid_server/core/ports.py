"""What the core asks of the outside: a record, a queue, a clock. Each has a real and an in-memory implementation,
and both pass the same tests.
"""

import secrets
import time
import uuid
from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import IO, Protocol

from idlegrid_server.core.batch import Batch, Needs
from idlegrid_server.core.checkpoints import Checkpoint, CheckpointUpload
from idlegrid_server.core.definitions import Timing
from idlegrid_server.core.files import StoredFile, TaskFile, Upload
from idlegrid_server.core.matching import Offer
from idlegrid_server.core.queue_ops import QueueOp


class Clock(Protocol):
    """Two clocks: one people read, one that never jumps."""

    def now(self) -> float:
        """Epoch seconds."""

    def monotonic(self) -> float:
        """Seconds that only go forward."""


class SystemClock:
    """The machine's clocks."""

    def now(self) -> float:
        """Epoch seconds."""
        return time.time()

    def monotonic(self) -> float:
        """Seconds that only go forward."""
        return time.monotonic()


class Ids(Protocol):
    """Where new names come from."""

    def run_uuid(self) -> str:
        """A fresh UUID for a run."""

    def lease_id(self) -> str:
        """128 random bits as 32 hex digits."""

    def trace_id(self, kind: str) -> str:
        """A fresh name for what causes runs: its kind, `_` and 64 random bits as 16 hex digits."""


class RandomIds:
    """Names nobody can guess."""

    def run_uuid(self) -> str:
        """A fresh UUID for a run."""
        return str(uuid.uuid4())

    def lease_id(self) -> str:
        """128 random bits as 32 hex digits."""
        return secrets.token_hex(16)

    def trace_id(self, kind: str) -> str:
        """A fresh name for what causes runs: its kind, `_` and 64 random bits as 16 hex digits."""
        return f"{kind}_{secrets.token_hex(8)}"


class Calendar(Protocol):
    """When tasks are due by time alone."""

    def check(self, timing: Timing) -> None:
        """Raise InvalidInput for a timing that means nothing or never comes.

        Its `field` is `schedule`, `metadata.timezone` or `interval_seconds`; its message says what to write instead.
        """

    def next(self, timing: Timing, after: float, since: float) -> float | None:
        """The first instant later than `after` at which the task is due, all in epoch seconds.

        An interval is counted in whole multiples from `since` (the first is one interval later), so firings that
        were missed do not shift those to come. None when time alone never makes it due.
        """


class Transaction(Protocol):
    """One transaction of the record."""

    def load(self, needs: Needs) -> Batch:
        """What the commands of a batch asked for; what is absent from the record is absent from the batch."""

    def save(self, batch: Batch) -> None:
        """Write all that changed, in id order, and give new runs their ids."""

    def settle(self, run_uuids: Iterable[str]) -> None:
        """The queue has these runs' entries: nothing is owed any more."""


class Record(Protocol):
    """The database: the truth about every run."""

    def transaction(self) -> AbstractContextManager[Transaction]:
        """Commit at the end, or nothing at all.

        Raises RecordUnavailable when the database does not answer.
        """


class Files(Protocol):
    """The files that runs leave. Their bytes go past the writer, which must not wait for them.

    Every method raises RecordUnavailable when the database does not answer.
    """

    def check(self, upload: Upload) -> None:
        """Whether the file would be taken as things stand. Raises NotFound, StaleReport, TooLarge."""

    def keep(self, upload: Upload, body: IO[bytes]) -> None:
        """Keep the bytes, then show the file in place of what it replaces. Raises as `check` does; then nothing stays.

        In between nothing is locked. The lease is judged at the end, in one transaction with the file's appearance.
        """

    def of_run(self, run_id: int) -> list[StoredFile]:
        """A run's files by name."""

    def find(self, run_id: int, name: str) -> StoredFile | None:
        """One file of a run."""

    def chunk(self, file_id: str, seq: int) -> bytes | None:
        """One piece of a file, `FILE_CHUNK` bytes but for the last; None when it is not there (any more)."""


class Checkpoints(Protocol):
    """The newest checkpoint of each run that has not ended. Like those of files their bytes go past the writer.

    Every method raises RecordUnavailable when the database does not answer.
    """

    def check(self, upload: CheckpointUpload) -> None:
        """Whether it would be taken as things stand. Raises NotFound, StaleReport, TooLarge."""

    def keep(self, upload: CheckpointUpload, body: IO[bytes]) -> Checkpoint:
        """Keep the bytes, then show them in place of the run's older checkpoint, whose bytes are dropped.

        Raises as `check` does; then nothing stays, and the older one is there still.
        """

    def find(self, run_id: int) -> Checkpoint | None:
        """A run's checkpoint."""

    def chunk(self, file_id: str, seq: int) -> bytes | None:
        """One piece of a checkpoint, `FILE_CHUNK` bytes but for the last; None when it is not there (any more)."""


class TaskFiles(Protocol):
    """The files of tasks. Like those of runs their bytes go past the writer.

    Every method raises RecordUnavailable when the database does not answer.
    """

    def keep(self, task_id: int, name: str, size: int, sha256: str, body: IO[bytes]) -> bool:
        """Keep the bytes, then show the file; whether it is new (False: it replaced its namesake).

        Raises NotFound for an unknown task, TooLarge above `MAX_FILES` files or `MAX_TASK_FILES_BYTES` in all; then
        nothing stays.
        """

    def of_task(self, task_id: int) -> list[TaskFile]:
        """A task's files by name; none for an unknown task."""

    def find(self, task_id: int, name: str) -> TaskFile | None:
        """One file of a task."""

    def chunk(self, file_id: str, seq: int) -> bytes | None:
        """One piece of a file, `FILE_CHUNK` bytes but for the last; None when it is not there (any more)."""

    def drop(self, task_id: int, name: str) -> bool:
        """Drop a file; whether there was one."""


@dataclass(frozen=True, slots=True)
class QueueDepth:
    """How many runs a queue holds, and how many of its runs are on nodes."""

    queue: str
    pending: int
    executing: int


class Queue(Protocol):
    """The work that waits. It can be lost entirely; the record brings it back.

    Every method raises QueueUnavailable when Redis does not answer.
    """

    def pop(self, offers: Sequence[Offer]) -> list[list[str]]:
        """For each offer the UUIDs of the runs it may take now, oldest first over the queues it can serve.

        They are set aside until an op says what became of them. Nothing is popped while the queue is suspended.
        """

    def apply(self, ops: Iterable[QueueOp]) -> None:
        """Carry out the ops in order, in one round trip."""

    def suspended(self) -> bool:
        """Whether the operator has suspended leasing (`rq suspend`)."""

    def ping(self) -> float:
        """How long an answer takes, in seconds."""

    def identity(self) -> str:
        """Changes whenever the queue's data may be gone: another server, or our marker is not there."""

    def mark(self) -> None:
        """Say that all pending runs are in the queue; `identity` is stable from here on."""

    def forget(self) -> None:
        """Drop every queue of ours, before a rebuild."""

    def stuck(self) -> list[str]:
        """UUIDs that were popped by a coordinator that did not live to say what became of them.

        A run counts as stuck when two calls, at least ten seconds apart, both find it set aside.
        """

    def depths(self) -> list[QueueDepth]:
        """Every known queue."""

    def heads(self, queues: Sequence[str]) -> dict[str, str]:
        """The UUID at the front of each of the queues that holds any: mostly of the run that has waited longest."""

    def favour(self, bias: Mapping[str, float]) -> None:
        """Serve each lane (`matching.lane_of`) as if its runs had come so many seconds later; replaces all biases.

        Lanes that are not named have none. An empty mapping takes them all away.
        """

    def schedule_beat(self) -> None:
        """Have the schedule waker and the control worker carry a beat, at most one per half minute."""

    def beat_age(self) -> float | None:
        """Seconds since the last beat came through; None when there has been none."""

    def schedule_delivery(self) -> None:
        """Have the webhooks worker look for what is due, unless it has been told so and has not come to it yet."""
