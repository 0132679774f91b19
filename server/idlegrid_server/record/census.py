"""How many runs there are by day and state, counted as things happen: lists know their length without counting."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from operator import attrgetter
from typing import Final

from idlegrid_server.core.model import Run, RunState

DAY: Final = 86_400
"""Seconds; days are those of UTC, because lists are filtered by them."""
NEVER: Final = -1
"""The day of what has not happened."""

Moment = tuple[float, float | None, float | None, RunState]
"""(when it was made, when it started, when it ended, state): where a run is counted, before days are made of it."""

moment: Final[Callable[[Run], Moment]] = attrgetter("created_at", "started_at", "finished_at", "state")


def day(at: float | None) -> int:
    """The day of an instant."""
    return NEVER if at is None else int(at) // DAY


def moves(
    new: Iterable[Run], changed: Iterable[Run], before: Mapping[int, Moment]
) -> list[tuple[int, int, int, str, int]]:
    """What changes in the counts, as (day made, day started, day ended, state, by), in order.

    `before` says by id where the changed ones were; one that was not loaded is new, or counts as it did.
    """
    moments = Counter(map(moment, new))
    for run in changed:
        old = before.get(run.id)
        if old is not None:
            moments[old] -= 1
            moments[moment(run)] += 1
    # Runs of a batch have most of their times in common, so there are few days to be made.
    counts: Counter[tuple[int, int, int, str]] = Counter()
    for (made, started, ended, state), by in moments.items():
        counts[day(made), day(started), day(ended), state.value] += by
    return sorted((*place, by) for place, by in counts.items() if by)
