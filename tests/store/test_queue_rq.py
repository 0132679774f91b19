"""RQ's own tools, run as the operator runs them, show and steer the grid."""

import re
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest
from rq import Queue as RqQueue
from rq.job import Job
from rq.registry import FailedJobRegistry, StartedJobRegistry, clean_registries
from rq.serializers import JSONSerializer
from rq.worker import Worker

from idlegrid_server.core.matching import Capability, Offer, requirement_class
from idlegrid_server.core.model import Need, Priority
from idlegrid_server.core.queue_ops import Ended, NodeGone, NodeSeen, Push, Started
from idlegrid_server.queue.redis_queue import RedisQueue

pytestmark = pytest.mark.redis

PLAIN = requirement_class(Need(), Priority.NORMAL).queue
ABLE = Capability(frozenset({"python"}), frozenset(), 16, 65536, 3)


@pytest.fixture
def queue(redis_server) -> Iterator[RedisQueue]:
    queue = RedisQueue(redis_server.url)
    yield queue
    queue.close()


def rq(redis_server, *arguments: str) -> str:
    command = [sys.executable, "-m", "rq.cli", *arguments, "--url", redis_server.url]
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=60).stdout


def node(name: str, state: str = "idle") -> NodeSeen:
    return NodeSeen(name, f"{name}.lab", "10.0.0.7", 4242, "1.0.0", "3.11.2", state)


def take(queue: RedisQueue, slots: int) -> list[str]:
    return queue.pop([Offer("n1", ABLE, slots, 16, 65536)])[0]


def test_rq_info_lists_queues_with_true_counts_and_nodes_with_theirs(queue: RedisQueue, redis_server) -> None:
    queue.apply([node("n1", "busy"), node("n2"), node("n3"), NodeGone("n3")])
    queue.apply([Push(f"run{i}", PLAIN, float(i)) for i in range(6)])
    queue.apply([Started(uuid, PLAIN, "n1") for uuid in take(queue, 4)])
    queue.apply([Ended("run0", PLAIN, "n1", True), Ended("run1", PLAIN, "n1", False), Ended("run2", PLAIN, "n1", None)])
    shown = rq(redis_server, "info", "--raw", "--serializer", "json")
    assert f"queue {PLAIN} 2, 1 executing, 0 finished, 0 failed" in shown
    assert "worker n1 (n1.lab 10.0.0.7 4242) busy grid. jobs: 1 finished, 1 failed" in shown
    assert "worker n2 (n2.lab 10.0.0.7 4242) idle grid. jobs: 0 finished, 0 failed" in shown
    assert "n3" not in shown


def test_counting_for_a_node_that_is_gone_leaves_nothing_behind(queue: RedisQueue, redis_server) -> None:
    queue.apply([Push("a", PLAIN, 1.0), node("n1")])
    queue.apply([Started(uuid, PLAIN, "n1") for uuid in take(queue, 1)])
    queue.apply([NodeGone("n1"), Ended("a", PLAIN, "n1", True)])
    with redis_server.client as client:
        assert sorted(client.keys()) == [b"rq:queues"]


def test_rq_suspend_stops_leases_and_rq_resume_starts_them(queue: RedisQueue, redis_server) -> None:
    queue.apply([Push("a", PLAIN, 1.0)])
    rq(redis_server, "suspend")
    assert queue.suspended()
    assert take(queue, 1) == []
    rq(redis_server, "resume")
    assert take(queue, 1) == ["a"]


def test_a_queued_run_is_a_genuine_rq_job_in_json(queue: RedisQueue, redis_server) -> None:
    queue.apply([Push("a", PLAIN, 1.0)])
    with redis_server.client as client:
        job = Job.fetch("a", connection=client, serializer=JSONSerializer)
        assert (job.func_name, job.args, job.kwargs, job.origin) == ("idlegrid.run", [], {}, PLAIN)
        assert job.get_status().value == "queued"
        assert RqQueue(PLAIN, connection=client, serializer=JSONSerializer).job_ids == ["a"]
        take(queue, 1)
        queue.apply([Started("a", PLAIN, "n1")])
        job.refresh()
        assert (job.get_status().value, job.worker_name) == ("started", "n1")


def test_the_cleaning_of_rq_does_not_disturb_what_runs(queue: RedisQueue, redis_server) -> None:
    queue.apply([Push(f"run{i}", PLAIN, float(i)) for i in range(3)])
    queue.apply([Started(uuid, PLAIN, "n1") for uuid in take(queue, 2)])
    with redis_server.client as client:
        rq_queue = RqQueue(PLAIN, connection=client, serializer=JSONSerializer)
        clean_registries(rq_queue)
        year = time.time() + 365 * 86_400
        started = StartedJobRegistry(PLAIN, connection=client, serializer=JSONSerializer)
        started.cleanup(timestamp=year)
        assert sorted(started.get_job_ids()) == ["run0", "run1"]
        assert FailedJobRegistry(PLAIN, connection=client, serializer=JSONSerializer).count == 0
        assert rq_queue.job_ids == ["run2"]


def test_a_node_keeps_its_birth_and_its_counts_from_heartbeat_to_heartbeat(queue: RedisQueue, redis_server) -> None:
    queue.apply([node("n1"), Push("a", PLAIN, 1.0)])
    take(queue, 1)
    queue.apply([Started("a", PLAIN, "n1"), Ended("a", PLAIN, "n1", True)])
    with redis_server.client as client:
        born = client.hget("rq:worker:n1", "birth")
        queue.apply([node("n1", "suspended")])
        (worker,) = Worker.all(connection=client)
        assert (worker.name, worker.get_state(), worker.successful_job_count) == ("n1", "suspended", 1)
        assert client.hget("rq:worker:n1", "birth") == born
        assert 0 < client.ttl("rq:worker:n1") <= 90


def test_forgetting_leaves_what_is_not_ours(queue: RedisQueue, redis_server) -> None:
    with redis_server.client as client:
        other = RqQueue("webhooks", connection=client, serializer=JSONSerializer)
        kept = other.enqueue("some.function")
        client.set("somebody:else", 1)
        queue.apply([Push("a", PLAIN, 1.0), node("n1")])
        queue.forget()
        assert other.job_ids == [kept.id]
        assert Job.exists(kept.id, connection=client)
        assert not Job.exists("a", connection=client)
        assert client.get("somebody:else") == b"1"
        assert Worker.count(connection=client) == 1


def test_rq_info_works_with_a_thousand_nodes_and_two_hundred_queues(
    queue: RedisQueue, redis_server, record_property
) -> None:
    names = [requirement_class(Need(requires=(f"l{i}",)), Priority.NORMAL).queue for i in range(200)]
    queue.apply([node(f"n{i}") for i in range(1_000)])
    queue.apply([Push(f"{name}-{i}", name, float(i)) for name in names for i in range(5)])
    began = time.perf_counter()
    shown = rq(redis_server, "info", "--serializer", "json")
    record_property("rq_info_seconds", round(time.perf_counter() - began, 2))
    assert "1000 workers, 201 queues" in shown
    assert len(re.findall(r" 5, 0 executing", shown)) == 200
