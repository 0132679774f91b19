"""Hearing what is published on Redis, in a coordinator: that something is due (`jobs.wake`), what others have done."""

import threading
from collections.abc import Callable, Mapping
from contextlib import closing
from typing import Any, Final

from redis.client import PubSub

from idlegrid_server.queue.connect import client
from idlegrid_server.queue.serving import persist

LOOK_SECONDS: Final = 0.5
"""How long a wait for the next message lasts, and so how long `stop` may take."""


class Listener:
    """Calls back, in a thread of its own, with whatever is published on its channels.

    It promises nothing: what is published while Redis, or the connection to it, is away is never heard. So whoever is
    called back must also look by himself: now and then (`limits.LATE_FIRING`), and when he hears that we joined.
    """

    def __init__(
        self, url: str, hears: Mapping[str, Callable[[str], None]], joined: Callable[[], None] = lambda: None
    ) -> None:
        """`hears` has a callback by channel; `joined` is called whenever we begin, or begin again, to hear all of them.

        All must be quick and must not raise.
        """
        self._redis, self._hears, self._joined = client(url), hears, joined
        self._stop = threading.Event()
        self._thread = threading.Thread(target=persist, args=(self._stop, self._listen), name="listener", daemon=True)

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
        with closing(PubSub(self._redis.connection_pool)) as channel:
            channel.subscribe(*self._hears)
            while not self._stop.is_set():
                message = channel.get_message(timeout=LOOK_SECONDS)
                if message is not None and not self._stop.is_set():
                    self._hear(message)
        return 0.0

    def _hear(self, message: dict[str, Any]) -> None:
        if message["type"] == "message":
            self._hears[message["channel"]](message["data"])
        elif message["type"] == "subscribe" and message["data"] == len(self._hears):
            self._joined()
