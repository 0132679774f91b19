"""Making runs, one or many, at most once per Idempotency-Key."""

import json
from dataclasses import dataclass, field

from idlegrid_server.core.batch import Batch, Needs
from idlegrid_server.core.errors import InvalidInput
from idlegrid_server.core.matching import QueueOrder, lane_of, requirement_class, sandbox_level
from idlegrid_server.core.model import IdempotencyKey, Payload, Run, RunState, Submission


@dataclass(slots=True)
class MakeRuns:
    """Queue the submissions, all or nothing; answers their runs in order.

    With a `key`, the same key and `fingerprint` again answers the same runs and makes none.
    """

    submissions: list[Submission]
    uuids: list[str]
    """A fresh one for each submission."""
    key: str = ""
    fingerprint: str = ""
    order: QueueOrder = QueueOrder.FIFO
    _made: list[str] = field(default_factory=list)

    def needs(self) -> Needs:
        """The key, if any; the record adds the runs that it made."""
        return Needs(keys={self.key} if self.key else set())

    def apply(self, batch: Batch) -> None:
        """Make the runs, or find those made before. Raises InvalidInput when the key was used for something else."""
        self._made = made_before(batch, self.key, self.fingerprint) or self._make(batch)

    def _make(self, batch: Batch) -> list[str]:
        for submission, uuid in zip(self.submissions, self.uuids, strict=True):
            run = new_run(submission, uuid, batch.now, self.order)
            batch.add_run(run, Payload(submission.code, submission.parameters, submission.work))
            batch.notify(run, "task_created")
        remember(batch, self.key, self.fingerprint, self.uuids)
        return self.uuids

    def answer(self, batch: Batch) -> list[Run]:
        """The runs, with their ids, in the order of the submissions."""
        return [batch.runs[uuid] for uuid in self._made]


def made_before(batch: Batch, key: str, fingerprint: str) -> list[str]:
    """UUIDs of the runs that this Idempotency-Key has made; none when it is new, or empty.

    Raises InvalidInput when it was used for another request.
    """
    known = batch.keys.get(key)
    if known is None:
        return []
    if known.fingerprint != fingerprint:
        raise InvalidInput("This Idempotency-Key was used for another request: send a fresh one")
    return list(known.run_uuids)


def remember(batch: Batch, key: str, fingerprint: str, uuids: list[str]) -> None:
    """Tie the key, if there is one, to the runs that it made."""
    if key:
        made = IdempotencyKey(key, fingerprint, tuple(uuids), batch.now)
        batch.keys[key] = made
        batch.new_keys.append(made)


def new_run(submission: Submission, uuid: str, now: float, order: QueueOrder = QueueOrder.FIFO) -> Run:
    """A pending run as the submission asks for it; its id comes with the record."""
    need = submission.need
    return Run(
        id=0,
        uuid=uuid,
        submitter=submission.submitter,
        task_type=need.task_type,
        queue=requirement_class(need, submission.priority, lane_of(order, submission)).queue,
        priority=int(submission.priority),
        cpu=need.cpu,
        memory_mb=need.memory_mb,
        requires=json.dumps(need.requires),
        min_sandbox=sandbox_level(need),
        timeout=submission.timeout,
        retry_limit=submission.retry_limit,
        state=RunState.PENDING,
        created_at=now,
        task_id=submission.task_id,
        task_name=submission.task_name,
        trigger=submission.trigger,
        trace_id=submission.trace_id,
    )
