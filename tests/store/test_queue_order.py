"""Who comes first among runs of one class: the oldest, whoever used least, or the shortest. On Redis and in memory."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from idlegrid_server.core.limits import MAX_TIMEOUT, MOST_LENGTH_PENALTY
from idlegrid_server.core.matching import QueueOrder, biases, lane_of, requirement_class, score, submitter_lane
from idlegrid_server.core.model import Need, Priority, Submission
from idlegrid_server.core.ports import Queue
from idlegrid_server.core.queue_ops import Ended, Push, QueueOp, Started
from idlegrid_server.queue.memory import MemoryQueue
from idlegrid_server.queue.redis_queue import RedisQueue

from .stages import PLAIN, SMALL, Stage, offer, popped, push

ANN, BOB = (requirement_class(Need(), Priority.NORMAL, submitter_lane(name)).queue for name in ("ann", "bob"))
ANN_SMALL = requirement_class(Need(cpu=0.5, memory_mb=128), Priority.NORMAL, submitter_lane("ann")).queue


def one(queue: Queue) -> str:
    return popped(queue, offer(slots=1))[0]


def long(uuid: str, seconds: float, at: float) -> Push:
    wish = Submission(code="", expected_seconds=seconds)
    queue = requirement_class(Need(), Priority.NORMAL, lane_of(QueueOrder.SHORTEST, wish)).queue
    return Push(uuid, queue, score(at, Priority.NORMAL, queue))


def test_without_usage_the_oldest_comes_first_whoever_submitted_it(queue: Queue) -> None:
    queue.apply(push("a1", "a2", queue=ANN, at=10) + push("b1", queue=BOB, at=10.5))
    assert popped(queue) == ["a1", "b1", "a2"]


def test_whoever_used_more_is_served_as_if_that_much_later(queue: Queue) -> None:
    queue.favour(biases({"ann": 100.0}))
    queue.apply(push("a", queue=ANN, at=0) + push("b in time", queue=BOB, at=99))
    assert popped(queue) == ["b in time", "a"]
    queue.apply(push("a", queue=ANN, at=0) + push("b too late", queue=BOB, at=101))
    assert popped(queue) == ["a", "b too late"]


def test_usage_that_comes_while_runs_wait_changes_their_order(queue: Queue) -> None:
    queue.apply(push("a1", "a2", queue=ANN, at=0) + push("a3", queue=ANN_SMALL, at=2) + push("b", queue=BOB, at=50))
    assert one(queue) == "a1"
    queue.favour(biases({"ann": 100.0}))
    assert one(queue) == "b"
    queue.apply(push("b2", queue=BOB, at=60))
    queue.favour(biases({"bob": 100.0}))
    assert popped(queue) == ["a2", "a3", "b2"]


def test_two_who_submitted_at_once_take_turns_as_their_runs_use_time(queue: Queue) -> None:
    queue.apply([op for i in range(4) for op in push(f"a{i}", queue=ANN, at=i)])
    queue.apply([op for i in range(4) for op in push(f"b{i}", queue=BOB, at=10 + i)])
    used, served = {"ann": 0.0, "bob": 0.0}, []
    for _ in range(8):
        served.append(one(queue))
        used["ann" if served[-1].startswith("a") else "bob"] += 60.0
        queue.favour(biases(used))
    assert [uuid[0] for uuid in served] == ["a", "b"] * 4


def test_a_burst_does_not_hold_up_who_comes_later_and_used_nothing(queue: Queue) -> None:
    queue.favour(biases({"ann": 3_600.0}))
    queue.apply(push(*(f"a{i}" for i in range(200)), queue=ANN, at=0))
    assert one(queue) == "a0"
    queue.apply(push("b", queue=BOB, at=1_800))
    assert one(queue) == "b"
    assert one(queue) == "a1"


def test_nobody_starves_however_many_newcomers_there_are(queue: Queue) -> None:
    queue.favour(biases({"ann": 3_600.0}))
    queue.apply(push("patient", queue=ANN, at=0))
    for minute in range(60):
        queue.apply(push(f"b{minute}", queue=BOB, at=60 * minute))
        assert one(queue) == f"b{minute}"
    queue.apply(push("one too many", queue=BOB, at=3_601))
    assert one(queue) == "patient"


def test_a_level_of_priority_counts_beside_usage(queue: Queue) -> None:
    urgent = requirement_class(Need(), Priority.HIGH, submitter_lane("ann")).queue
    queue.favour(biases({"ann": 3_000.0}))
    queue.apply([Push("a", urgent, score(0, Priority.HIGH)), Push("b", BOB, score(0, Priority.NORMAL))])
    assert popped(queue) == ["a", "b"]


def test_biases_that_are_not_named_any_more_are_gone(queue: Queue) -> None:
    queue.apply(push("a", queue=ANN, at=0) + push("b", queue=BOB, at=1))
    queue.favour(biases({"ann": 100.0}))
    queue.favour({})
    assert popped(queue) == ["a", "b"]


def test_runs_made_in_another_order_are_served_among_the_rest(queue: Queue) -> None:
    queue.favour(biases({"ann": 5.0}))
    queue.apply(push("old", queue=PLAIN, at=2) + push("a", queue=ANN, at=0) + push("short", queue=SMALL, at=3))
    assert popped(queue) == ["old", "short", "a"]


def test_a_node_that_takes_one_class_only_takes_it_in_every_lane(queue: Queue) -> None:
    queue.apply(push("a", queue=ANN, at=0) + push("b", queue=BOB, at=1) + push("small", queue=ANN_SMALL, at=0))
    assert popped(queue, offer(only=frozenset({PLAIN}))) == ["a", "b"]


def test_biases_survive_neither_a_wipe_nor_a_rebuild(stage: Stage) -> None:
    for lose in (stage.wipe, stage.queue.forget):
        stage.queue.favour(biases({"ann": 100.0}))
        lose()
        stage.queue.apply(push("a", queue=ANN, at=0) + push("b", queue=BOB, at=1))
        assert popped(stage.queue) == ["a", "b"]
        lose()


def test_the_shortest_comes_first_among_those_of_one_age(queue: Queue) -> None:
    queue.apply([long("hour", 3_600, at=0), long("second", 1, at=2), long("minute", 60, at=1)])
    assert popped(queue) == ["second", "minute", "hour"]


def test_a_minute_longer_is_worth_ten_minutes_of_waiting(queue: Queue) -> None:
    queue.apply([long("long", 64, at=0), long("short, in time", 1, at=620), long("short, too late", 1, at=640)])
    assert popped(queue) == ["short, in time", "long", "short, too late"]


def test_even_the_longest_run_is_served_a_day_later(queue: Queue) -> None:
    queue.apply([long("longest", MAX_TIMEOUT, at=0), long("shortest", 0.1, at=MOST_LENGTH_PENALTY)])
    assert popped(queue) == ["longest", "shortest"]


@pytest.mark.redis
def test_the_order_fifo_asks_redis_for_no_bias(redis_server) -> None:
    queue = RedisQueue(redis_server.url)
    calls = commands_of_a_life(queue, redis_server, PLAIN), commands_of_a_life(queue, redis_server, ANN)
    queue.close()
    assert calls[1] == calls[0] + 3, "a submitter's lane costs one look each time its queue is ranked"


def commands_of_a_life(queue: RedisQueue, server, name: str) -> int:
    """How many HGETs it takes to push, lease and end three runs."""

    def life() -> None:
        queue.apply(push("x", "y", "z", queue=name))
        for uuid in popped(queue, offer(slots=2)) + popped(queue):
            queue.apply([Started(uuid, name, "n1"), Ended(uuid, name, "n1", True)])

    life()
    with server.client as client:
        client.config_resetstat()
        life()
        return int(client.info("commandstats")["cmdstat_hget"]["calls"])


_MOVES = st.one_of(
    st.builds(
        lambda i, lane, at: Push(f"r{i}", (ANN, BOB, PLAIN)[lane], float(at)),
        *(st.integers(0, 9), st.integers(0, 2), st.integers(0, 9)),
    ),
    st.dictionaries(st.sampled_from(["ann", "bob"]), st.integers(0, 9).map(float)),
    st.integers(1, 3),
)


@pytest.mark.redis
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(moves=st.lists(_MOVES, max_size=20))
def test_redis_and_memory_agree_on_the_order_under_any_biases(
    redis_server, moves: list[QueueOp | dict[str, float] | int]
) -> None:
    memory, real = MemoryQueue(), RedisQueue(redis_server.url)
    with redis_server.client as client:
        client.flushall()
    home: dict[str, str] = {}
    for move in moves:
        for queue in (memory, real):
            if isinstance(move, Push):
                queue.apply([Push(move.run_uuid, home.setdefault(move.run_uuid, move.queue), move.score)])
            elif isinstance(move, dict):
                queue.favour(biases(move))
        if isinstance(move, int):
            assert real.pop([offer(slots=move)]) == memory.pop([offer(slots=move)])
    assert real.pop([offer(slots=10)]) == memory.pop([offer(slots=10)])
    real.close()
