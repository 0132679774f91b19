"""The schedule waker, `python -m idlegrid_server.queue.waker`: moves what is due onto the queue `control`.

It runs rq-scheduler's own steps in a loop of its own, because rq-scheduler's `run` ends at the first error of Redis.
It decides nothing: entries are one-shot, and the record decides what their firing means. So two wakers do no harm.
"""

import os
import time
from collections.abc import Callable

from rq_scheduler import Scheduler

from idlegrid_server.queue.connect import worker_client
from idlegrid_server.queue.jobs import WAKE_SECONDS, scheduler
from idlegrid_server.queue.serving import log, persist, redis_url, stop_on_signals


class Waker:
    """Turns of rq-scheduler: show that it lives, and move what is due when no other waker is at it."""

    def __init__(self, wakes: Scheduler, now: Callable[[], float] = time.time) -> None:
        self._scheduler, self._now = wakes, now

    def turn(self) -> float:
        """One look; the seconds until the next. Raises redis.RedisError.

        Entries are due at whole seconds, so that is when it looks: what is due waits for milliseconds, not for half a
        second on average.
        """
        wakes = self._scheduler
        # Its record expires while Redis is away or when its data is lost; then it is born again.
        if not wakes.connection.exists(wakes.key):
            wakes.register_birth()
        wakes.heartbeat()
        if wakes.acquire_lock():
            try:
                wakes.enqueue_jobs()
            finally:
                wakes.remove_lock()
        return WAKE_SECONDS - self._now() % WAKE_SECONDS


def main() -> None:
    """Wake until told to stop."""
    # rq-scheduler reckons in local time wherever it forgets to say otherwise.
    os.environ["TZ"] = "UTC"
    time.tzset()
    stop = stop_on_signals()
    connection = worker_client(redis_url())
    log.info("waker started", action="start", pid=os.getpid())
    persist(stop, Waker(scheduler(connection)).turn)
    connection.close()


if __name__ == "__main__":
    main()
