"""Why a run has not started, as a sentence for its submitter. Pure."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

from idlegrid_server.core.definitions import DEPENDENCY, NO_SUCH_FILE
from idlegrid_server.core.matching import waiting_for
from idlegrid_server.core.model import Node, Run, RunState


def why(run: Run, nodes: Iterable[Node], parents: Sequence[str] = ()) -> str | None:
    """The sentence; None when it has started, or is about to.

    `nodes` are looked at for a queued run alone; `parents` are names of tasks that its task depends on.
    """
    if run.state is RunState.PENDING:
        return waiting_for(run.queue, nodes)
    if run.state is not RunState.WAITING or run.reason == NO_SUCH_FILE:
        return None
    if run.reason == DEPENDENCY:
        return f"It waits for the tasks that it depends on{': ' if parents else ''}{', '.join(parents)}."
    return f"It is tried again{_at(run.not_before)} after a failure ({run.retries} of {run.retry_limit})."


def _at(when: float | None) -> str:
    if when is None:
        return ""
    return f" at {datetime.fromtimestamp(when, UTC):%Y-%m-%d %H:%M:%S} UTC"
