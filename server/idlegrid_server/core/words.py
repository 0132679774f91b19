"""What more than one wire says of the core's things in the same words. Pure."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final

from idlegrid_server.core.model import RunState

STATUS: Final[Mapping[RunState, str]] = {
    RunState.WAITING: "pending",
    RunState.PENDING: "pending",
    RunState.RUNNING: "running",
    RunState.COMPLETED: "completed",
    RunState.FAILED: "failed",
    RunState.TIMED_OUT: "failed",
    RunState.CANCELLED: "aborted",
}
"""The task API's words for where a run stands."""
EXECUTION_STATUS: Final[Mapping[RunState, str]] = {
    **dict.fromkeys((RunState.WAITING, RunState.PENDING, RunState.RUNNING), "running"),
    RunState.COMPLETED: "completed",
    RunState.FAILED: "failed",
    RunState.TIMED_OUT: "failed",
    RunState.CANCELLED: "cancelled",
}
"""The execution API's: it knows no waiting, since its clients poll until the status is not `running`."""
JOB_STATUS: Final[Mapping[RunState, str]] = {
    RunState.WAITING: "PENDING",
    RunState.PENDING: "PENDING",
    RunState.RUNNING: "RUNNING",
    RunState.COMPLETED: "SUCCESS",
    RunState.FAILED: "FAILURE",
    RunState.TIMED_OUT: "TIMEOUT",
    RunState.CANCELLED: "FAILURE",
}
"""The jobs API's."""
JOB_WORDS: Final[Mapping[str, frozenset[RunState]]] = {
    **dict.fromkeys(("pending", "waiting", "queued"), frozenset({RunState.WAITING, RunState.PENDING})),
    "running": frozenset({RunState.RUNNING}),
    **dict.fromkeys(("success", "succeeded", "completed"), frozenset({RunState.COMPLETED})),
    **dict.fromkeys(("failure", "failed"), frozenset({RunState.FAILED, RunState.CANCELLED})),
    **dict.fromkeys(("cancelled", "canceled", "aborted"), frozenset({RunState.CANCELLED})),
    **dict.fromkeys(("timeout", "timed_out"), frozenset({RunState.TIMED_OUT})),
}
"""What the jobs API finds by a word for a status, in any case."""


def iso(seconds: float | None) -> str | None:
    """Epoch seconds as ISO 8601 in UTC."""
    if seconds is None:
        return None
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
