"""Being woken when something is due: on Redis and in memory, and through real wakers and workers."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from idlegrid_server.core.ports import Queue
from idlegrid_server.core.queue_ops import Wake
from idlegrid_server.queue import keys
from idlegrid_server.queue.listening import Listener
from idlegrid_server.queue.redis_queue import RedisQueue

from ..parts import START
from .stages import Stage, offer, popped, push
from .test_queue_processes import CONTROL, WAKER, running


def test_what_is_due_within_one_second_makes_one_wake_at_its_end(stage: Stage) -> None:
    stage.queue.apply([Wake(START + 4.001), Wake(START + 4.5), Wake(START + 5.0), Wake(START + 5.01)])
    stage.queue.apply([Wake(START + 5.0)])
    stage.clock.advance(4.9)
    assert stage.wakes_due() == []
    stage.clock.advance(1.1)
    assert stage.wakes_due() == [START + 5, START + 6]
    assert stage.wakes_due() == []


def test_wakes_go_together_with_other_operations_and_outlast_a_rebuild(stage: Stage) -> None:
    stage.queue.apply([*push("a"), Wake(START + 1), *push("b")])
    assert popped(stage.queue, offer()) == ["a", "b"]
    stage.queue.forget()
    stage.clock.advance(1)
    assert stage.wakes_due() == [START + 1]


def test_a_wake_whose_time_has_passed_comes_at_once(stage: Stage) -> None:
    stage.queue.apply([Wake(START - 1_000)])
    assert stage.wakes_due() == [START - 1_000]


def test_a_wipe_takes_the_wakes_and_they_can_be_placed_again(stage: Stage) -> None:
    stage.queue.apply([Wake(START + 1)])
    stage.wipe()
    stage.clock.advance(1)
    assert stage.wakes_due() == []
    stage.queue.apply([Wake(START)])
    assert stage.wakes_due() == [START]


@pytest.mark.redis
def test_a_minutes_wakes_are_placed_in_one_round_trip(redis_server) -> None:
    queue = RedisQueue(redis_server.url)
    now = time.time()
    queue.apply([])
    with redis_server.client as client:
        client.config_resetstat()
        queue.apply([Wake(now + 3_600 + n) for n in range(60)])
        assert client.zcard("rq:scheduler:scheduled_jobs") == 60
        calls = {name: stats["calls"] for name, stats in client.info("commandstats").items()}
    assert {name for name, n in calls.items() if n >= 60} == {"cmdstat_hset", "cmdstat_zadd", "cmdstat_expire"}
    queue.close()


@pytest.mark.redis
def test_wakes_that_no_waker_takes_do_not_gather(redis_server) -> None:
    queue = RedisQueue(redis_server.url)
    queue.apply([Wake(time.time() + n) for n in (0, 50)])
    with redis_server.client as client:
        lives = sorted(client.ttl(key) for key in client.keys("rq:job:wake-*"))
    assert len(lives) == 2
    assert lives[0] <= 61
    assert lives[1] <= 111
    queue.close()


class Ear:
    """Counts what a listener hears, and says when it does."""

    def __init__(self) -> None:
        self.times: list[float] = []
        self._lock = threading.Lock()

    def hear(self) -> None:
        with self._lock:
            self.times.append(time.time())


@contextmanager
def listening(url: str) -> Iterator[Ear]:
    ear = Ear()
    listener = Listener(url, {keys.DUE: lambda _: ear.hear()})
    listener.start()
    try:
        yield ear
    finally:
        listener.stop()


def heard(client, ear: Ear) -> bool:
    """Whether a message that is published now is heard, or an earlier one was."""
    client.publish(keys.DUE, "test")
    return bool(ear.times)


@pytest.mark.redis
def test_each_listener_hears_every_second_that_comes_and_never_too_early(private_redis, eventually) -> None:
    queue: Queue = RedisQueue(private_redis.url)
    with (
        listening(private_redis.url) as one,
        listening(private_redis.url) as other,
        running(private_redis.url, *WAKER),
        running(private_redis.url, *CONTROL),
        private_redis.client as client,
    ):
        eventually(lambda: client.pubsub_numsub(keys.DUE)[0][1] == 2, "both listen")
        first = time.time() + 1.0
        queue.apply([Wake(first + n / 10_000) for n in range(10_000)] + [Wake(first + n) for n in (2, 3, 4)])
        placed = client.zcard("rq:scheduler:scheduled_jobs")
        eventually(lambda: len(one.times) == len(other.times) == placed, "every second is heard", 60)
        assert placed in (4, 5), "ten thousand within one second make at most two entries"
        assert one.times[0] >= first
        eventually(lambda: client.keys("rq:job:*") == [], "nothing of the wakes is kept")
    queue.close()


@pytest.mark.redis
def test_a_wake_that_was_left_behind_between_the_wakers_two_writes_comes_all_the_same(
    private_redis, eventually
) -> None:
    """The waker puts the job into the queue and then takes it off the schedule: here it died in between."""
    queue: Queue = RedisQueue(private_redis.url)
    queue.apply([Wake(time.time() - 1)])
    with private_redis.client as client, listening(private_redis.url) as ear:
        eventually(lambda: client.pubsub_numsub(keys.DUE)[0][1] == 1, "somebody listens")
        (name,) = client.zrange("rq:scheduler:scheduled_jobs", 0, -1)
        client.rpush("rq:queue:control", name)
        client.sadd("rq:queues", "rq:queue:control")
        client.hset(b"rq:job:" + name, "status", "queued")
        with running(private_redis.url, *CONTROL), running(private_redis.url, *WAKER):
            eventually(lambda: ear.times, "the wake is heard")
            eventually(lambda: client.zcard("rq:scheduler:scheduled_jobs") == 0, "it is off the schedule")
            queue.apply([Wake(time.time())])
            eventually(lambda: client.keys("rq:job:*") == [], "the next one goes through")
    queue.close()


@pytest.mark.redis
def test_a_listener_outlives_a_redis_that_is_away_at_first_and_dies_later(private_redis, eventually) -> None:
    private_redis.kill()
    with listening(private_redis.url) as ear:
        for _ in range(2):
            private_redis.start()
            ear.times.clear()
            with private_redis.client as client:
                eventually(lambda client=client: heard(client, ear), "it listens again")
            private_redis.kill()


@pytest.mark.redis
def test_a_listener_ends_at_once_whether_or_not_redis_is_there(private_redis, eventually) -> None:
    listeners = [Listener(private_redis.url, {keys.DUE: lambda _: None}) for _ in range(2)]
    for listener in listeners:
        listener.start()
    with private_redis.client as client:
        eventually(lambda: client.pubsub_numsub(keys.DUE)[0][1] == 2, "both listen")
    listeners[0].stop()
    private_redis.kill()
    listeners[1].stop()
    assert not [thread for thread in threading.enumerate() if thread.name == "listener"]
