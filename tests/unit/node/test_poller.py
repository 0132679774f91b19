"""The open poll among threads: whatever is under way, a node with room always has a poll open that says so."""

import threading

import pytest

from idlegrid_node.poller import Poller
from idlegrid_node.slots import Room
from idlegrid_node.wire import Answer


class Line:
    """A coordinator's end of the line: polls stay open until the test answers them."""

    def __init__(self):
        self.asked = []
        self._answers = {}
        self._changed = threading.Condition()

    def poll(self, room):
        with self._changed:
            number = len(self.asked)
            self.asked.append(room)
            self._changed.notify_all()
            self._changed.wait_for(lambda: number in self._answers)
            return self._answers[number]

    def answer(self, number, answer):
        with self._changed:
            self._answers[number] = answer
            self._changed.notify_all()

    def wait_for(self, count):
        with self._changed:
            assert self._changed.wait_for(lambda: len(self.asked) >= count, 10), f"only {self.asked} polls came"


def answer(leases=()):
    return Answer.read({"server_id": "5eed0001", "attempts": list(leases), "orders": []})


LEASE = {
    "task_id": 1, "run": "r", "lease_id": "l", "number": 1, "task_type": "python", "code": "", "parameters": {},
    "timeout": 1.0, "resources": {"cpu": 1.0, "memory": 1}, "submitter": "", "lease_seconds": 30,
}  # fmt: skip


@pytest.fixture
def line():
    line = Line()
    yield line
    for number in range(100):
        line.answer(number, answer())


def test_a_poll_that_was_replaced_while_it_brought_work_does_not_hide_the_newer_one(line):
    room, taken = [Room(1, 1.0, 100)], threading.Event()
    poller = Poller(line, lambda: room[0], lambda given: taken.set() if given.leases else None, lambda: None)
    poller.start()
    line.wait_for(1)
    (first,) = [thread for thread in threading.enumerate() if thread.name == "poll"]
    room[0] = Room(0, 0.0, 100)
    poller.update()
    line.wait_for(2)
    line.answer(0, answer([LEASE]))
    assert taken.wait(10)
    first.join(10)
    room[0] = Room(2, 2.0, 100)
    poller.update()
    line.wait_for(3)
    assert line.asked[-1] == room[0]
    poller.close()
