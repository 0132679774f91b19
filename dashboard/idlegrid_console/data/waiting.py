"""Why a run is not running yet, as texts."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from idlegrid import Explanation, Reason
from idlegrid_console.data.clock import on_clock
from idlegrid_console.data.schedule import from_now
from idlegrid_console.data.text import one_line
from idlegrid_console.texts import NEED, NODE_STATE, WAIT_REASON, _, name

LONGEST = 1000
"""The most characters of a sentence: it may quote what a node says, such as the command that raises its sandbox."""


def reasons(why: Explanation) -> list[tuple[str, str]]:
    """All that holds the run back, the most decisive first: each in a few words, and the coordinator's sentence."""
    return [(_title(reason), one_line(reason.message, LONGEST)) for reason in why.reasons]


def summary(why: Explanation) -> str:
    """The summary, where no reason says the same."""
    return "" if any(why.summary == reason.message for reason in why.reasons) else one_line(why.summary, LONGEST)


def facts(why: Explanation, now: datetime, timezone: str | None) -> list[tuple[str, str]]:
    """Its place, when it may start, and how many nodes there are for it, as label and text."""
    return [
        (_("Place in the queue"), _place(why)),
        (_("May start"), _start(why.may_start_at, now, timezone)),
        (_("Nodes that could run it"), _nodes(why.nodes)),
    ]


def _title(reason: Reason) -> str:
    title, need = name(reason.code, WAIT_REASON), name(reason.details.get("need"), NEED)
    return _("{reason}: {need}").format(reason=title, need=need) if need else title


def _place(why: Explanation) -> str:
    if why.position is None or why.ahead is None:
        return _("not in the queue")
    return _("position {position}, {ahead} before it").format(position=why.position, ahead=why.ahead)


def _start(at: datetime | None, now: datetime, timezone: str | None) -> str:
    """The estimate, never in the past: it is asked about a run that has not started."""
    if at is None:
        return _("cannot be told")
    return f"{from_now(max(at, now), now)}, {on_clock(at, timezone).strftime('%Y-%m-%d %H:%M:%S')}"


def _nodes(nodes: Mapping[str, Any]) -> str:
    counts = _("{able} of {known}").format(able=int(nodes.get("able") or 0), known=int(nodes.get("known") or 0))
    states = ", ".join(
        f"{name(state, NODE_STATE)} {int(count)}" for state, count in (nodes.get("by_state") or {}).items()
    )
    return f"{counts} ({states})" if states else counts
