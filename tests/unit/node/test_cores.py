import os
import subprocess
import sys
import threading

import pytest

from idlegrid_node.sandbox.cores import Placement, Shaper, budget
from idlegrid_node.sandbox.meter import measure, tree

BUSY = """
import os, threading
child = os.fork()
def spin():
    while True: pass
threading.Thread(target=spin, daemon=True).start()
if child: print("started", flush=True)
spin()
"""
GREEDY = 1.3
"""More than the tolerance, in cores per core."""


@pytest.fixture
def busy():
    """Two processes of two busy threads each."""
    with subprocess.Popen([sys.executable, "-c", BUSY], stdout=subprocess.PIPE) as process:
        try:
            process.stdout.readline()
            yield process.pid
        finally:
            for pid in list(tree(process.pid)):
                os.kill(pid, 9)


def threads(root: int) -> list[int]:
    return [int(name) for pid in tree(root) for name in os.listdir(f"/proc/{pid}/task")]


def affinities(root: int) -> list[set[int]]:
    return [os.sched_getaffinity(thread) for thread in threads(root)]


def watching(cores: float = 1.0, available: int = 4, placement: Placement | None = None) -> Shaper:
    return Shaper(cores, set(range(available)), placement or Placement())


def greedy(cores: float = 1.0, available: int = 4, placement: Placement | None = None) -> Shaper:
    """A shaper that has seen too much, of a run without processes."""
    shaper = watching(cores, available, placement)
    shaper.look([], 0.0, 0.0)
    shaper.look([], cores * GREEDY, 1.0)
    return shaper


@pytest.mark.skipif(len(os.sched_getaffinity(0)) < 2, reason="on one core there is nothing to pin")
def test_every_thread_of_a_greedy_tree_ends_up_on_one_core(busy, eventually):
    available = os.sched_getaffinity(0)
    eventually(lambda: len(threads(busy)) == 4, "two processes with two threads each")
    shaper = Shaper(1.0, available, Placement())
    before = measure(busy).cpu_seconds
    shaper.look(tree(busy), before, 0.0)
    eventually(lambda: measure(busy).cpu_seconds > before + GREEDY, "the tree used more than a core's second")
    assert affinities(busy) == [available] * 4
    shaper.look(tree(busy), measure(busy).cpu_seconds, 1.0)
    assert len(shaper.pinned) == 1
    assert affinities(busy) == [shaper.pinned] * 4

    os.sched_setaffinity(threads(busy)[-1], available)
    shaper.look(tree(busy), measure(busy).cpu_seconds, 1.1)
    assert affinities(busy) == [shaper.pinned] * 4


def test_a_run_that_keeps_to_its_share_is_never_touched(busy):
    shaper = Shaper(1.0, {0, 1, 2, 3}, Placement())
    before = affinities(busy)
    for second in range(60):
        shaper.look(tree(busy), 1.2 * second, float(second))
    assert shaper.pinned == frozenset()
    assert affinities(busy) == before


def test_a_burst_shorter_than_the_window_is_forgiven():
    shaper = watching()
    for now, used in ((0.0, 0.0), (0.2, 0.8), (0.4, 0.9), (1.0, 1.1), (2.0, 1.2)):
        shaper.look([], used, now)
    assert not shaper.pinned


def test_a_run_that_becomes_greedy_late_is_pinned():
    shaper = watching()
    for second in range(100):
        shaper.look([], 0.1 * second, float(second))
    shaper.look([], 9.9 + 2.0, 100.0)
    assert shaper.pinned


def test_usage_that_falls_as_processes_end_is_no_greed():
    shaper = watching()
    for now, used in ((0.0, 50.0), (1.0, 3.0), (2.0, 4.0)):
        shaper.look([], used, now)
    assert not shaper.pinned


@pytest.mark.parametrize(("cores", "count"), [(0.5, 1), (1.0, 1), (1.5, 2), (2.0, 2), (3.0, 3)])
def test_a_share_is_rounded_up_to_whole_cores(cores, count):
    assert len(greedy(cores).pinned) == count


def test_a_run_that_leased_all_cores_is_not_pinned():
    assert not greedy(3.5, available=4).pinned


def test_processes_that_are_gone_or_not_ours_are_skipped():
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    shaper = greedy(available=2)
    shaper.look([ended.pid, 2**22 + 1], 9.0, 2.0)
    assert shaper.pinned


def test_greedy_runs_of_one_node_get_cores_of_their_own():
    placement = Placement()
    first, second = (greedy(2.0, 4, placement) for _ in range(2))
    assert first.pinned | second.pinned == {0, 1, 2, 3}


def test_when_all_cores_are_taken_they_are_shared_evenly():
    placement = Placement()
    taken = [core for _ in range(6) for core in placement.take({0, 1, 2}, 1)]
    assert sorted(taken) == [0, 0, 1, 1, 2, 2]


def test_cores_are_given_back_once():
    placement = Placement()
    first = greedy(1.0, 2, placement)
    cores = first.pinned
    first.close()
    first.close()
    assert greedy(1.0, 2, placement).pinned == cores
    assert greedy(1.0, 2, placement).pinned != cores


def test_many_threads_take_and_give_without_losing_count():
    placement = Placement()

    def take_and_give() -> None:
        for _ in range(500):
            placement.give(placement.take({0, 1, 2, 3}, 2))

    workers = [threading.Thread(target=take_and_give) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert sorted(core for _ in range(4) for core in placement.take({0, 1, 2, 3}, 1)) == [0, 1, 2, 3]


def test_a_busy_loop_on_one_core_meets_its_timeout_before_its_budget():
    assert budget(1.0, 30.0) == 31.0
    assert budget(2.0, 30.0) == 61.0
    assert budget(0.5, 30.0) == 16.0
