"""What the RQ workers of the comparison run."""

import time
from pathlib import Path


def noop() -> None:
    """Do nothing."""


def wait_for(file: str) -> None:
    """Hold the worker until the file is there."""
    while not Path(file).exists():
        time.sleep(0.001)


def work(url: str) -> None:
    """Be a `SimpleWorker` until SIGTERM."""
    import redis
    from rq import Queue, SimpleWorker

    connection = redis.Redis.from_url(url)
    SimpleWorker([Queue("bench", connection=connection)], connection=connection).work(logging_level="WARNING")
