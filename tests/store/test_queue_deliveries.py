"""The word that deliveries are due, on its way to the webhooks worker."""

import pytest
from rq import Queue

from idlegrid_server.queue.jobs import JOB_SECONDS, WEBHOOKS
from idlegrid_server.queue.redis_queue import RedisQueue

pytestmark = pytest.mark.redis


def test_however_often_it_is_said_one_word_waits_and_none_is_kept_for_long(redis_server) -> None:
    queue = RedisQueue(redis_server.url)
    with redis_server.client as client:
        for _ in range(3):
            queue.schedule_delivery()
        waiting = Queue(WEBHOOKS, connection=client)
        assert waiting.count == 1
        assert 0 < client.ttl(f"rq:job:{waiting.job_ids[0]}") <= JOB_SECONDS
        client.delete(waiting.key)  # a worker took it, and died
        queue.schedule_delivery()
        assert waiting.count == 1
    queue.close()
