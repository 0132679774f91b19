"""Results: what a node says became of its attempts."""

import hashlib
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field

from idlegrid_server.core.batch import Batch, Needs
from idlegrid_server.core.errors import GridError, NotFound, StaleReport
from idlegrid_server.core.lifecycle import Event
from idlegrid_server.core.limits import MAX_LOG_PIECE, MAX_LOSSES, RETRY_CAP, RETRY_FIRST_DELAY
from idlegrid_server.core.model import LogPiece, Outcome, Output, Run, RunState, Usage

FINAL_EVENTS = {
    Outcome.COMPLETED: Event.COMPLETE,
    Outcome.FAILED: Event.FAIL,
    Outcome.TIMED_OUT: Event.TIME_OUT,
}
RETURN_EVENTS = {
    Outcome.EVICTED: Event.EVICT,
    Outcome.RETURNED: Event.RETURN,
    Outcome.CANCELLED: Event.RETURN,
    Outcome.LOST: Event.RETURN,
    Outcome.CRASHED: Event.LOSE,
}
"""Only a submitter ends a run by cancelling: a node that killed one which nobody cancelled has handed it back."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """How one attempt ended."""

    run_uuid: str
    lease_id: str
    outcome: Outcome
    reason: str = ""
    result: str | None = None
    error: str | None = None
    exit_code: int | None = None
    truncated: bool = False
    usage: Usage = field(default_factory=Usage)
    points: str = ""
    """What it used over time, as JSON (docs/protocol.md, 1); nothing leaves what is known."""
    sandbox: int | None = None
    """The level it ran under, 0 when it was never started; None leaves what was known when it was leased."""
    logs: Sequence[tuple[int, float, str, str]] = ()
    """(seq, time, stream, text)"""

    @property
    def digest(self) -> str:
        """The same for a report sent twice, another for a different result."""
        words = "\0".join((self.outcome, self.result or "", self.error or "", str(self.exit_code)))
        return hashlib.sha256(words.encode("utf-8", "surrogatepass")).hexdigest()


@dataclass(frozen=True, slots=True)
class ReportAnswer:
    """Whether a report counted; `problem` says why not."""

    run_uuid: str
    problem: GridError | None = None


@dataclass(slots=True)
class ReportRuns:
    """Take a node's reports. Each is judged alone: a stale one changes nothing and spoils nothing."""

    node_id: str
    reports: Sequence[Report]
    _answers: list[ReportAnswer] = field(default_factory=list)

    def needs(self) -> Needs:
        """The reported runs."""
        return Needs(uuids={report.run_uuid for report in self.reports})

    def apply(self, batch: Batch) -> None:
        """Record each report that holds its run's newest lease."""
        self._answers.clear()
        for report in self.reports:
            try:
                take_report(batch, batch.runs.get(report.run_uuid), report)
                self._answers.append(ReportAnswer(report.run_uuid))
            except (StaleReport, NotFound) as problem:
                self._answers.append(ReportAnswer(report.run_uuid, problem))

    def answer(self, batch: Batch) -> list[ReportAnswer]:
        """One answer per report, in order."""
        return self._answers


@dataclass(slots=True)
class LegacyReport:
    """A result by run id, as `/submit_result` sends it; counts only for an attempt leased through `/get_task`."""

    run_id: int
    result: str
    error: str | None = None
    lease_id: str | None = None

    def needs(self) -> Needs:
        """The run."""
        return Needs(ids={self.run_id})

    def apply(self, batch: Batch) -> None:
        """Record the result. Raises NotFound, or StaleReport when nobody leased the run this way."""
        run = batch.by_id.get(self.run_id)
        if run is None:
            raise NotFound(f"Task {self.run_id} not found")
        if run.lease_via != "legacy" or run.lease_id is None:
            raise StaleReport(f"Task {self.run_id} was not leased through /get_task: its result is not accepted")
        failed = self.error is not None
        take_report(
            batch,
            run,
            Report(
                run_uuid=run.uuid,
                lease_id=self.lease_id or run.lease_id,
                outcome=Outcome.FAILED if failed else Outcome.COMPLETED,
                reason="user_error" if failed else "",
                result=self.result,
                error=self.error,
                exit_code=1 if failed else 0,
                usage=Usage(wall_seconds=max(0.0, batch.now - (run.leased_at or batch.now))),
            ),
        )

    def answer(self, batch: Batch) -> Run:
        """The run as recorded."""
        return batch.by_id[self.run_id]


