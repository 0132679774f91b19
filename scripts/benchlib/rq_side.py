"""What dispatch is compared with: two RQ `SimpleWorker` processes that do nothing, on the same Redis."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import redis
from rq import Queue, Worker
from rq.job import Job

from benchlib.processes import process

WORKERS = 2
LIMIT_SECONDS = 300.0
"""When a round counts as stuck."""


class RqSide:
    """Two workers on the queue `bench`, measured as often as wanted."""

    def __init__(self, url: str, folder: Path) -> None:
        self._redis = redis.Redis.from_url(url)
        self._queue = Queue("bench", connection=self._redis)
        self._folder = folder

    def workers_only(self, jobs: int) -> float:
        """Jobs per second from the first start to the last end; enqueued beforehand, which is not counted.

        Both workers wait in a job of their own for a file, so that they start together.
        """
        gate = self._folder / f"gate-{time.monotonic_ns()}"
        blockers = [self._queue.enqueue("benchlib.rq_jobs.wait_for", str(gate)) for _ in range(WORKERS)]
        self._until(lambda: self._queue.started_job_registry.count == WORKERS)
        noop = Queue.prepare_data("benchlib.rq_jobs.noop")
        done = self._finished() + len(blockers)
        queued = self._queue.enqueue_many([noop] * jobs)
        gate.touch()
        self._until(lambda: self._finished() >= done + jobs)
        ended = self._fetched(queued)
        started = min(job.started_at for job in ended if job.started_at)
        return float(jobs / (_last_end(ended) - started).total_seconds())

    def with_enqueueing(self, jobs: int) -> float:
        """Jobs per second from the first enqueue, one call each, to the last end."""
        done = self._finished()
        started = datetime.now(UTC)
        queued = [self._queue.enqueue("benchlib.rq_jobs.noop") for _ in range(jobs)]
        self._until(lambda: self._finished() >= done + jobs)
        return float(jobs / (_last_end(self._fetched(queued)) - started).total_seconds())

    def workers_ready(self) -> bool:
        """Whether both workers wait for jobs."""
        return int(Worker.count(connection=self._redis)) == WORKERS

    def close(self) -> None:
        """Close the connection."""
        self._redis.close()

    def _finished(self) -> int:
        return int(self._queue.finished_job_registry.count)

    def _fetched(self, jobs: list[Job]) -> list[Job]:
        found = Job.fetch_many([job.id for job in jobs], connection=self._redis)
        return [job for job in found if job is not None]

    def _until(self, holds: Callable[[], bool]) -> None:
        deadline = time.monotonic() + LIMIT_SECONDS
        while not holds():
            if time.monotonic() > deadline:
                raise TimeoutError("the RQ workers do not get on")
            time.sleep(0.01)


@contextmanager
def rq_side(url: str) -> Iterator[RqSide]:
    """Start the workers on the Redis at `url`, in a database of their own."""
    own = url.rsplit("/", 1)[0] + "/1"
    code = f"import sys; sys.path.insert(0, {str(Path(__file__).parent.parent)!r})\n"
    code += f"from benchlib.rq_jobs import work; work({own!r})"
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="idlegrid-bench-rq-")))
        side = RqSide(own, folder)
        stack.callback(side.close)
        for number in range(WORKERS):
            last = number == WORKERS - 1
            ready = side.workers_ready if last else lambda: True
            stack.enter_context(process(f"rq-{number}", [sys.executable, "-c", code], folder, ready))
        yield side


def _last_end(jobs: list[Job]) -> datetime:
    last: datetime = max(job.ended_at for job in jobs if job.ended_at)
    return last
