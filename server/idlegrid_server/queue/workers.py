"""The RQ workers, `python -m idlegrid_server.queue.workers control|webhooks`.

Genuine workers: RQ's retries, timeouts and dashboards apply. They outlive Redis being away, at the start and later.
"""

import argparse
import os
import signal
import socket
import sys
from contextlib import suppress
from types import FrameType
from typing import Final

from rq import Worker
from rq.exceptions import StopRequested
from rq.serializers import JSONSerializer

from idlegrid_server.queue.connect import worker_client
from idlegrid_server.queue.jobs import CONTROL, WEBHOOKS, JsonJob
from idlegrid_server.queue.serving import log, persist, redis_url, stop_on_signals

QUEUES: Final = (CONTROL, WEBHOOKS)


class GridWorker(Worker):  # type: ignore[misc]  # RQ is not checked, so its classes are Any
    """RQ's worker, with less patience for Redis' absence, and its own account of why it ended."""

    max_connection_wait_time = 2.0
    told_to_stop = False

    def request_stop(self, signum: int, frame: FrameType | None) -> None:
        """Finish what runs and end."""
        self.told_to_stop = True
        super().request_stop(signum, frame)

    def check_for_suspension(self, burst: bool) -> None:
        """`rq suspend` stops leases. What the grid does for itself goes on, or nobody would hear of it."""


def main(argv: list[str] | None = None) -> None:
    """Work off one queue until told to stop."""
    parser = argparse.ArgumentParser(prog="python -m idlegrid_server.queue.workers", description=__doc__)
    parser.add_argument("queue", choices=QUEUES)
    queue, url = parser.parse_args(argv).queue, redis_url()
    stop = stop_on_signals()

    def turn() -> float:
        """One worker's life: as long as Redis lasts."""
        connection = worker_client(url)
        connection.ping()
        name = f"{queue}-{socket.gethostname()}-{os.getpid()}-{os.urandom(2).hex()}"
        worker = GridWorker([queue], name=name, connection=connection, serializer=JSONSerializer, job_class=JsonJob)
        # RQ's handler raises wherever its loop happens to stand, also between that loop's own guards.
        with suppress(StopRequested):
            worker.work(logging_level="WARNING")
        if worker.told_to_stop:
            stop.set()
        for number, handler in handlers.items():
            signal.signal(number, handler)
        log.info("worker ended", action="stop" if stop.is_set() else "restart", worker=name)
        return 1.0

    handlers = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    log.info("worker started", action="start", queue=queue, pid=os.getpid())
    persist(stop, turn)
    sys.exit(0)


if __name__ == "__main__":
    main()
