"""How often: limits as the library `limits` writes and counts them, over counts of our own."""

import math
from collections.abc import Callable
from functools import lru_cache
from ipaddress import IPv6Address, ip_network
from typing import Final

from limits import parse
from limits.storage import Storage
from limits.strategies import FixedWindowRateLimiter

from idlegrid_server.core.errors import TooManyRequests

MOST: Final = 65_536
"""Counts kept of one limit; the oldest window gives way to one more."""
IPV6_NETWORK: Final = 64
"""Bits of an IPv6 address that stand for one customer: the rest he chooses as he likes."""


class Windows(Storage):
    """Counts of one limit in memory, each until its window ends; for one thread.

    The library's own storage starts a thread every 10 ms, which walks all counts: with a count for each of very many
    nodes that is a good part of a core. Here windows end in the order in which they began.
    """

    STORAGE_SCHEME = None
    base_exceptions = ()

    def __init__(self, monotonic: Callable[[], float], most: int = MOST) -> None:
        super().__init__()
        self._monotonic, self._most = monotonic, most
        self._windows: dict[str, tuple[int, float]] = {}

    def incr(self, key: str, expiry: int, amount: int = 1) -> int:
        """Count, in a new window of `expiry` seconds when there is none: the count."""
        now = self._monotonic()
        count, ends = self._windows.get(key, (0, 0.0))
        if ends <= now:
            self._windows.pop(key, None)
            self._make_room(now)
            count, ends = 0, now + expiry
        self._windows[key] = count + amount, ends
        return count + amount

    def _make_room(self, now: float) -> None:
        while self._windows:
            oldest = next(iter(self._windows))
            if self._windows[oldest][1] > now and len(self._windows) < self._most:
                return
            del self._windows[oldest]

    def get(self, key: str) -> int:
        """The count in the window of now."""
        count, ends = self._windows.get(key, (0, 0.0))
        return count if ends > self._monotonic() else 0

    def get_expiry(self, key: str) -> float:
        """When the window ends, by the monotonic clock."""
        return self._windows.get(key, (0, self._monotonic()))[1]

    def check(self) -> bool:
        """Memory is always there."""
        return True

    def reset(self) -> int | None:
        """Forget all counts: how many there were."""
        count = len(self._windows)
        self._windows.clear()
        return count

    def clear(self, key: str) -> None:
        """Forget one count."""
        self._windows.pop(key, None)


class Rate:
    """One limit, such as `60000/minute`, for each of many."""

    def __init__(self, limit: str, monotonic: Callable[[], float]) -> None:
        self._item, self._monotonic = parse(limit), monotonic
        self._limiter = FixedWindowRateLimiter(Windows(monotonic))

    def hit(self, who: str) -> bool:
        """Count once: whether that was within the limit."""
        return self._limiter.hit(self._item, who)

    def is_spent(self, who: str) -> bool:
        """Whether one more would be too many; counts nothing."""
        return not self._limiter.test(self._item, who)

    def refuse(self, who: str, words: str) -> TooManyRequests:
        """The refusal of one too many."""
        seconds = self._limiter.get_window_stats(self._item, who).reset_time - self._monotonic()
        wait = max(1, math.ceil(seconds))
        return TooManyRequests(f"{words}: try again in {wait} s", retry_after=wait)


@lru_cache(maxsize=4096)
def source_of(address: str) -> str:
    """Whose address it is: itself, and the /64 of an IPv6 address."""
    try:
        host = IPv6Address(address.partition("%")[0])
    except ValueError:
        return address
    if host.ipv4_mapped is not None:
        return str(host.ipv4_mapped)
    return str(ip_network((host, IPV6_NETWORK), strict=False))
