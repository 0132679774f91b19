"""The journal: what a coordinator logs goes into the record, behind everybody's back.

Whoever logs never waits and never fails for it: entries gather in memory, and a thread writes them. While the record
takes none the oldest give way, and the journal says how many did.
"""

import json
import threading
from collections.abc import Sequence
from dataclasses import asdict
from typing import Final

import structlog
from sqlalchemy import Engine, insert

from idlegrid_server.core.errors import GridError
from idlegrid_server.core.system_queries import JournalEntry
from idlegrid_server.record import tables as t
from idlegrid_server.record.engine import translated
from idlegrid_server.record.pages import Pages

log = structlog.get_logger(__name__)

INTERVAL: Final = 0.5
"""Seconds between two writes; a day's quiet costs nothing, because nothing is written then."""


def _lost(count: int, at: float) -> JournalEntry:
    metadata = json.dumps({"action": "journal_dropped", "entries": count})
    return JournalEntry(at, "warn", "database", "entries of the journal were dropped: the record took none", metadata)


class Journal:
    """Writes what has gathered in `pages` into the record."""

    def __init__(self, engine: Engine, pages: Pages) -> None:
        self._engine, self._pages = engine, pages
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._work, name="journal", daemon=True)
        self._failed = False

    def start(self) -> None:
        """Write from now on, in a thread."""
        self._thread.start()

    def stop(self) -> None:
        """End after what has gathered is written, if the record takes it."""
        self._stopped.set()
        self._thread.join()

    def _work(self) -> None:
        """The outermost edge of the thread: nothing that the record does ends it."""
        while not self._stopped.wait(INTERVAL):
            self.flush()
        self.flush()

    def flush(self) -> None:
        """Write all that has gathered; what the record does not take waits. Never raises."""
        entries, dropped = self._pages.take()
        while entries:
            try:
                self._write([_lost(dropped, entries[0].at), *entries] if dropped else entries)
            except Exception as error:  # noqa: BLE001  logging must not end with a fault of the database
                self._pages.give_back(entries, dropped)
                self._say_once(error)
                return
            self._failed = False
            entries, dropped = self._pages.take()

    def _write(self, entries: Sequence[JournalEntry]) -> None:
        with translated("written"), self._engine.begin() as connection:
            connection.execute(insert(t.journal), [asdict(entry) for entry in entries])

    def _say_once(self, error: Exception) -> None:
        """Once for each outage: the word itself has to wait for the record, too."""
        if not self._failed:
            reason = str(error) if isinstance(error, GridError) else repr(error)
            log.warning("the journal waits for the record", action="journal_waits", reason=reason)
        self._failed = True
