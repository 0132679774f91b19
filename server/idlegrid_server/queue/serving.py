"""What the processes beside the coordinator have in common: settings, a clean end, and patience with Redis."""

import os
import signal
import threading
from collections.abc import Callable
from types import FrameType
from typing import Final

import redis
import structlog

log = structlog.get_logger("idlegrid.queue")

URL_VARIABLE: Final = "IDLEGRID_REDIS_URL"

FIRST_PAUSE: Final = 0.25
LONGEST_PAUSE: Final = 5.0
"""Seconds between tries while Redis is away: doubled each time up to this."""


def redis_url() -> str:
    """Where Redis is. Raises SystemExit with a sentence when the environment does not say."""
    url = os.environ.get(URL_VARIABLE)
    if not url:
        raise SystemExit(f"{URL_VARIABLE} is not set: say where Redis is, e.g. redis://127.0.0.1:6379/0")
    return url


def stop_on_signals() -> threading.Event:
    """An event that SIGTERM or SIGINT sets."""
    stop = threading.Event()

    def handle(_number: int, _frame: FrameType | None) -> None:
        stop.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, handle)
    return stop


def persist(stop: threading.Event, turn: Callable[[], float]) -> None:
    """Take turns until told to stop, with as many seconds between them as a turn says; Redis may come and go."""
    pause = FIRST_PAUSE
    while not stop.is_set():
        try:
            rest, pause = turn(), FIRST_PAUSE
        except redis.RedisError as error:
            log.warning("redis is away", action="retry", error=str(error), pause=pause)
            rest, pause = pause, min(pause * 2, LONGEST_PAUSE)
        stop.wait(rest)
