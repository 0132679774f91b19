"""What the queue promises, on a real Redis and in memory."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from idlegrid_server.core.matching import Offer, score
from idlegrid_server.core.model import Priority
from idlegrid_server.core.ports import Queue, QueueDepth
from idlegrid_server.core.queue_ops import Drop, Ended, NodeSeen, Push, QueueOp, Remove, Started
from idlegrid_server.queue.memory import MemoryQueue
from idlegrid_server.queue.redis_queue import RedisQueue

from .stages import LARGE, PLAIN, SMALL, Stage, offer, popped, push, queue_of


def test_the_oldest_run_comes_first_whatever_its_class(queue: Queue) -> None:
    queue.apply(push("b", "d", queue=SMALL, at=2) + push("a", queue=LARGE, at=1) + push("c", queue=PLAIN, at=2.5))
    assert popped(queue) == ["a", "b", "c", "d"]


def test_a_level_of_priority_is_worth_an_hour(queue: Queue) -> None:
    high, normal = queue_of(Priority.HIGH), queue_of(Priority.NORMAL)
    queue.apply([Push("urgent", high, score(10_000, Priority.HIGH))])
    queue.apply([Push("waited 59 min", normal, score(10_000 - 59 * 60, Priority.NORMAL))])
    queue.apply([Push("waited 61 min", queue_of(cpu=2), score(10_000 - 61 * 60, Priority.NORMAL))])
    assert popped(queue) == ["waited 61 min", "urgent", "waited 59 min"]


def test_a_node_gets_no_more_than_its_slots(queue: Queue) -> None:
    queue.apply(push("a", "b", "c"))
    assert popped(queue, offer(slots=2)) == ["a", "b"]
    assert popped(queue, offer(slots=0)) == []
    assert popped(queue) == ["c"]


def test_slots_cores_and_memory_are_respected_together(queue: Queue) -> None:
    queue.apply(push("large1", "large2", queue=LARGE, at=1) + push("small1", "small2", "small3", queue=SMALL, at=5))
    assert popped(queue, offer(cpu=3, memory_mb=5000)) == ["large1", "small1", "small2"]
    assert popped(queue, offer(cpu=8, memory_mb=4200)) == ["large2"]
    assert popped(queue, offer(cpu=8, memory_mb=127)) == []
    assert popped(queue) == ["small3"]


@pytest.mark.parametrize(
    ("need", "able"),
    [
        ({"requires": ("gpu", "lab")}, {"labels": ("gpu", "lab", "other")}),
        ({"task_type": "shell"}, {"types": ("shell",)}),
        ({"min_sandbox": 4}, {"sandbox": 4}),
    ],
)
def test_a_run_goes_only_to_a_node_that_has_what_it_asks_for(
    queue: Queue, need: dict[str, object], able: dict[str, object]
) -> None:
    queue.apply(push("picky", queue=queue_of(**need)))
    assert popped(queue, offer()) == []
    assert popped(queue, offer(**able)) == ["picky"]  # type: ignore[arg-type]


def test_an_offer_may_name_the_only_queues_it_takes_from(queue: Queue) -> None:
    queue.apply(push("a", queue=SMALL) + push("b"))
    assert popped(queue, offer(only=frozenset({PLAIN}))) == ["b"]


def test_several_offers_are_served_at_once_and_never_the_same_run(queue: Queue) -> None:
    queue.apply(push("a", "b", "c") + push("g", queue=queue_of(requires=("gpu",)), at=1))
    answers = queue.pop([offer(slots=1), offer(slots=0), offer(slots=2, labels=("gpu",)), offer()])
    assert answers == [["a"], [], ["g", "b"], ["c"]]


def test_what_is_pushed_to_the_front_is_popped_first(queue: Queue) -> None:
    queue.apply(push("a", "b", at=100))
    queue.apply([Push("back again", PLAIN, 50.0, front=True)])
    queue.apply(push("other", queue=SMALL, at=60))
    assert popped(queue) == ["back again", "other", "a", "b"]


def test_a_run_pushed_twice_is_popped_once(queue: Queue) -> None:
    queue.apply(push("a", "b") + push("a"))
    queue.apply(push("b"))
    assert popped(queue) == ["a", "b"]


def test_a_run_that_goes_back_is_popped_again(queue: Queue) -> None:
    queue.apply(push("a", "b"))
    assert popped(queue, offer(slots=1)) == ["a"]
    queue.apply([Started("a", PLAIN, "n1")])
    queue.apply([Ended("a", PLAIN, "n1", None), Push("a", PLAIN, 1000.0, front=True)])
    assert queue.depths() == [QueueDepth(PLAIN, 2, 0)]
    assert popped(queue) == ["a", "b"]


def test_a_removed_run_is_popped_by_nobody_and_its_queue_may_be_empty_then(queue: Queue) -> None:
    queue.apply(push("a", "b"))
    queue.apply([Remove("a", PLAIN)])
    assert popped(queue) == ["b"]
    queue.apply([*push("c"), Remove("c", PLAIN), Remove("never there", PLAIN)])
    assert popped(queue) == []
    assert queue.depths() == [QueueDepth(PLAIN, 0, 0)]


def test_the_front_of_a_queue_is_what_is_popped_next(queue: Queue) -> None:
    queue.apply(push("a", "b") + push("s", queue=SMALL, at=5000))
    assert queue.heads([PLAIN, SMALL, "low/python/1c/512M/s3"]) == {PLAIN: "a", SMALL: "s"}
    popped(queue, offer(slots=1))
    assert queue.heads([PLAIN]) == {PLAIN: "b"}
    assert queue.heads([]) == {}


def test_depths_count_what_waits_and_what_is_on_nodes(queue: Queue) -> None:
    queue.apply(push("a", "b", "c") + push("s", queue=SMALL, at=5000))
    for uuid in popped(queue, offer(slots=2)):
        queue.apply([Started(uuid, PLAIN, "n1")])
    assert queue.depths() == [QueueDepth(SMALL, 1, 0), QueueDepth(PLAIN, 1, 2)]
    queue.apply([Ended("a", PLAIN, "n1", True)])
    assert queue.depths() == [QueueDepth(SMALL, 1, 0), QueueDepth(PLAIN, 1, 1)]


def test_a_popped_run_is_stuck_after_two_looks_ten_seconds_apart(stage: Stage) -> None:
    queue = stage.queue
    queue.apply(push("orphan", "leased", "dropped"))
    popped(queue)
    assert queue.stuck() == []
    stage.clock.advance(9)
    assert queue.stuck() == []
    queue.apply([Started("leased", PLAIN, "n1"), Drop("dropped")])
    stage.clock.advance(1)
    assert queue.stuck() == ["orphan"]
    queue.apply([Push("orphan", PLAIN, 1.0, front=True)])
    assert queue.stuck() == []
    assert popped(queue) == ["orphan"]
    assert queue.stuck() == []


def test_dropping_what_is_not_set_aside_changes_nothing(queue: Queue) -> None:
    queue.apply(push("waits"))
    queue.apply([Drop("waits"), Drop("never there")])
    assert popped(queue) == ["waits"]


def test_a_run_whose_start_was_never_told_still_ends(queue: Queue) -> None:
    queue.apply(push("a"))
    popped(queue)
    queue.apply([Ended("a", PLAIN, "n1", True)])
    assert queue.depths() == [QueueDepth(PLAIN, 0, 0)]
    queue.apply(push("a"))
    assert popped(queue) == ["a"]


def test_a_start_takes_the_run_out_of_its_queue(queue: Queue) -> None:
    queue.apply(push("a", "b"))
    queue.apply([Started("a", PLAIN, "n1")])
    assert popped(queue) == ["b"]
    assert queue.depths() == [QueueDepth(PLAIN, 0, 1)]


def test_identity_is_stable_once_marked_and_new_until_then(stage: Stage) -> None:
    queue = stage.queue
    assert queue.identity() != queue.identity()
    queue.mark()
    known = queue.identity()
    assert queue.identity() == known
    queue.mark()
    assert queue.identity() == known, "another coordinator's mark is no loss"


def test_a_wipe_changes_the_identity(stage: Stage) -> None:
    stage.queue.mark()
    known = stage.queue.identity()
    stage.wipe()
    assert stage.queue.identity() != known


def test_forgetting_drops_every_queue_and_the_mark(queue: Queue) -> None:
    queue.mark()
    known = queue.identity()
    queue.apply(push("a", "b", "c") + push("s", queue=SMALL))
    queue.apply([Started(uuid, PLAIN, "n1") for uuid in popped(queue, offer(slots=1))])
    popped(queue, offer(slots=1))
    queue.forget()
    assert queue.identity() != known
    assert [d for d in queue.depths() if d.pending or d.executing] == []
    assert popped(queue) == []
    queue.apply(push("b", "a"))
    assert popped(queue) == ["b", "a"]


def test_a_suspended_queue_pops_nothing_and_resumes(stage: Stage) -> None:
    queue = stage.queue
    queue.apply(push("a"))
    stage.suspend(True)
    assert queue.suspended()
    assert popped(queue) == []
    stage.suspend(False)
    assert not queue.suspended()
    assert popped(queue) == ["a"]


def test_an_answer_takes_some_time(queue: Queue) -> None:
    assert queue.ping() >= 0


def test_nothing_to_do_is_no_error(queue: Queue) -> None:
    queue.apply([])
    assert queue.pop([]) == []
    assert queue.depths() == []


def test_a_thousand_runs_go_through_in_one_call(queue: Queue) -> None:
    names = [f"run{i}" for i in range(3_000)]
    queue.apply(push(*names))
    got = popped(queue, offer(slots=10, cpu=16), offer(slots=10, cpu=16))
    assert got == names[:20]
    queue.apply([Remove(name, PLAIN) for name in names])
    assert popped(queue) == []


_RUNS = st.sampled_from(["a", "b", "c", "d"])
_HOME = {"a": PLAIN, "b": PLAIN, "c": SMALL, "d": LARGE}
_SCORES = {"a": 4.0, "b": 2.0, "c": 3.0, "d": 1.0}
_OPS = st.one_of(
    st.builds(lambda r, front: Push(r, _HOME[r], _SCORES[r], front), _RUNS, st.booleans()),
    st.builds(lambda r: Remove(r, _HOME[r]), _RUNS),
    st.builds(Drop, _RUNS),
    st.builds(lambda r: Started(r, _HOME[r], "n1"), _RUNS),
    st.builds(lambda r, s: Ended(r, _HOME[r], "n1", s), _RUNS, st.sampled_from([True, False, None])),
)
_MOVES = st.lists(st.one_of(st.lists(_OPS, max_size=5), st.builds(offer, st.integers(1, 3), st.integers(1, 3))))


@pytest.mark.redis
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(moves=_MOVES)
def test_redis_and_memory_agree_on_whatever_happens(redis_server: object, moves: list[list[QueueOp] | Offer]) -> None:
    memory, real = MemoryQueue(), RedisQueue(redis_server.url)  # type: ignore[attr-defined]
    with redis_server.client as client:  # type: ignore[attr-defined]
        client.flushall()
    real.apply([NodeSeen("n1", "h", "10.0.0.1", 1, "1.0", "3.11", "idle")])
    for move in moves:
        if isinstance(move, Offer):
            assert real.pop([move]) == memory.pop([move])
        else:
            real.apply(move)
            memory.apply(move)
        assert [d for d in real.depths() if d.pending or d.executing] == [
            d for d in memory.depths() if d.pending or d.executing
        ]
    real.stuck(), memory.stuck()
    real.close()
