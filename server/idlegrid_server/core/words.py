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


def iso(seconds: float | None) -> str | None:
    """Epoch seconds as ISO 8601 in UTC."""
    if seconds is None:
        return None
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
