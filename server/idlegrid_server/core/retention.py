"""How long what is kept, and at what pace the rest is forgotten. Pure."""

from dataclasses import dataclass
from typing import Final, Protocol

DAY: Final = 86_400.0

MOST_ROWS: Final = 500
"""Rows that one transaction of forgetting takes away at most."""
LEAST_ROWS: Final = 64
"""Rows of the first one, and of each while the machine is slow: with still fewer none would be much shorter."""
AIM_SECONDS: Final = 0.003
"""How long such a transaction should keep other writers waiting. On SQLite they look again after 1, 2, 5, 10 ms …, so
one that is twice as long costs them far more than twice the time."""


@dataclass(frozen=True, slots=True)
class Ages:
    """After how many seconds each kind is forgotten; the defaults are the settings'."""

    runs: float = 90 * DAY
    """Since a run's end."""
    events: float = 30 * DAY
    """Stories since their run's end, spells of nodes since they began, reclaims since the owner came."""
    logs: float = 30 * DAY
    """What runs printed since their end, and entries of the journal."""
    deliveries: float = 30 * DAY
    usage: float = 30 * DAY
    keys: float = DAY
    """Idempotency-Keys, and bytes that no file claims. No run goes before the key that it was made under."""


@dataclass(frozen=True, slots=True)
class Step:
    """What one short transaction did: rows of the kind that it is about, and seconds that others had to wait."""

    dropped: int
    held: float


class Walk(Protocol):
    """Forgetting of one kind, step by step; a new walk goes on where another has stopped."""

    @property
    def name(self) -> str:
        """What is forgotten, for the log."""

    def step(self) -> Step | None:
        """Forget a little; None when nothing is left. Raises RecordUnavailable."""


class Pace:
    """How many rows to take next, so that no transaction takes long."""

    def __init__(self, least: int = LEAST_ROWS, most: int = MOST_ROWS) -> None:
        self._least, self._most = least, most
        self.rows = least

    def note(self, seconds: float) -> None:
        """A transaction of `rows` took that long: fewer at once when it was too long, slowly more when it was short."""
        if seconds > AIM_SECONDS:
            self.rows = max(self._least, int(self.rows * AIM_SECONDS / seconds))
        elif seconds < AIM_SECONDS / 2:
            self.rows = min(self._most, self.rows + self.rows // 2 + 1)
