"""Requirement classes, and which node can serve which."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from idlegrid_server.core.coordinator import LEGACY_QUEUES
from idlegrid_server.core.limits import (
    AGEING_SECONDS,
    MAX_CPU,
    MAX_MEMORY_MB,
    MAX_TIMEOUT,
    MOST_LENGTH_PENALTY,
)
from idlegrid_server.core.matching import (
    Capability,
    QueueOrder,
    biases,
    can_serve,
    capability,
    fits,
    lane_of,
    least,
    parse_queue,
    requirement_class,
    sandbox_level,
    score,
    submitter_lane,
    without_lane,
)
from idlegrid_server.core.model import Need, Node, NodeState, Priority, Sandbox, Submission

from ...parts import offer

LABELS = st.lists(st.from_regex(r"[A-Za-z0-9_.-]{1,20}", fullmatch=True), max_size=4).map(tuple)
NEEDS = st.builds(
    Need,
    task_type=st.from_regex(r"[a-z][a-z0-9_.-]{0,10}", fullmatch=True),
    cpu=st.floats(0.001, MAX_CPU),
    memory_mb=st.integers(1, MAX_MEMORY_MB),
    requires=LABELS,
    min_sandbox=st.none() | st.integers(1, 4),
)
LANES = st.sampled_from(["", "1s", "512s", "u0123456789"])
PLAIN = requirement_class(Need(), Priority.NORMAL).queue


def able(cpu: float = 4.0, memory_mb: int = 4096, **words: object) -> Capability:
    known: dict[str, object] = {"task_types": frozenset({"python"}), "labels": frozenset(), "sandbox": 3, **words}
    return Capability(cpu=cpu, memory_mb=memory_mb, **known)


def node(name: str = "n1", **words: object) -> Node:
    known: dict[str, object] = {"state": NodeState.IDLE, "sandbox": Sandbox(level=3), "cpu_cores": 4.0, **words}
    return Node(id=name, registered_at=0, last_seen=0, **{"memory_mb": 4096, **known})


def queue(**need: object) -> str:
    return requirement_class(Need(**need), Priority.NORMAL).queue


@given(need=NEEDS, priority=st.sampled_from(Priority), lane=LANES)
def test_a_queues_name_says_the_whole_class(need, priority, lane):
    wanted = requirement_class(need, priority, lane)
    assert parse_queue(wanted.queue) == wanted
    assert without_lane(wanted.queue) == requirement_class(need, priority).queue


@given(submitter=st.text(), seconds=st.floats(0, MAX_TIMEOUT), order=st.sampled_from(QueueOrder))
def test_the_lane_of_any_run_is_read_back_from_its_queues_name(submitter, seconds, order):
    lane = lane_of(order, Submission(code="", submitter=submitter, expected_seconds=seconds))
    wanted = requirement_class(Need(), Priority.NORMAL, lane)
    assert parse_queue(wanted.queue) == wanted
    assert score(0, 0, wanted.queue) >= score(0, 0)


def test_in_the_order_fifo_a_class_has_one_lane():
    wish = Submission(code="", submitter="ann", expected_seconds=7)
    assert lane_of(QueueOrder.FIFO, wish) == ""
    assert requirement_class(Need(), Priority.NORMAL, "").queue == PLAIN


def test_in_the_order_fair_each_submitter_has_a_lane_and_usage_is_told_by_lane():
    ann, bob = (lane_of(QueueOrder.FAIR, Submission(code="", submitter=name)) for name in ("ann", "bob"))
    assert ann != bob
    assert biases({"ann": 5.0, "bob": 0.5}) == {ann: 5.0, bob: 0.5}
    assert score(7, 0, f"{PLAIN}/@{ann}") == 7


@pytest.mark.parametrize(
    ("expected", "timeout", "lane"),
    [(0.0, 300, "1s"), (1, 300, "1s"), (1.01, 300, "2s"), (64, 300, "64s"), (65, 9, "128s"), (None, 300, "512s")],
)
def test_in_the_order_shortest_lanes_are_powers_of_two_of_the_expected_seconds(expected, timeout, lane):
    wish = Submission(code="", expected_seconds=expected, timeout=timeout)
    assert lane_of(QueueOrder.SHORTEST, wish) == lane


def test_a_second_longer_counts_as_ten_seconds_later_and_a_day_at_most():
    assert score(0, 0, f"{PLAIN}/@64s") == 640
    assert score(0, 0, f"{PLAIN}/@1048576s") == MOST_LENGTH_PENALTY


@pytest.mark.parametrize("lane", ["64s", submitter_lane("ann")])
def test_an_offer_for_some_queues_only_takes_them_in_every_lane(lane):
    only = frozenset({PLAIN})
    assert fits(offer(only=only), f"{PLAIN}/@{lane}")
    assert not fits(offer(only=only), requirement_class(Need(cpu=2), Priority.NORMAL, lane).queue)


@given(need=NEEDS)
def test_a_class_asks_for_at_least_what_its_runs_need(need):
    wanted = requirement_class(need, Priority.NORMAL)
    assert need.cpu <= wanted.cpu < need.cpu + 0.5
    assert need.memory_mb <= wanted.memory_mb < 2 * need.memory_mb
    assert wanted.memory_mb.bit_count() == 1


@pytest.mark.parametrize(
    ("need", "name"),
    [
        (Need(), "normal/python/1c/512M/s3"),
        (Need(cpu=0.1, memory_mb=1), "normal/python/0.5c/1M/s3"),
        (Need(cpu=1.01, memory_mb=513), "normal/python/1.5c/1024M/s3"),
        (Need(min_sandbox=3), "normal/python/1c/512M/s3-stated"),
        (Need(requires=("lab", "gpu", "lab"), min_sandbox=2), "normal/python/1c/512M/s2-stated/gpu+lab"),
    ],
)
def test_a_class_is_readable(need, name):
    assert requirement_class(need, Priority.NORMAL).queue == name


def test_a_level_that_was_stated_is_a_class_of_its_own():
    assert len({PLAIN, *(queue(min_sandbox=level) for level in range(1, 5))}) == 5
    assert LEGACY_QUEUES.isdisjoint(queue(min_sandbox=level) for level in range(1, 5))


def test_a_level_that_was_not_stated_is_three():
    assert sandbox_level(Need()) == 3
    assert sandbox_level(Need(min_sandbox=1)) == 1


def test_labels_in_another_order_are_the_same_class():
    assert queue(requires=("a", "b")) == queue(requires=("b", "a"))


@pytest.mark.parametrize("name", ["default", "", "high/python", "urgent/python/1c/512M/s3", "low/python/xc/1M/s3"])
def test_a_queue_of_another_make_is_refused(name):
    with pytest.raises((ValueError, KeyError)):
        parse_queue(name)


@pytest.mark.parametrize(
    ("capability_", "wanted", "serves"),
    [
        (able(), PLAIN, True),
        (able(cpu=1.0, memory_mb=512), PLAIN, True),
        (able(cpu=0.9), PLAIN, False),
        (able(memory_mb=511), PLAIN, False),
        (able(sandbox=2), PLAIN, False),
        (able(sandbox=2), queue(min_sandbox=2), True),
        (able(), queue(min_sandbox=3), True),
        (able(), queue(min_sandbox=4), False),
        (able(task_types=frozenset({"shell"})), PLAIN, False),
        (able(), queue(requires=("gpu",)), False),
        (able(labels=frozenset({"gpu", "lab"})), queue(requires=("gpu",)), True),
    ],
)
def test_a_node_serves_a_queue_when_it_meets_every_need(capability_, wanted, serves):
    assert can_serve(capability_, wanted) is serves


def test_a_run_fits_when_the_room_that_is_left_suffices():
    assert fits(offer(cpu=1.0, memory_mb=512), PLAIN)
    assert not fits(offer(cpu=0.5), PLAIN)
    assert not fits(offer(memory_mb=256), PLAIN)


def test_an_offer_may_name_the_only_queues_it_takes():
    assert fits(offer(only=frozenset({PLAIN})), PLAIN)
    assert not fits(offer(only=frozenset({PLAIN})), queue(cpu=0.5))


def test_an_hours_wait_is_worth_one_level_of_priority():
    assert score(AGEING_SECONDS, Priority.HIGH) == score(0, Priority.NORMAL)
    assert score(0, Priority.LOW) > score(0, Priority.CRITICAL)


@given(need=NEEDS, lane=LANES)
def test_the_least_that_a_queue_asks_for_serves_it_and_nothing_less_does(need, lane):
    wanted = requirement_class(need, Priority.NORMAL, lane)
    floor = least(wanted.queue)
    assert can_serve(floor, wanted.queue)
    assert not can_serve(replace(floor, cpu=floor.cpu - 0.5), wanted.queue)
    assert not can_serve(replace(floor, sandbox=floor.sandbox - 1), wanted.queue)


def test_a_nodes_capability_is_what_it_offers_in_all():
    offered = node(labels=("gpu",), task_types=("python", "shell"))
    assert capability(offered) == able(labels=frozenset({"gpu"}), task_types=frozenset({"python", "shell"}))
