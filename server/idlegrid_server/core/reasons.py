"""Why a run does not run yet, one reason at a time: a code for programs, a sentence for people. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Final

from idlegrid_server.core.definitions import Wait
from idlegrid_server.core.model import Run
from idlegrid_server.core.words import STATUS, iso

MANY: Final = 5
"""Parents that a sentence names."""
MOST_PARENTS: Final = 100
"""Parents that a reason's details list."""


class Code(StrEnum):
    """What holds a run back, the most decisive first."""

    QUEUE_SUSPENDED = "queue_suspended"
    QUEUE_AWAY = "queue_away"
    DEPENDENCY = "dependency"
    RETRY_DELAY = "retry_delay"
    NO_NODE = "no_node"
    NEED_UNMET = "need_unmet"
    """A need that no node meets, whatever it does."""
    OWNERS_PRESENT = "owners_present"
    NODES_HELD_BACK = "nodes_held_back"
    """Operators or owners keep them from taking anything, or they have only just started."""
    NODES_FULL = "nodes_full"
    BEHIND = "behind"
    """Others are served before it."""


@dataclass(frozen=True, slots=True)
class Reason:
    """One thing that holds a run back. Its details are JSON."""

    code: Code
    message: str
    details: Mapping[str, Any] = field(default_factory=dict)


def queue_suspended() -> Reason:
    """The operator has stopped all leasing."""
    return Reason(Code.QUEUE_SUSPENDED, "The operator has suspended the queue (`rq suspend`): nothing is handed out.")


def queue_away() -> Reason:
    """Redis does not answer."""
    return Reason(Code.QUEUE_AWAY, "The queue (Redis) does not answer: nothing is handed out until it does.")


def dependency(waits: Sequence[Wait]) -> Reason:
    """It waits for runs of other tasks; without `waits` the sentence names none."""
    names = [wait.parent_name for wait in waits[:MANY]] + (["…"] if len(waits) > MANY else [])
    message = f"It waits for the tasks that it depends on{': ' if names else ''}{', '.join(names)}."
    parents = [_parent(wait) for wait in waits[:MOST_PARENTS]]
    return Reason(Code.DEPENDENCY, message, {"parents": parents, "total": len(waits)})


def _parent(wait: Wait) -> dict[str, Any]:
    status = None if wait.parent_state is None else STATUS[wait.parent_state]
    names = {"task_id": wait.parent_id, "task_name": wait.parent_name}
    return {**names, "run_id": wait.parent_run_id, "status": status}


def retry_delay(run: Run) -> Reason:
    """It failed, and the delay before its next try is not over."""
    when = "" if run.not_before is None else f" {at(run.not_before)}"
    message = f"It is tried again{when} after a failure ({run.retries} of {run.retry_limit})."
    details = {"retries": run.retries, "limit": run.retry_limit, "at": iso(run.not_before)}
    return Reason(Code.RETRY_DELAY, message, details)


def behind(ahead: int) -> Reason:
    """So many runs are served before it."""
    message = f"{counted(ahead, 'run')} {'is' if ahead == 1 else 'are'} served before it."
    return Reason(Code.BEHIND, message, {"ahead": ahead})


def counted(number: int, what: str) -> str:
    """So many of something, e.g. `1 node` or `7 nodes`."""
    return f"{number} {what}{'' if number == 1 else 's'}"


def at(when: float) -> str:
    """An instant as sentences have it: `at 2026-01-01 00:00:00 UTC`."""
    return f"at {datetime.fromtimestamp(when, UTC):%Y-%m-%d %H:%M:%S} UTC"
