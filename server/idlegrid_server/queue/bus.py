"""Between coordinators, over one Redis channel: `core.news.Bus`, and its other end."""

import json
import math
import threading
import time
from collections.abc import Callable
from queue import Empty, SimpleQueue
from typing import Final

import redis

from idlegrid_server.core.news import News, from_wire, to_wire
from idlegrid_server.queue import keys
from idlegrid_server.queue.connect import client
from idlegrid_server.queue.listening import Listener
from idlegrid_server.queue.serving import log

COUNT_SECONDS: Final = 0.5
"""How often it is looked whether anybody else listens; whoever comes also says so."""
AGAIN_SECONDS: Final = 1.0
"""How long after we began to hear everything is looked at once more."""
MOST: Final = 200
"""Messages sent in one go."""


class RedisBus:
    """Tells the others and hears them; also hears from Redis that something is due.

    A message that cannot be sent is lost. Who was away is told that he lost touch, and looks at everything again.
    """

    def __init__(
        self,
        url: str,
        instance: str,
        *,
        heard: Callable[[News], None],
        lost_touch: Callable[[], None],
        due: Callable[[], None],
    ) -> None:
        """`instance` names us. The callbacks come in threads of ours; they must be quick and must not raise."""
        self.is_heard = False
        self._instance, self._heard, self._lost_touch = instance, heard, lost_touch
        self._redis = client(url)
        self._gathered: SimpleQueue[News | None] = SimpleQueue()
        hears = {keys.NEWS: self._hear, keys.DUE: lambda _: due()}
        self._listener = Listener(url, hears, self._joined)
        self._thread = threading.Thread(target=self._work, name="bus", daemon=True)
        self._look_again_at = math.inf

    def start(self) -> None:
        """Tell and hear from now on; Redis may come and go."""
        self._thread.start()
        self._listener.start()

    def stop(self) -> None:
        """End after what has gathered is sent, if Redis takes it; nothing is called back afterwards."""
        self._listener.stop()
        self._gathered.put(None)
        self._thread.join()
        self._redis.close()

    def tell(self, news: News) -> None:
        """Send it, unless nobody listens; never waits, never raises. From any thread."""
        if self.is_heard:
            self._gathered.put(news)

    def _joined(self) -> None:
        """Who was here before us may not have known us yet when we began to hear: so we look once more, later."""
        self._lost_touch()
        self._look_again_at = time.monotonic() + AGAIN_SECONDS
        self._gathered.put(News())

    def _hear(self, text: str) -> None:
        try:
            words = json.loads(text)
            sender, news = words["from"], from_wire(words)
        except (ValueError, TypeError, AttributeError, KeyError) as error:
            log.warning("a message that makes no sense", action="news_unreadable", reason=repr(error))
            return
        if sender != self._instance:
            self.is_heard = True
            self._heard(news)

    def _work(self) -> None:
        going = True
        while going:
            messages, going = self._take()
            try:
                self._send(messages)
            except redis.RedisError as error:
                self.is_heard = False  # until it is known again, so that nothing gathers while Redis is away
                log.debug("news lost", action="news_lost", messages=len(messages), reason=str(error))
            if time.monotonic() >= self._look_again_at:
                self._look_again_at = math.inf
                self._lost_touch()

    def _take(self) -> tuple[list[News], bool]:
        """What has gathered; whether there is more to come."""
        messages: list[News] = []
        try:
            news = self._gathered.get(timeout=COUNT_SECONDS)
            while news is not None and len(messages) < MOST:
                messages.append(news)
                news = self._gathered.get_nowait()
        except Empty:
            return messages, True
        return messages, news is not None

    def _send(self, messages: list[News]) -> None:
        """Send what there is, and see whether anybody else hears it."""
        pipeline = self._redis.pipeline(transaction=False)
        for news in messages:
            pipeline.publish(keys.NEWS, json.dumps({"from": self._instance, **to_wire(news)}))
        pipeline.pubsub_numsub(keys.NEWS)
        self.is_heard = dict(pipeline.execute()[-1]).get(keys.NEWS, 0) > 1
