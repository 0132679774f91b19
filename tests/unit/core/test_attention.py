"""What wants an operator, which nodes a queue could have, and how long runs waited."""

import pytest

from idlegrid_server.core.attention import (
    MOST_ITEMS,
    MOST_UNSERVED,
    FailingTask,
    Item,
    Kind,
    LostNode,
    OffWebhook,
    Suspect,
    components_down,
    nodes_failing,
    nodes_lost,
    queues_unserved,
    tasks_failing,
    webhooks_off,
    worst,
)
from idlegrid_server.core.model import Node, NodeHealth, NodeState, NodeWish, Priority, Sandbox
from idlegrid_server.core.ports import QueueDepth
from idlegrid_server.core.rates import Rates
from idlegrid_server.core.remembering import CHEAP, KEPT_FOR, Remembering
from idlegrid_server.core.served import Head, Serving, by_class, class_words, never, offered, oldest, serving
from idlegrid_server.core.watching import waited

PLAIN, GPU = "normal/python/1c/512M/s3", "normal/python/2c/1024M/s3/gpu"


def node(name="a", **words) -> Node:
    usual = {"cpu_cores": 4.0, "memory_mb": 5_000, "sandbox": Sandbox(level=3, tested_at=1.0), "state": NodeState.IDLE}
    return Node(id=name, registered_at=0.0, last_seen=0.0, reason="", **{**usual, **words})


def test_nodes_count_for_a_queue_by_what_they_offer_and_do():
    grid = offered(
        [
            (node("a"), 3),
            (node("b", state=NodeState.BUSY, memory_mb=4_096), 2),
            (node("c", labels=("gpu",), wish=NodeWish.DRAINING), 1),
            (node("d", health=NodeHealth.LOST), 5),
            (node("e", cpu_cores=0.9), 7),
        ]
    )
    assert serving(PLAIN, grid) == Serving(able=6, taking=3)
    assert serving(GPU, grid) == Serving(able=1, taking=0)
    assert serving("normal/shell/1c/512M/s3", grid) == Serving(0, 0)


def test_only_a_queue_that_no_node_could_ever_take_is_unserved():
    grid = offered([(node("a"), 3), (node("d", health=NodeHealth.LOST, labels=("gpu",)), 1)])
    assert never(PLAIN, grid) == ""
    assert never(GPU, grid) == ""  # tomorrow the node with the label may be there again
    assert never("normal/python/8c/512M/s3", grid) == "No node offers 8 cores; the largest offers 4."
    assert never("normal/python/1c/8192M/s3", grid).endswith("the largest offers 5000 MB.")
    assert never(PLAIN, offered([])).startswith("No node has joined the grid")


def test_unserved_queues_are_items_the_fullest_first_and_only_while_something_waits():
    grid = offered([(node("a"), 1)])
    depths = {
        f"{p}/python/9c/512M/s3": QueueDepth(f"{p}/python/9c/512M/s3", n, 0) for p, n in (("low", 1), ("high", 7))
    }
    depths |= {PLAIN: QueueDepth(PLAIN, 100, 0), GPU: QueueDepth(GPU, 0, 4)}
    heads = {queue: Head(17, 1_000.0) for queue in depths}
    first, second = queues_unserved(depths, grid, heads)
    assert (first.kind, first.id, first.name, first.count) == (Kind.QUEUE_UNSERVED, "17", "9 cores, 512 MB", 7)
    assert first.since == 1_000.0
    assert first.message == "7 runs wait in vain. No node offers 9 cores; the largest offers 4."
    assert second.message.startswith("1 run waits in vain.")
    many = {f"low/python/{n}c/512M/s3": QueueDepth(f"low/python/{n}c/512M/s3", n, 0) for n in range(10, 40)}
    assert len(queues_unserved(many, grid, {queue: Head(1, 0.0) for queue in many})) == MOST_UNSERVED


def test_lanes_are_one_queue_with_the_oldest_of_their_fronts():
    depths = [QueueDepth(f"{PLAIN}/@u1", 2, 1), QueueDepth(f"{PLAIN}/@u2", 3, 0), QueueDepth(GPU, 0, 0)]
    assert by_class(depths) == {PLAIN: QueueDepth(PLAIN, 5, 1)}
    heads = {f"{PLAIN}/@u1": "x", f"{PLAIN}/@u2": "y", GPU: "gone"}
    assert oldest(heads, {"x": Head(2, 20.0), "y": Head(1, 10.0)}) == {PLAIN: Head(1, 10.0)}


