"""Runs as rows, facts and texts."""

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from typing import Any

import pandas as pd

from idlegrid import RunInfo
from idlegrid.display import size, visible
from idlegrid_console.data import sandbox
from idlegrid_console.data.clock import ago
from idlegrid_console.data.schedule import from_now
from idlegrid_console.data.text import duration, moment, one_line
from idlegrid_console.texts import LIMITS, NODE_REASON, PRIORITY, RUN_EVENT, RUN_REASON, RUN_STATUS, TRIGGER, _, name

ENDED = frozenset({"completed", "failed", "aborted"})
"""The states that a run never leaves."""

COLUMNS = ("id", "status", "why", "result", "name", "node", "created", "started", "seconds", "submitter", "attempts")
"""The columns of `table`, in their order."""

REASONS = {**NODE_REASON, **RUN_REASON}
"""Why a run or an attempt is where it is: one that was evicted has its node's reason."""

MOST_EVENTS = 200
"""Lines of a story that are shown: one that sends a checkpoint each minute has 1,440 a day."""

Details = Mapping[str, Any]
"""A run as `GET /api/runs/{id}` answers it."""


def ended(run: Details) -> bool:
    """Whether the run has ended, well or not."""
    return run.get("status") in ENDED


def table(runs: Iterable[RunInfo]) -> pd.DataFrame:
    """One row per run; `status` is a list of one name, which the table draws as a coloured label."""
    frame = pd.DataFrame([_row(run) for run in runs], columns=list(COLUMNS))
    for column in ("created", "started"):
        frame[column] = pd.to_datetime(frame[column], utc=True)
    return frame


def worth_showing(frame: pd.DataFrame) -> list[str]:
    """The columns of the table without those that say nothing on this page: no reasons, no tasks, no names."""
    return [column for column in frame.columns if column not in {"why", "name", "submitter"} or frame[column].any()]


def _row(run: RunInfo) -> dict[str, Any]:
    return {
        "id": run.id,
        "status": [run.status],
        "why": one_line(why(run.status, run.reason, run.waiting_for)),
        "name": one_line(run.task_name or ""),
        "node": one_line(run.worker_id or ""),
        "created": moment(run.created_at),
        "started": moment(run.started_at),
        "seconds": run.execution_time,
        "result": one_line(run.result or run.error_message or ""),
        "submitter": one_line(run.submitter or ""),
        "attempts": run.attempts,
    }


def why(status: str, reason: str | None, waiting_for: str | None) -> str:
    """What is to be said of a run beyond its status: the coordinator's own sentence while it waits."""
    if status == "pending" and waiting_for:
        return visible(waiting_for)
    return name(reason, REASONS)


def why_now(run: Details) -> str:
    """The same of a run in full."""
    return why(str(run.get("status")), run.get("reason"), run.get("waiting_for"))


def status_name(run: Details) -> str:
    """The run's status in a word."""
    return name(run.get("status"), RUN_STATUS)


def facts(run: Details) -> list[tuple[str, str]]:
    """What is worth knowing of a run at a glance, as label and text."""
    return [
        (_("Node"), visible(run.get("worker_id") or "–")),
        (_("Run time"), _run_time(run)),
        (_("CPU time"), duration((run.get("usage") or {}).get("cpu_seconds"))),
        (_("Peak memory"), _memory(run)),
        (_("Peak processes"), visible((run.get("usage") or {}).get("processes") or "–")),
        (_("Sandbox"), sandbox.of_run(run)),
        (_("Exit status"), "–" if run.get("exit_code") is None else visible(run["exit_code"])),
        (_("Ended by"), _limit(run)),
        (_("Asked for"), resources(run.get("resources") or {})),
        (_("Priority"), name(run.get("priority"), PRIORITY) or "–"),
        (_("Attempts"), visible(run.get("attempts") or "–")),
        (_("Submitter"), visible(run.get("submitter") or "–")),
        *([(_("Caused by"), name(run["trigger"], TRIGGER))] if run.get("task_id") and run.get("trigger") else []),
    ]


