"""The lease by which one of several coordinators keeps house: the fact `keeper`, whose value is `instance until`.

It saves work and keeps nothing safe. Every duty of housekeeping is judged again by the record when it is carried out,
so two coordinators that both lead for a while (one was frozen, or their clocks disagree) do double work and no harm.
"""

from typing import Final

from sqlalchemy import Engine, delete, select

from idlegrid_server.core.ports import Clock
from idlegrid_server.record import tables as t
from idlegrid_server.record.engine import translated
from idlegrid_server.record.facts import swap

NAME: Final = "keeper"
LEASE_SECONDS: Final = 9.0
"""How long a lease lasts; with LOOK_SECONDS a leader that is gone is replaced within 10 s."""
RENEW_SECONDS: Final = 3.0
"""How often a leader renews: two renewals may fail before it is replaced."""
LOOK_SECONDS: Final = 1.0
"""How often the others look whether the lease is over."""


class SqlLeadership:
    """One coordinator's claim, as `housekeeping.leading.Leadership` promises it. For one thread."""

    def __init__(self, engine: Engine, instance: str, clock: Clock) -> None:
        """`instance` has no space in it; a coordinator that comes back under the same one leads on at once."""
        self._engine, self._instance, self._clock = engine, instance, clock
        self._leads = False
        self._next_look = clock.monotonic()
        self._seen, self._seen_at = "", clock.monotonic()

    def holds(self) -> bool:
        """Whether it leads; asks the record when it is time to renew, or to look. Raises RecordUnavailable."""
        now = self._clock.monotonic()
        if now >= self._next_look:
            self._leads = self._claim(now)
            self._next_look = now + (RENEW_SECONDS if self._leads else LOOK_SECONDS)
        return self._leads

    def release(self) -> None:
        """Give the lease up if it is held. Raises RecordUnavailable."""
        if not self._leads:
            return
        self._leads = False
        own = (t.facts.c.name == NAME, t.facts.c.value == self._seen)
        with translated("written"), self._engine.begin() as connection:
            connection.execute(delete(t.facts).where(*own))

    def _claim(self, now: float) -> bool:
        held = self._read()
        if held != self._seen:
            self._seen, self._seen_at = held, now
        wanted = f"{self._instance} {self._clock.now() + LEASE_SECONDS:.3f}"
        if not self._is_free(held, now) or not self._swap(held, wanted):
            return False
        self._seen, self._seen_at = wanted, now
        return True

    def _is_free(self, held: str, now: float) -> bool:
        """Ours, nobody's, over by our clock, or seen unchanged for its whole length.

        The last holds whatever the holder's clock says: one that is far ahead would otherwise leave a lease behind
        that lasts for hours.
        """
        holder, _, until = held.partition(" ")
        if not held or holder == self._instance:
            return True
        return float(until) <= self._clock.now() or now >= self._seen_at + LEASE_SECONDS

    def _read(self) -> str:
        with translated("read"), self._engine.connect() as connection:
            return connection.scalar(select(t.facts.c.value).where(t.facts.c.name == NAME)) or ""

    def _swap(self, held: str, wanted: str) -> bool:
        """Write the lease in one statement, unless another wrote it since it was read; whether it was written."""
        with translated("written"), self._engine.begin() as connection:
            return swap(connection, NAME, held, wanted)