def test_a_class_is_told_in_a_few_words():
    assert class_words(PLAIN) == "1 core, 512 MB"
    assert class_words("high/shell/0.5c/1024M/s4-stated/gpu+lab/@64s") == "0.5 cores, 1024 MB, gpu+lab"


def test_waiting_times_are_told_by_priority_and_class():
    runs = [(PLAIN, float(n)) for n in range(1, 101)] + [(PLAIN.replace("python", "shell"), 200.0)]
    rows = waited([*runs, (GPU.replace("normal", "critical"), -3.0)])
    assert [(row.priority, row.words, row.started) for row in rows] == [
        (Priority.CRITICAL, "2 cores, 1024 MB, gpu", 1),
        (Priority.NORMAL, "1 core, 512 MB", 101),
    ]
    assert [(row.p50, row.p95) for row in rows] == [(0.0, 0.0), (51.0, 96.0)]


def test_components_that_are_not_well_are_items():
    parts = {"database": {"status": "healthy"}, "scheduler": {"status": "degraded"}, "new": {"status": "unhealthy"}}
    late, new = components_down(parts)
    assert (late.kind, late.id) == (Kind.COMPONENT_DOWN, "scheduler")
    assert "may fire late" in late.message
    assert new.message == "new is not well."


def test_each_kind_has_its_items_the_worst_first():
    suspects = [Suspect("a", "lab-01", Rates(2.0, 1.9, True)), Suspect("b", "", Rates(9.0, 9.0, True))]
    failing = tasks_failing([FailingTask(1, "small", 3, 5.0), FailingTask(2, "large", 40, 6.0)])
    lost = nodes_lost([LostNode("old", "lab-02", 1.0), LostNode("new", "lab-03", 2.0)])
    off = webhooks_off([OffWebhook(7, "https://hooks.example.org/secret", "it answered 410 Gone", 3.0)])
    assert [item.name for item in nodes_failing(suspects)] == ["b", "lab-01"]
    assert [(item.id, item.count, item.since) for item in failing] == [("2", 40, 6.0), ("1", 3, 5.0)]
    assert [item.id for item in lost] == ["new", "old"]
    assert [(item.name, item.message) for item in off] == [
        ("hooks.example.org", "It was switched off: it answered 410 Gone.")
    ]
    told = worst([*off, *lost, *failing, *nodes_failing(suspects)])
    assert [item.kind for item in told] == [
        *[Kind.NODE_FAILING] * 2,
        *[Kind.TASK_FAILING] * 2,
        *[Kind.NODE_LOST] * 2,
        Kind.WEBHOOK_OFF,
    ]


def test_no_more_is_told_than_somebody_reads_and_the_worst_is_among_it():
    lost = [Item(kind=Kind.NODE_LOST, id=str(n), name="", message="") for n in range(2 * MOST_ITEMS)]
    told = worst([*lost, Item(kind=Kind.COMPONENT_DOWN, id="database", name="", message="")])
    assert len(told) == MOST_ITEMS
    assert told[0].id == "database"


class Counting:
    """Makes answers that take so long by its own clock."""

    def __init__(self, seconds: float) -> None:
        self.seconds, self.now, self.made = seconds, 0.0, 0

    def __call__(self) -> int:
        self.now += self.seconds
        self.made += 1
        return self.made


def test_a_costly_answer_is_kept_for_as_long_as_it_is_worth():
    making = Counting(1.0)
    remembering = Remembering(lambda: making.now)
    assert [remembering.get("a", making) for _ in range(3)] == [1, 1, 1]
    assert remembering.get("b", making) == 2
    making.now += KEPT_FOR + 0.1
    assert remembering.get("a", making) == 3


def test_a_cheap_answer_is_made_each_time():
    making = Counting(CHEAP / 2)
    remembering = Remembering(lambda: making.now)
    assert [remembering.get("a", making) for _ in range(3)] == [1, 2, 3]


def test_an_answer_that_could_not_be_made_is_tried_again():
    remembering, making = Remembering(lambda: 0.0), Counting(0.0)
    with pytest.raises(ZeroDivisionError):
        remembering.get("a", lambda: 1 / 0)
    assert remembering.get("a", making) == 1
