"""What can be asked of the record about itself, and the journal: what the coordinators log."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Protocol

LEVELS: Final = ("debug", "info", "warn", "error")
"""Levels of the journal, by weight; it keeps `info` and above."""


@dataclass(frozen=True, slots=True)
class JournalEntry:
    """Something that a coordinator logged."""

    at: float
    level: str
    service: str
    """Which part said it: `scheduler`, `api`, `nodes`, `queue`, `database`, or a library's name."""
    message: str
    metadata: str
    """A JSON object as text."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JournalFilter:
    """Which entries a list shows, newest first; None does not filter."""

    levels: Sequence[str] | None = None
    service: str | None = None
    since: float | None = None
    """Logged at or after then."""
    until: float | None = None
    """Logged at or before then."""
    search: str = ""
    """Part of the message or of the metadata, in any case."""
    page: int = 1
    size: int = 50


@dataclass(frozen=True, slots=True)
class PoolCounts:
    """Connections to the database that are in use, and that wait to be used."""

    active: int
    idle: int


class SystemReader(Protocol):
    """Asking the record of itself. Every method but `pool` raises RecordUnavailable when it does not answer."""

    def ping(self) -> float:
        """How long an answer takes, in seconds."""

    def pool(self) -> PoolCounts:
        """Its connections; asks nobody."""

    def ended_since(self, when: float) -> int:
        """How many runs ended since then, however."""

    def journal(self, wanted: JournalFilter) -> tuple[list[JournalEntry], int]:
        """One page of the journal, and how many entries there are in all."""
