"""What the journal has not written yet. It knows no database: the process that delivers logs before it needs one."""

import threading
from collections import deque
from collections.abc import Sequence
from typing import Final

from idlegrid_server.core.system_queries import JournalEntry

MOST: Final = 5_000
"""Entries that wait for the record."""
CHUNK: Final = 500
"""Entries in one transaction."""


class Pages:
    """Entries that wait for the record; safe to use from every thread."""

    def __init__(self, most: int = MOST) -> None:
        self._waiting: deque[JournalEntry] = deque()
        self._most, self._dropped = most, 0
        self._lock = threading.Lock()

    def add(self, entry: JournalEntry) -> None:
        """Keep an entry; the oldest gives way when there are too many."""
        with self._lock:
            self._waiting.append(entry)
            self._trim()

    def _trim(self) -> None:
        while len(self._waiting) > self._most:
            self._waiting.popleft()
            self._dropped += 1

    def take(self) -> tuple[list[JournalEntry], int]:
        """The oldest entries, and how many were dropped before them."""
        with self._lock:
            taken = [self._waiting.popleft() for _ in range(min(CHUNK, len(self._waiting)))]
            dropped, self._dropped = self._dropped, 0
        return taken, dropped

    def give_back(self, entries: Sequence[JournalEntry], dropped: int) -> None:
        """They could not be written: they are the oldest again."""
        with self._lock:
            self._waiting.extendleft(reversed(entries))
            self._dropped += dropped
            self._trim()
