"""What the tests of the queue stand on: one in memory or on a real Redis, its switches, and short words for runs."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from rq.suspension import resume, suspend
from rq_scheduler import Scheduler

from idlegrid_server.core.matching import Capability, Offer, requirement_class
from idlegrid_server.core.model import Need, Priority
from idlegrid_server.core.ports import Queue
from idlegrid_server.core.queue_ops import Push, QueueOp
from idlegrid_server.queue.memory import MemoryQueue
from idlegrid_server.queue.redis_queue import RedisQueue

from ..conftest import RedisProcess
from ..parts import FakeClock


@dataclass
class Stage:
    """A queue, and the switches the tests turn."""

    queue: Queue
    clock: FakeClock
    suspend: Callable[[bool], object]
    wipe: Callable[[], object]
    wakes_due: Callable[[], list[int]]
    """The seconds that the waker would find due now."""


def memory_stage() -> Stage:
    clock = FakeClock()
    queue = MemoryQueue(clock)
    return Stage(queue, clock, queue.suspend, queue.wipe, queue.wakes_due)


@contextmanager
def redis_stage(server: RedisProcess) -> Iterator[Stage]:
    clock = FakeClock()
    queue = RedisQueue(server.url, clock)
    with server.client as client:

        def wakes_due() -> list[int]:
            due = client.zrangebyscore(Scheduler.scheduled_jobs_key, 0, int(clock.now()))
            client.zrem(Scheduler.scheduled_jobs_key, "", *due)
            return [int(name.decode().removeprefix("wake-")) for name in due]

        switch = lambda on: suspend(client) if on else resume(client)  # noqa: E731
        yield Stage(queue, clock, switch, client.flushall, wakes_due)
    queue.close()


def queue_of(priority: Priority = Priority.NORMAL, **need: object) -> str:
    return requirement_class(Need(**need), priority).queue  # type: ignore[arg-type]


PLAIN = queue_of()
SMALL = queue_of(cpu=0.5, memory_mb=128)
LARGE = queue_of(cpu=2.0, memory_mb=4096)


def offer(
    slots: int = 10,
    cpu: float = 16,
    memory_mb: int = 65536,
    labels: tuple[str, ...] = (),
    sandbox: int = 3,
    types: tuple[str, ...] = ("python",),
    only: frozenset[str] | None = None,
) -> Offer:
    able = Capability(frozenset(types), frozenset(labels), 16, 65536, sandbox)
    return Offer("n1", able, slots, cpu, memory_mb, only)


def push(*names: str, queue: str = PLAIN, at: float = 1000.0, front: bool = False) -> list[QueueOp]:
    return [Push(name, queue, at + i, front) for i, name in enumerate(names)]


def popped(queue: Queue, *offers: Offer) -> list[str]:
    return [uuid for uuids in queue.pop(offers or (offer(),)) for uuid in uuids]
