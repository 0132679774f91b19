"""The one place that makes Redis clients, and that turns their errors into ours."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

import redis
from redis.backoff import ConstantBackoff
from redis.retry import Retry

from idlegrid_server.core.errors import QueueUnavailable

if TYPE_CHECKING:  # the whole core, which the workers do not need
    from idlegrid_server.core.ports import Clock

ANSWER_SECONDS: Final = 0.9
"""A Redis that does not answer in this time is away; a caller never waits longer than a second."""

PAUSE_SECONDS: Final = 1.0
"""While Redis is away one call in this many seconds tries it; all others fail at once."""

WORKER_ANSWER_SECONDS: Final = 15.0
"""For the processes that only work off queues: nobody waits for them."""


def client(url: str, *, decode: bool = True) -> redis.Redis:
    """A client for the coordinator: it gives up within a second. It answers in strings, or in bytes as RQ wants.

    It tries once more on a broken connection (a pooled one does not survive a restart of Redis), never after a
    timeout, because the command may have been carried out. `url` may be redis://, rediss:// or unix://.
    """
    return redis.Redis.from_url(
        url,
        decode_responses=decode,
        socket_timeout=ANSWER_SECONDS,
        socket_connect_timeout=ANSWER_SECONDS,
        retry=Retry(ConstantBackoff(0.02), 1, supported_errors=(redis.ConnectionError,)),
    )


def worker_client(url: str) -> redis.Redis:
    """A client for RQ's own classes: they want bytes, and they rewrite the socket timeout of its pool."""
    return redis.Redis.from_url(
        url,
        socket_timeout=WORKER_ANSWER_SECONDS,
        socket_connect_timeout=ANSWER_SECONDS,
        retry=Retry(ConstantBackoff(0.1), 1, supported_errors=(redis.ConnectionError,)),
    )


class Breaker:
    """Keeps callers from waiting, one after the other, for a Redis that is away."""

    def __init__(self, clock: "Clock") -> None:
        self._clock = clock
        self._closed_until = float("-inf")
        self._reason = ""

    @contextmanager
    def guard(self) -> Iterator[None]:
        """Around everything said to Redis. Raises QueueUnavailable: at once when it was away a moment ago."""
        self._admit()
        try:
            yield
        except redis.RedisError as error:
            self._reason = str(error) or type(error).__name__
            self._closed_until = self._clock.monotonic() + PAUSE_SECONDS
            raise QueueUnavailable(f"Redis does not answer: {self._reason}") from error
        self._reason = ""

    def _admit(self) -> None:
        if not self._reason:
            return
        now = self._clock.monotonic()
        if now < self._closed_until:
            raise QueueUnavailable(f"Redis does not answer: {self._reason}")
        # The others keep failing at once while this caller finds out.
        self._closed_until = now + PAUSE_SECONDS
