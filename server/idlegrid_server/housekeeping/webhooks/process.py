"""The parts of the process that delivers, wired at its first call: not before has a coordinator made the record.

What they need is imported then: SQL and HTTP are half a second of every start, and most grids have no endpoint.
"""

from typing import TYPE_CHECKING

import structlog

from idlegrid_server import logs
from idlegrid_server.core.errors import GridError
from idlegrid_server.core.ports import SystemClock
from idlegrid_server.record.pages import Pages
from idlegrid_server.settings import Settings

if TYPE_CHECKING:
    from idlegrid_server.housekeeping.webhooks.courier import Courier

log = structlog.get_logger(__name__)


class Process:
    """A courier with its record, its journal and its settings, which come from the environment. For one thread."""

    def __init__(self, settings: Settings) -> None:
        self._settings, self._pages = settings, Pages()
        self._courier: Courier | None = None
        logs.configure(settings.log_level, self._pages.add)

    def look(self) -> None:
        """Deliver what is due; returns at once. Does nothing while the record cannot be opened."""
        try:
            self._courier = self._courier or self._started()
        except GridError as error:
            log.warning("deliveries put off", action="deliver", reason=str(error))
            return
        self._courier.look()

    def _started(self) -> "Courier":
        from idlegrid_server.housekeeping.webhooks.courier import Courier
        from idlegrid_server.housekeeping.webhooks.sending import Sender
        from idlegrid_server.record.engine import open_engine
        from idlegrid_server.record.journal import Journal
        from idlegrid_server.record.webhooks import SqlWebhooks

        self._engine = open_engine(self._settings.record_url)
        self._journal = Journal(self._engine, self._pages)
        self._journal.start()
        sender = Sender(allow_private=self._settings.webhook_allow_private)
        courier = Courier(SqlWebhooks(self._engine), sender.send, SystemClock().now)
        courier.start()
        return courier

    def stop(self) -> None:
        """Finish what is under way, but not for long."""
        if self._courier is not None:
            self._courier.stop()
            self._journal.stop()
            self._engine.dispose()
