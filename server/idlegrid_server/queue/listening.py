"""Hearing that something is due, in a coordinator: the other end of `jobs.wake`."""

import threading
from collections.abc import Callable
from contextlib import closing
from typing import Final

from redis.client import PubSub

from idlegrid_server.queue import keys
from idlegrid_server.queue.connect import client
from idlegrid_server.queue.serving import persist

LOOK_SECONDS: Final = 0.5
"""How long a wait for the next message lasts, and so how long `stop` may take."""


class DueListener:
    """Calls back in a thread of its own whenever a second comes in which something is due.

    It promises nothing: what is published while Redis, or the connection to it, is away is never heard. So whoever is
    called back must also look by himself now and then (`limits.LATE_FIRING`).
    """

    def __init__(self, url: str, due: Callable[[], None]) -> None:
        """`due` must be quick and must not raise."""
        self._redis, self._due = client(url), due
        self._stop = threading.Event()
        self._thread = threading.Thread(target=persist, args=(self._stop, self._listen), name="due", daemon=True)

    def start(self) -> None:
        """Listen from now on; Redis may come and go."""
        self._thread.start()

    def stop(self) -> None:
        """End, within a moment; nothing is called back afterwards."""
        self._stop.set()
        self._thread.join()
        self._redis.close()

    def _listen(self) -> float:
        """One subscription's life. Raises redis.RedisError when it ends before it was told to."""
        with closing(PubSub(self._redis.connection_pool, ignore_subscribe_messages=True)) as channel:
            channel.subscribe(keys.DUE)
            while not self._stop.is_set():
                self._hear(channel)
        return 0.0

    def _hear(self, channel: PubSub) -> None:
        if channel.get_message(timeout=LOOK_SECONDS) is not None and not self._stop.is_set():
            self._due()