def times(run: Details, now: datetime, timezone: str | None) -> list[tuple[str, str]]:
    """When it was submitted, started and ended, on the visitor's clock with the age, as label and text."""
    labels = ((_("Submitted"), "created_at"), (_("Started"), "started_at"), (_("Ended"), "completed_at"))
    return [(label, ago(run.get(name), now, timezone)) for label, name in labels]


def checkpoint(run: Details, now: datetime) -> str:
    """What the run's next attempt goes on from, in a line; nothing when there is none."""
    kept = run.get("checkpoint")
    if not kept:
        return ""
    words = _("Checkpoint of attempt {number}, {size}, {when}")
    when = from_now(moment(kept.get("created_at")), now)
    return words.format(number=int(kept["attempt"]), size=size(int(kept["size"])), when=when)


def _run_time(run: Details) -> str:
    taken, allowed = duration(run.get("execution_time")), duration(run.get("timeout_seconds"))
    return _("{taken} of {allowed}").format(taken=taken, allowed=allowed)


def resources(wanted: Mapping[str, Any]) -> str:
    """What is asked of a node in a few words; a dash for nothing."""
    if not wanted:
        return "–"
    cpu, memory = wanted.get("cpu") or 0, wanted.get("memory") or 0
    words = _("{cpu:g} core, {memory:g} MB") if cpu == 1 else _("{cpu:g} cores, {memory:g} MB")
    return words.format(cpu=cpu, memory=memory)


def _memory(run: Details) -> str:
    peak = (run.get("usage") or {}).get("max_memory_mb")
    if peak is None:
        return "–"
    asked = (run.get("resources") or {}).get("memory")
    return _("{peak:.3g} MB of {asked:g} MB").format(peak=peak, asked=asked) if asked else f"{peak:.3g} MB"


def _limit(run: Details) -> str:
    """The limit that ended the run; a dash when none did."""
    reason = run.get("reason")
    return name(reason, LIMITS) if reason in LIMITS else "–"


def attempts(run: Details) -> pd.DataFrame:
    """The newest `MOST_EVENTS` of the run's attempts, one row each."""
    rows = [
        {
            "number": attempt.get("number"),
            "node": one_line(attempt.get("worker_id") or ""),
            "leased": moment(attempt.get("leased_at")),
            "ended": moment(attempt.get("ended_at")),
            "outcome": one_line(attempt.get("outcome") or ""),
            "why": one_line(name(attempt.get("reason"), REASONS)),
            "sandbox": one_line(sandbox.level_name(attempt.get("sandbox"))),
        }
        for attempt in (run.get("attempt_list") or [])[-MOST_EVENTS:]
    ]
    frame = pd.DataFrame(rows, columns=["number", "node", "leased", "ended", "outcome", "why", "sandbox"])
    return _timed(frame, "leased", "ended")


def story_left_out(run: Details) -> int:
    """How many lines of the story `events` leaves out."""
    return max(0, len(run.get("events") or []) - MOST_EVENTS)


def events(run: Details) -> pd.DataFrame:
    """The newest `MOST_EVENTS` lines of the run's story, oldest first."""
    rows = [
        {
            "time": moment(event.get("timestamp")),
            "event": one_line(name(event.get("event"), RUN_EVENT)),
            "detail": one_line(event.get("detail") or ""),
        }
        for event in (run.get("events") or [])[-MOST_EVENTS:]
    ]
    return _timed(pd.DataFrame(rows, columns=["time", "event", "detail"]), "time")


def _timed(frame: pd.DataFrame, *columns: str) -> pd.DataFrame:
    for column in columns:
        frame[column] = pd.to_datetime(frame[column], utc=True)
    return frame


def positions(frame: pd.DataFrame, run_ids: Collection[int]) -> list[int]:
    """The rows of those of the runs that are on this page."""
    return [index for index, value in enumerate(frame["id"]) if value in run_ids]
