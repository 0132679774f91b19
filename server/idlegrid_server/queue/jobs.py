"""What the workers run, and how it gets there.

The control worker: rq-scheduler holds an entry until it is due, the waker moves it onto the queue `control`, the worker
calls the function. A beat takes this whole way and leaves a stamp at its end, so a dead waker or worker shows within a
minute. A wake takes it too, and tells every coordinator that listens: there is one for each second in which anything is
due, however much that is, and the record says what.

The webhooks worker is told that something is due for some endpoint, and the record says what. At most one such word
waits, so none gathers while the worker is away; and nobody misses one that died with its worker, since the next is said
for as long as something is due.
"""

import math
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, Final, cast

import redis
from rq import Queue, get_current_job
from rq.job import Job
from rq.serializers import JSONSerializer
from rq_scheduler import Scheduler

from idlegrid_server.queue import keys

CONTROL: Final = "control"
"""The queue of what the grid does for itself."""

WEBHOOKS: Final = "webhooks"
"""The queue of deliveries."""

WAKE_SECONDS: Final = 1
"""How often the waker looks for what is due."""

BEAT_SECONDS: Final = 30.0
"""How far apart beats are."""

BEAT_KEPT_SECONDS: Final = 3_600
"""A stamp older than this says no more than none."""

JOB_SECONDS: Final = 60
"""How long a job may run, and how long a beat nobody has begun is kept."""


class JsonJob(Job):  # type: ignore[misc]  # RQ is not checked, so its classes are Any
    """A job in JSON. rq-scheduler cannot be told which serializer to use, only which class of job."""

    def __init__(self, *args: Any, serializer: Any = None, **kwargs: Any) -> None:
        super().__init__(*args, serializer=serializer or JSONSerializer, **kwargs)


def scheduler(connection: redis.Redis) -> Scheduler:
    """rq-scheduler on the queue `control`. `connection` must give bytes."""
    return Scheduler(queue_name=CONTROL, connection=connection, interval=WAKE_SECONDS, job_class=JsonJob)


def schedule_beat(connection: redis.Redis, now: float) -> bool:
    """Place a beat that is due at once, unless one was placed within BEAT_SECONDS; whether one was placed.

    `now` is epoch seconds. Raises redis.RedisError.
    """
    if not connection.set(keys.BEAT_PLACED, repr(now), nx=True, px=int(BEAT_SECONDS * 1_000) - 500):
        return False
    due = datetime.fromtimestamp(now, UTC) - timedelta(seconds=1)
    scheduler(connection).enqueue_at(
        due, beat, now, timeout=JOB_SECONDS, job_ttl=JOB_SECONDS, job_result_ttl=0, job_description="beat"
    )
    return True


def schedule_wake(connection: redis.Redis, at: float, now: float) -> None:
    """Have `wake` called at that time, rounded up to a whole second; placed twice it is the same entry.

    `connection` may be a pipeline, since nothing is read. Both times are epoch seconds. Raises redis.RedisError.
    """
    second = math.ceil(at)
    kept = max(0, math.ceil(second - now)) + JOB_SECONDS
    job = scheduler(connection).enqueue_at(
        datetime.fromtimestamp(second, UTC),
        wake,
        second,
        job_id=f"wake-{second}",
        timeout=JOB_SECONDS,
        job_ttl=kept,
        job_result_ttl=0,
        job_description="wake",
    )
    # While the waker is away they would gather: one a second, for as long as that lasts.
    connection.expire(job.key, kept)


def wake(second: int) -> None:
    """Tell who listens that what is due in this second is due. Runs in the control worker."""
    _connection().publish(keys.DUE, second)


def beat(stamp: float) -> None:
    """Leave the stamp of a beat that came through. Runs in the control worker."""
    _connection().set(keys.BEAT, repr(stamp), ex=BEAT_KEPT_SECONDS)


def schedule_delivery(connection: redis.Redis) -> bool:
    """Have `deliver` called in the webhooks worker, unless a call waits already; whether one was placed.

    `connection` must give bytes. Raises redis.RedisError.
    """
    queue = Queue(WEBHOOKS, connection=connection, serializer=JSONSerializer, job_class=JsonJob)
    if queue.count:
        return False
    queue.enqueue_call(
        deliver, timeout=JOB_SECONDS, ttl=JOB_SECONDS, result_ttl=0, failure_ttl=JOB_SECONDS, description="deliver"
    )
    return True


_couriers: Final[list[Callable[[], None]]] = []


def deliver_with(look: Callable[[], None]) -> None:
    """What `deliver` calls in this process; it must return at once."""
    _couriers.append(look)


def deliver() -> None:
    """Have this process deliver what is due. Runs in the webhooks worker."""
    for look in _couriers:
        look()


def _connection() -> redis.Redis:
    job = get_current_job()
    if job is None:
        raise RuntimeError("this is carried by an RQ worker")
    return cast(redis.Redis, job.connection)
