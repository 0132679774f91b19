"""How the grid was when somebody last looked: one fact for all coordinators, so that a change is told of once."""

from sqlalchemy import select

from idlegrid_server.core.webhooks import Happening
from idlegrid_server.record import tables as t
from idlegrid_server.record.deliveries import deliver
from idlegrid_server.record.engine import changing
from idlegrid_server.record.facts import swap
from idlegrid_server.record.reading import Reading

NAME = "health"


class SqlHealthNote(Reading):
    """Implements `housekeeping.health.Note`."""

    def read(self) -> str:
        """What was noted last; empty when nothing was. Raises RecordUnavailable."""
        return self._scalar(select(t.facts.c.value).where(t.facts.c.name == NAME)) or ""

    def write(self, before: str, after: str, happening: Happening) -> bool:
        """Note something else in place of what was read, and tell endpoints of it in the same transaction.

        False, and nothing is told, when another has noted something meanwhile. Raises RecordUnavailable.
        """
        with changing(self._engine) as connection:
            if not swap(connection, NAME, before, after):
                return False
            deliver(connection, [happening])
        return True
