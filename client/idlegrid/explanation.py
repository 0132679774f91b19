"""Why a run does not run yet, as the coordinator explains it: frozen records that read well when printed."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from html import escape
from typing import Any, Self

from idlegrid.display import visible
from idlegrid.models import FromWire


@dataclass(frozen=True)
class Reason(FromWire):
    """One thing that holds a run back: `code` for programs, `message` for people, `details` by code."""

    code: str
    message: str = ""
    details: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Explanation(FromWire):
    """Why a run is not running, the most decisive reason first; `summary` says where it stands in a sentence.

    `ahead` is how many queued runs are served before it, `position` one more; both are None unless it is queued.
    `may_start_at` is an estimate, None when nobody can tell. `nodes` counts those that are `known` and `able`, and the
    able ones `by_state`; before a run is made also those `taking` work, and those of them that are `free`.
    """

    run_id: int = 0
    uuid: str = ""
    status: str = ""
    summary: str = ""
    reasons: tuple[Reason, ...] = ()
    ahead: int | None = None
    position: int | None = None
    may_start_at: datetime | None = None
    nodes: dict[str, Any] = field(default_factory=dict)
    needs: dict[str, Any] = field(default_factory=dict)
    """What its queue asks of a node; only of a run that has not been made (`Client.preview`)."""

    @classmethod
    def from_wire(cls, data: Mapping[str, Any]) -> Self:
        """Take the fields that are known and given."""
        read = super().from_wire(data)
        return replace(read, reasons=tuple(map(Reason.from_wire, data.get("reasons", ()))))

    @property
    def codes(self) -> tuple[str, ...]:
        """The reasons' codes."""
        return tuple(reason.code for reason in self.reasons)

    @property
    def lines(self) -> list[str]:
        """What it says, a sentence a line: the summary, the other reasons, and when the run may start."""
        others = [reason.message for reason in self.reasons if reason.message != self.summary]
        when = self.may_start_at
        return [self.summary, *others, *([f"It may start at {when:%Y-%m-%d %H:%M:%S} UTC."] if when else [])]

    def __str__(self) -> str:
        return "\n".join(self.lines)

    def _repr_html_(self) -> str:
        first, *others = (escape(visible(line)) for line in self.lines)
        items = "".join(f"<li>{line}</li>" for line in others)
        return f"<p><b>Run {self.run_id}</b>: {first}</p>" + (f"<ul>{items}</ul>" if items else "")
