"""The RQ workers, `python -m idlegrid_server.queue.workers control|webhooks`.

Genuine workers: RQ's timeouts and dashboards apply. They outlive Redis being away, at the start and later. The control
worker forks for each job, as RQ does. The webhooks worker does not: its jobs only say that something is due, and what
that leads to goes on beside RQ's loop, for one endpoint that does not answer must hold up no other.
"""

import argparse
import os
import signal
import socket
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext, suppress
from types import FrameType
from typing import Any, Final

from rq import SimpleWorker, Worker
from rq.exceptions import StopRequested
from rq.serializers import JSONSerializer
from rq.worker import BaseWorker

from idlegrid_server.queue.connect import worker_client
from idlegrid_server.queue.jobs import CONTROL, WEBHOOKS, JsonJob, deliver_with
from idlegrid_server.queue.serving import log, persist, redis_url, stop_on_signals

QUEUES: Final = (CONTROL, WEBHOOKS)


class Patient(BaseWorker):  # type: ignore[misc]  # RQ is not checked, so its classes are Any
    """An RQ worker with less patience for Redis' absence, and its own account of why it ended."""

    max_connection_wait_time = 2.0
    told_to_stop = False

    def request_stop(self, signum: int, frame: FrameType | None) -> None:
        """Finish what runs and end."""
        self.told_to_stop = True
        super().request_stop(signum, frame)

    def check_for_suspension(self, burst: bool) -> None:
        """`rq suspend` stops leases. What the grid does for itself goes on, or nobody would hear of it."""


class ForkingWorker(Patient, Worker):  # type: ignore[misc]
    """Carries each job out in a process of its own."""


class InProcessWorker(Patient, SimpleWorker):  # type: ignore[misc]
    """Carries jobs out itself."""


@contextmanager
def delivering() -> Iterator[None]:
    """Within it `jobs.deliver` delivers. What it needs is imported here: the control worker stays small without it."""
    from idlegrid_server.housekeeping.webhooks.process import Process
    from idlegrid_server.settings import Settings

    process = Process(Settings())
    deliver_with(process.look)
    try:
        yield
    finally:
        process.stop()


def main(argv: list[str] | None = None) -> None:
    """Work off one queue until told to stop."""
    parser = argparse.ArgumentParser(prog="python -m idlegrid_server.queue.workers", description=__doc__)
    parser.add_argument("queue", choices=QUEUES)
    queue, url = parser.parse_args(argv).queue, redis_url()
    stop = stop_on_signals()
    handlers = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    with delivering() if queue == WEBHOOKS else nullcontext():
        log.info("worker started", action="start", queue=queue, pid=os.getpid())
        persist(stop, lambda: _live(queue, url, stop, handlers))
    sys.exit(0)


def _live(queue: str, url: str, stop: threading.Event, handlers: Mapping[signal.Signals, Any]) -> float:
    """One worker's life: as long as Redis lasts. Seconds until the next one's."""
    connection = worker_client(url)
    connection.ping()
    name = f"{queue}-{socket.gethostname()}-{os.getpid()}-{os.urandom(2).hex()}"
    kind = InProcessWorker if queue == WEBHOOKS else ForkingWorker
    worker = kind([queue], name=name, connection=connection, serializer=JSONSerializer, job_class=JsonJob)
    # RQ's handler raises wherever its loop happens to stand, also between that loop's own guards.
    with suppress(StopRequested):
        worker.work(logging_level="WARNING")
    if worker.told_to_stop:
        stop.set()
    for number, handler in handlers.items():
        signal.signal(number, handler)
    log.info("worker ended", action="stop" if stop.is_set() else "restart", worker=name)
    return 1.0


if __name__ == "__main__":
    main()
