"""The waker and the workers as real processes."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from rq.worker import Worker

from idlegrid_server.queue.redis_queue import RedisQueue

pytestmark = pytest.mark.redis

WAKER = ("idlegrid_server.queue.waker",)
CONTROL = ("idlegrid_server.queue.workers", "control")
WEBHOOKS = ("idlegrid_server.queue.workers", "webhooks")


@contextmanager
def running(url: str, *module: str) -> Iterator[subprocess.Popen[bytes]]:
    """A process of ours, which must end cleanly when asked to."""
    environment = {**os.environ, "IDLEGRID_REDIS_URL": url}
    process = subprocess.Popen([sys.executable, "-m", *module], env=environment, start_new_session=True)
    try:
        yield process
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=20) == 0
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def test_a_beat_goes_through_the_waker_and_the_control_worker(private_redis, eventually) -> None:
    queue = RedisQueue(private_redis.url)
    assert queue.beat_age() is None
    with running(private_redis.url, *WAKER), running(private_redis.url, *CONTROL):
        queue.schedule_beat()
        queue.schedule_beat()
        eventually(lambda: queue.beat_age() is not None, "the beat arrives")
        with private_redis.client as client:
            eventually(lambda: client.keys("rq:job:*") == [], "nothing of the beat is kept")
    queue.close()


def test_waker_and_worker_outlive_a_redis_that_is_away_at_first_and_dies_later(private_redis, eventually) -> None:
    private_redis.kill()
    queue = RedisQueue(private_redis.url)

    def arrives() -> bool:
        with private_redis.client as client:
            client.flushall()
        queue.schedule_beat()
        eventually(lambda: queue.beat_age() is not None, "the beat arrives", 60)
        return True

    with running(private_redis.url, *WAKER), running(private_redis.url, *CONTROL):
        private_redis.start()
        assert arrives()
        private_redis.kill()
        private_redis.start()
        assert arrives()
    queue.close()


def test_the_workers_are_to_be_seen_and_work_on_while_leases_are_suspended(private_redis, eventually) -> None:
    queue = RedisQueue(private_redis.url)
    with private_redis.client as client, running(private_redis.url, *WEBHOOKS), running(private_redis.url, *CONTROL):
        eventually(lambda: Worker.count(connection=client) == 2, "both workers are registered")
        assert {name.split("-")[0] for w in Worker.all(connection=client) for name in [w.name]} == {
            "control",
            "webhooks",
        }
        client.set("rq:suspended", 1)
        with running(private_redis.url, *WAKER):
            queue.schedule_beat()
            eventually(lambda: queue.beat_age() is not None, "the beat arrives")
    queue.close()


def test_a_process_that_is_not_told_where_redis_is_says_so() -> None:
    environment = {name: value for name, value in os.environ.items() if name != "IDLEGRID_REDIS_URL"}
    ended = subprocess.run([sys.executable, "-m", *WAKER], env=environment, capture_output=True, text=True, timeout=60)
    assert ended.returncode == 1
    assert "IDLEGRID_REDIS_URL is not set" in ended.stderr
