"""Moving what SQLite's write-ahead log holds into the database, behind everybody's back.

Left to itself SQLite does so in whichever transaction fills the log's thousandth page: that one, and everybody behind
it, waits for the pages of a thousand others to reach the disk. A passive checkpoint in a thread holds up no writer.
"""

import threading
from typing import Final

import structlog
from sqlalchemy import Engine

from idlegrid_server.core.errors import GridError
from idlegrid_server.record.engine import translated

log = structlog.get_logger(__name__)

EVERY: Final = 2.0
"""Seconds between two moves; one that finds nothing new costs microseconds."""


class WalMover:
    """A thread for a record in SQLite; nothing for any other."""

    def __init__(self, engine: Engine) -> None:
        self._engine, self._is_needed = engine, engine.dialect.name == "sqlite"
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._work, name="wal", daemon=True)

    def start(self) -> None:
        """Move it from now on."""
        if self._is_needed:
            self._thread.start()

    def stop(self) -> None:
        """End after the move under way."""
        self._stopped.set()
        if self._thread.is_alive():
            self._thread.join()

    def _work(self) -> None:
        """The outermost edge of the thread. While it fails the log grows up to `engine.WAL_PAGES`."""
        while not self._stopped.wait(EVERY):
            try:
                self.move()
            except GridError as error:
                log.debug("write-ahead log not moved", action="move_wal", reason=str(error))
            except Exception:
                log.exception("moving the write-ahead log failed", action="move_wal")

    def move(self) -> tuple[int, int]:
        """Move all that no reader still needs: pages in the log, and how many of them are in the database now."""
        with translated("written"), self._engine.connect() as connection:
            _, pages, moved = connection.exec_driver_sql("PRAGMA wal_checkpoint(PASSIVE)").one()
        return int(pages), int(moved)
