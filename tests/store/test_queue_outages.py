"""A Redis that dies, hangs or loses its scripts."""

import threading
from collections.abc import Iterator

import pytest

from idlegrid_server.core.errors import QueueUnavailable
from idlegrid_server.core.matching import Capability, Offer, requirement_class
from idlegrid_server.core.model import Need, Priority
from idlegrid_server.core.queue_ops import Push
from idlegrid_server.queue.memory import MemoryQueue
from idlegrid_server.queue.redis_queue import RedisQueue

PLAIN = requirement_class(Need(), Priority.NORMAL).queue
OFFER = Offer("n1", Capability(frozenset({"python"}), frozenset(), 16, 65536, 3), 10, 16, 65536)


@pytest.fixture
def queue(private_redis) -> Iterator[RedisQueue]:
    queue = RedisQueue(private_redis.url)
    yield queue
    queue.close()


def answers(queue: RedisQueue) -> bool:
    try:
        queue.ping()
    except QueueUnavailable:
        return False
    return True


@pytest.mark.redis
def test_a_killed_redis_is_unavailable_and_comes_back_with_another_identity(
    queue: RedisQueue, private_redis, eventually
) -> None:
    queue.apply([Push("a", PLAIN, 1.0)])
    queue.mark()
    known = queue.identity()
    private_redis.kill()
    calls = [
        queue.ping,
        queue.identity,
        queue.mark,
        queue.forget,
        queue.stuck,
        queue.depths,
        queue.suspended,
        queue.schedule_beat,
        queue.beat_age,
        lambda: queue.pop([OFFER]),
        lambda: queue.apply([Push("b", PLAIN, 1.0)]),
    ]
    for call in calls:
        with pytest.raises(QueueUnavailable):
            call()
    private_redis.start()
    eventually(lambda: answers(queue), "the queue answers again")
    assert queue.identity() != known
    queue.apply([Push("b", PLAIN, 2.0)])
    assert "b" in queue.pop([OFFER])[0]


@pytest.mark.redis
def test_a_hanging_redis_holds_up_one_caller_and_the_others_fail_at_once(queue: RedisQueue, private_redis) -> None:
    queue.ping()
    private_redis.freeze()
    try:
        with pytest.raises(QueueUnavailable, match="Timeout"):
            queue.ping()
        with pytest.raises(QueueUnavailable, match="Timeout"):
            queue.ping()
    finally:
        private_redis.thaw()


@pytest.mark.redis
def test_scripts_that_redis_has_lost_are_loaded_again(queue: RedisQueue, private_redis) -> None:
    with private_redis.client as client:
        queue.apply([Push("a", PLAIN, 1.0)])
        client.script_flush()
        assert queue.pop([OFFER, OFFER]) == [["a"], []]
        client.script_flush()
        queue.apply([Push("b", PLAIN, 1.0), Push("b", PLAIN, 1.0)])
        assert queue.pop([OFFER]) == [["b"]]


@pytest.mark.redis
def test_two_coordinators_never_pop_the_same_run(queue: RedisQueue, private_redis) -> None:
    other = RedisQueue(private_redis.url)
    queue.apply([Push(f"run{i}", PLAIN, float(i)) for i in range(500)])
    taken: list[str] = []

    def drain(mine: RedisQueue) -> None:
        while got := mine.pop([OFFER])[0]:
            taken.extend(got)

    threads = [threading.Thread(target=drain, args=(q,)) for q in (queue, other)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    other.close()
    assert len(taken) == len(set(taken)) == 500


def test_the_queue_in_memory_can_be_broken_and_mended() -> None:
    queue = MemoryQueue()
    queue.apply([Push("a", PLAIN, 1.0)])
    queue.mark()
    known = queue.identity()
    queue.break_down()
    for call in (queue.ping, queue.identity, lambda: queue.pop([OFFER]), lambda: queue.apply([])):
        with pytest.raises(QueueUnavailable):
            call()
    queue.mend()
    assert queue.identity() != known
    assert queue.pop([OFFER]) == [["a"]]
