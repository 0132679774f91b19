"""A waker, `python cut_waker.py`, that dies by SIGKILL between rq-scheduler's two writes: it has put one wake into its
queue, and taking that off the schedule would come next.
"""

import os
import signal
from typing import Any

from rq import Queue
from rq.job import Job
from rq_scheduler import Scheduler

from idlegrid_server.queue import waker


class LastQueue(Queue):  # type: ignore[misc]  # RQ is not checked, so its classes are Any
    """Takes one job and no more."""

    def enqueue_job(self, job: Job, *args: Any, **kwargs: Any) -> None:
        if job.func_name.endswith(".wake"):
            super().enqueue_job(job, *args, **kwargs)
            os.kill(os.getpid(), signal.SIGKILL)
        super().enqueue_job(job, *args, **kwargs)


if __name__ == "__main__":
    Scheduler.queue_class = LastQueue
    waker.main()
