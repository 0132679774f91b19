"""Making runs, one or many, at most once per Idempotency-Key."""

import json
from dataclasses import dataclass, field

from idlegrid_server.core.batch import Batch, Needs
from idlegrid_server.core.errors import InvalidInput
from idlegrid_server.core.matching import requirement_class, sandbox_level
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
    _made: list[str] = field(default_factory=list)

    def needs(self) -> Needs:
        """The key, if any; the record adds the runs that it made."""
        return Needs(keys={self.key} if self.key else set())

    def apply(self, batch: Batch) -> None:
        """Make the runs, or find those made before. Raises InvalidInput when the key was used for something else."""
        known = batch.keys.get(self.key)
        if known is None:
            self._make(batch)
        elif known.fingerprint != self.fingerprint:
            raise InvalidInput("This Idempotency-Key was used for another request: send a fresh one")
        else:
            self._made = list(known.run_uuids)

    def _make(self, batch: Batch) -> None:
        for submission, uuid in zip(self.submissions, self.uuids, strict=True):
            run = new_run(submission, uuid, batch.now)
            batch.add_run(run, Payload(submission.code, submission.parameters))
            batch.notify(run, "task_created")
        self._made = self.uuids
        if self.key:
            key = IdempotencyKey(self.key, self.fingerprint, tuple(self.uuids), batch.now)
            batch.keys[self.key] = key
            batch.new_keys.append(key)

    def answer(self, batch: Batch) -> list[Run]:
        """The runs, with their ids, in the order of the submissions."""
        return [batch.runs[uuid] for uuid in self._made]


def new_run(submission: Submission, uuid: str, now: float) -> Run:
    """A pending run as the submission asks for it; its id comes with the record."""
    need = submission.need
    return Run(
        id=0,
        uuid=uuid,
        submitter=submission.submitter,
        task_type=need.task_type,
        queue=requirement_class(need, submission.priority).queue,
        priority=int(submission.priority),
        cpu=need.cpu,
        memory_mb=need.memory_mb,
        requires=json.dumps(need.requires),
        min_sandbox=sandbox_level(need),
        timeout=submission.timeout,
        retry_limit=submission.retry_limit,
        state=RunState.PENDING,
        created_at=now,
    )