def take_report(batch: Batch, run: Run | None, report: Report) -> None:
    """Record a report. The newest lease's result counts even after the lease has run out.

    The same report again changes nothing, whatever the first one led to. Raises NotFound for a run that is not
    there, StaleReport for a lease that is not the newest, or a report that differs from the lease's first one.
    """
    if run is None:
        raise NotFound(f"Run {report.run_uuid} is unknown: drop it")
    if run.lease_id != report.lease_id:
        raise StaleReport(f"Task {run.id}: this lease is gone, a newer attempt has the run")
    if run.state.is_final or run.digest:
        _compare(run, report)
        return
    _note(batch, run, report)
    run.digest = report.digest
    event = _event(run, report.outcome)
    if event is Event.RETRY:
        run.retries += 1
        run.not_before = batch.now + retry_delay(run.uuid, run.retries)
    if batch.move(run, event, report.reason, report.outcome).is_final:
        batch.outputs[run.uuid] = Output(report.result, report.error)
    batch.notify(run)


def retry_delay(run_uuid: str, retry: int) -> float:
    """Seconds before the `retry`th retry: doubling from the first, with up to half as much again, up to the cap.

    The share on top is drawn from the run's UUID, so that runs which failed together do not come back together.
    """
    draw = zlib.crc32(f"{run_uuid}:{retry}".encode()) / 2**32
    return min(RETRY_CAP, RETRY_FIRST_DELAY * 2.0 ** min(retry - 1, 30) * (1 + draw / 2))


def _compare(run: Run, report: Report) -> None:
    if run.state is RunState.CANCELLED and report.outcome is Outcome.CANCELLED:
        return
    if run.digest != report.digest:
        what = "was cancelled" if run.state is RunState.CANCELLED else "already has a different result"
        raise StaleReport(f"Task {run.id} {what}: this one is not recorded")


def _event(run: Run, outcome: Outcome) -> Event:
    if outcome in (Outcome.FAILED, Outcome.TIMED_OUT) and run.retries < run.retry_limit:
        return Event.RETRY
    if outcome is Outcome.CRASHED and run.state is RunState.RUNNING:
        return spend_loss(run)
    return FINAL_EVENTS.get(outcome) or RETURN_EVENTS[outcome]


def spend_loss(run: Run) -> Event:
    """Count a lost node or a crash; what follows: the run goes back, or the last of `MAX_LOSSES` ends it."""
    run.losses += 1
    return Event.LOSE if run.losses < MAX_LOSSES else Event.ABANDON


def _note(batch: Batch, run: Run, report: Report) -> None:
    run.reason, run.exit_code, run.truncated = report.reason, report.exit_code, report.truncated
    run.sandbox = run.sandbox if report.sandbox is None else report.sandbox
    note_progress(batch, run, report.usage, report.points, report.logs)


def note_progress(
    batch: Batch, run: Run, usage: Usage, points: str, pieces: Sequence[tuple[int, float, str, str]]
) -> None:
    """Keep what the newest attempt used so far, and over time as far as that is told, and pieces of its log, each at
    most `MAX_LOG_PIECE` characters.
    """
    run.cpu_seconds, run.wall_seconds = usage.cpu_seconds, usage.wall_seconds
    run.max_memory_mb, run.processes = usage.max_memory_mb, usage.processes
    if points:
        batch.usage_points[run.id, run.attempts] = points
    for seq, at, stream, text in pieces:
        batch.logs.append(LogPiece(run.id, run.attempts, seq, at, stream, text[:MAX_LOG_PIECE]))
