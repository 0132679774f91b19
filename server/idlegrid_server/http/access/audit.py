"""The log of who came: every refusal, and every key's use. Never a key, nor a part of one.

What comes often is counted and said once a minute, so that nobody fills the log. Lives on the event loop.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

import structlog

from idlegrid_server.core.access import Caller
from idlegrid_server.http.access.rates import Rate
from idlegrid_server.http.request_log import MAX_PATH

log = structlog.get_logger(__name__)

MOST_LINES: Final = 1_000
"""Refusals a minute that have a line of their own, from all addresses."""
MOST_ADDRESSES: Final = 10_000
"""Addresses whose refusals are summed apart; those of more are summed together."""
MOST_USES: Final = 20_000
"""Keys at addresses that are counted before the sums are written, however soon that is."""
OTHERS: Final = "others"
USES_IN_LINE: Final = 50
"""Keys in one line of sums: the journal cuts at 20,000 characters."""


@dataclass(slots=True)
class _Use:
    """Of one key from one address, since the last sum."""

    name: str
    last: float
    count: int = 0


class AccessLog:
    """Who was refused, and who came in. `quota` says how many refusals of an address a minute have their own lines."""

    def __init__(self, quota: Rate, hasten: Callable[[], None]) -> None:
        """`hasten` is called when a key's use is to be written soon."""
        self._quota, self._hasten = quota, hasten
        self._uses: dict[tuple[int, str], _Use] = {}
        self._refused: dict[str, int] = {}
        self._lines = 0
        self._written: set[int] = set()
        self._unwritten: dict[int, float] = {}

    def refused(self, address: str, path: str, reason: str, caller: Caller | None) -> None:
        """Somebody was not let in, or not this far."""
        if self._lines >= MOST_LINES or not self._quota.hit(address):
            known = address if address in self._refused or len(self._refused) < MOST_ADDRESSES else OTHERS
            self._refused[known] = self._refused.get(known, 0) + 1
            return
        self._lines += 1
        who = {} if caller is None else {"key": caller.key_id, "name": caller.name}
        log.warning("refused", action="refused", address=address, path=path[:MAX_PATH], reason=reason, **who)

    def used(self, caller: Caller, address: str, now: float) -> None:
        """A key was used."""
        key_id = caller.key_id or 0
        use = self._uses.get((key_id, address))
        if use is None:
            self._first(key_id, caller.name, address, now)
        else:
            use.count += 1
            use.last = now

    def _first(self, key_id: int, name: str, address: str, now: float) -> None:
        if len(self._uses) >= MOST_USES:
            self._sum_uses()
            self._uses.clear()
        self._uses[key_id, address] = _Use(name, now)
        log.info("key used", action="key_used", key=key_id, name=name, address=address)
        if key_id not in self._written:
            self._note(key_id, now)
            self._hasten()

    def _note(self, key_id: int, last: float) -> None:
        self._written.add(key_id)
        self._unwritten[key_id] = max(last, self._unwritten.get(key_id, 0.0))

    def sum_up(self) -> None:
        """Say what a minute has brought; what was not used in it is forgotten."""
        self._written.clear()
        self._sum_uses()
        self._uses = {place: _Use(use.name, use.last) for place, use in self._uses.items() if use.count}
        for address, count in self._refused.items():
            log.warning("refused more often", action="refused_often", address=address, count=count)
        self._refused.clear()
        self._lines = 0

    def _sum_uses(self) -> None:
        for uses in self._sums():
            log.info("keys used", action="keys_used", uses=uses)

    def _sums(self) -> Iterator[list[dict[str, object]]]:
        line: list[dict[str, object]] = []
        for (key_id, address), use in self._uses.items():
            if use.count:
                self._note(key_id, use.last)
                line.append({"key": key_id, "name": use.name, "address": address, "count": use.count})
            if len(line) == USES_IN_LINE:
                yield line
                line = []
        if line:
            yield line

    def take_used(self) -> dict[int, float]:
        """Key's id → when it was last used, of those that the record is to hear of."""
        taken, self._unwritten = self._unwritten, {}
        return taken

    def give_back(self, used: dict[int, float]) -> None:
        """The record did not take them."""
        for key_id, last in used.items():
            self._note(key_id, last)
