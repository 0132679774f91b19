import random

import pytest

from idlegrid_node.link import MAX_BACKOFF_SECONDS, Backoff
from idlegrid_node.stopwatch import Stopwatch
from idlegrid_node.wire import Answer, Order, TaskFile

ATTEMPT = {
    "task_id": 17,
    "run": "r",
    "lease_id": "l",
    "number": 1,
    "task_type": "python",
    "code": "print(1)",
    "parameters": {"a": 1},
    "timeout": 300.0,
    "resources": {"cpu": 1.5, "memory": 700},
    "submitter": "",
    "trace_id": "req_0123456789abcdef",
    "lease_seconds": 30,
}


def test_an_answer_is_read_by_the_protocols_names():
    answer = Answer.read(
        {"server_id": "a1", "attempts": [ATTEMPT], "orders": [{"kind": "stop", "lease_id": "l", "reason": "cancelled"}]}
    )
    (lease,) = answer.leases
    assert (lease.cpu, lease.memory_mb, lease.timeout, lease.parameters) == (1.5, 700, 300.0, {"a": 1})
    assert lease.trace_id == "req_0123456789abcdef"
    assert answer.orders == (Order("stop", "", "l", "cancelled"),)


def test_what_an_answer_leaves_out_has_a_default():
    (lease,) = Answer.read({"attempts": [{"run": "r", "lease_id": "l", "code": ""}]}).leases
    assert (lease.cpu, lease.memory_mb, lease.timeout) == (1.0, 512, 300.0)
    assert (lease.command, lease.arguments, lease.files, lease.request) == ("", (), (), {})
    assert lease.trace_id == ""
    assert Answer.read({}) == Answer()


def test_what_a_task_adds_is_read():
    file = {"name": "a/b.py", "size": 3, "sha256": "AB" * 32}
    more = {"command": "b.py", "arguments": ["--n", "1"], "files": [file], "request": {"method": "PUT"}}
    (lease,) = Answer.read({"attempts": [{**ATTEMPT, **more}]}).leases
    assert (lease.command, lease.arguments, lease.request) == ("b.py", ("--n", "1"), {"method": "PUT"})
    assert lease.files == (TaskFile("a/b.py", 3, "ab" * 32),)


@pytest.mark.parametrize("sha256", ["", "ab", "../" * 22, "zz" * 32])
def test_a_hash_that_is_none_is_refused(sha256):
    with pytest.raises(ValueError):
        TaskFile.read({"name": "a", "size": 1, "sha256": sha256})


@pytest.mark.parametrize("raw", [None, [], "x", {"attempts": [{}]}, {"attempts": [1]}])
def test_nonsense_is_refused(raw):
    with pytest.raises((AttributeError, KeyError, TypeError, ValueError)):
        Answer.read(raw)


def test_backoff_doubles_to_a_minute_with_jitter_and_begins_anew():
    backoff = Backoff(random.Random(1))
    delays = [backoff.seconds() for _ in range(10)]
    whole = [1, 2, 4, 8, 16, 32, 60, 60, 60, 60]
    assert all(full / 2 <= delay <= full for delay, full in zip(delays, whole, strict=True))
    assert max(delays) <= MAX_BACKOFF_SECONDS
    backoff.reset()
    assert backoff.seconds() <= 1


def test_a_stopwatch_stands_still_while_paused():
    watch = Stopwatch(10.0)
    watch.pause(13.0)
    watch.pause(15.0)
    assert watch.elapsed(100.0) == 3.0
    watch.go_on(100.0)
    watch.go_on(101.0)
    assert watch.elapsed(102.0) == 5.0
