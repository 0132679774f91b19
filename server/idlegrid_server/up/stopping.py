"""In which order children are stopped, and when patience ends. Pure: time is in seconds since then.

Nodes go first, so that they can hand back what they hold to a coordinator that still listens; Redis goes last,
because everyone before it may still want to write. A stage that dawdles does not hold up the later ones.
"""

import signal
from collections.abc import Mapping
from enum import IntEnum


class Stage(IntEnum):
    """The order of stopping; the console shares the nodes' stage because neither waits for the other."""

    NODES = 0
    WORKERS = 1
    COORDINATOR = 2
    REDIS = 3


LATEST_TERM = {Stage.NODES: 0.0, Stage.WORKERS: 3.0, Stage.COORDINATOR: 4.5, Stage.REDIS: 7.0}
"""When a stage is asked to end even if an earlier one has not ended yet."""

LATEST_KILL = {Stage.NODES: 7.0, Stage.WORKERS: 7.0, Stage.COORDINATOR: 7.0, Stage.REDIS: 9.0}
"""When a stage is killed. Redis gets two seconds more, for its last write; all is over within 10 s."""

HURRY = (LATEST_KILL[Stage.COORDINATOR], LATEST_KILL[Stage.REDIS])
"""What the clock is set to by the second and by the third request to stop."""


def signals(alive: Mapping[str, Stage], elapsed: float) -> dict[str, signal.Signals]:
    """The strongest signal that each child still alive should have had by now; some are not due yet."""
    lowest = min(alive.values(), default=Stage.REDIS)
    wanted = {name: _signal(stage, lowest, elapsed) for name, stage in alive.items()}
    return {name: wish for name, wish in wanted.items() if wish is not None}


def hurried(elapsed: float, requests: int) -> float:
    """The stop's clock once `requests` requests to stop have come: each after the first skips patience."""
    return max(elapsed, *HURRY[: requests - 1]) if requests > 1 else elapsed


def _signal(stage: Stage, lowest: Stage, elapsed: float) -> signal.Signals | None:
    if elapsed >= LATEST_KILL[stage]:
        return signal.SIGKILL
    if stage <= lowest or elapsed >= LATEST_TERM[stage]:
        return signal.SIGTERM
    return None
