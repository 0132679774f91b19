"""Each firing of a schedule is made exactly once, whatever becomes of the waker, Redis and the coordinators.

Two coordinators share one record and one Redis all the time. There is no node: a firing is a run that was made.
"""

import itertools
import sys
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from types import SimpleNamespace

import pytest

from idlegrid_server.core.limits import DOWNTIME, LATE_FIRING
from idlegrid_server.queue import keys

from .conftest import short_folder
from .grids import AWAY, Apart, Program

INTERVAL = 4.0
"""Seconds between the firings of one task: more than it takes to make one that nobody was woken for."""
TASKS = 6
MILLISECOND = 0.001
"""Times on the wire are cut to these."""
STOPPED_SECONDS = 15.0
"""How long the waker hangs."""
SCHEDULED = "rq:scheduler:scheduled_jobs"

names = itertools.count(1)


@pytest.fixture(scope="module")
def grid() -> Iterator[SimpleNamespace]:
    """Two coordinators, the waker and the control worker; `other` calls the second coordinator."""
    with short_folder() as folder:
        apart = Apart(folder, folder / "grid")
        try:
            apart.start(nodes=0)
            other = apart.add_coordinator()
            apart.add("control", "idlegrid_server.queue.workers", "control")
            yield SimpleNamespace(parts=apart, other=other, waker=apart.add("waker", "idlegrid_server.queue.waker"))
        finally:
            apart.close()


@pytest.fixture
def tasks(grid) -> Iterator[list[int]]:
    """Tasks that fire every few seconds, not all in the same second."""
    made = []
    for caller in itertools.islice(itertools.cycle((grid.parts, grid.other)), TASKS):
        body = {"name": f"tick-{next(names)}", "task_type": "python", "executor": "python", "command": "python"}
        more = {"code": "print(1)", "interval_seconds": INTERVAL, "max_instances": 1_000}
        status, answer = caller.ask("/api/tasks", body | more)
        assert status == 201, answer
        made.append(answer["data"]["id"])
    yield made
    pause(grid, made)


def pause(grid, tasks: list[int]) -> None:
    for task in tasks:
        assert grid.parts.ask(f"/api/tasks/{task}/pause", {})[0] == 200


def seconds(stamp: str) -> float:
    return datetime.fromisoformat(stamp).timestamp()


def firings(caller, task: int) -> list[tuple[float, float]]:
    """When each of a task's runs was due and when it was made, by the former."""
    runs = caller.get(f"/api/runs?task_id={task}&size=200")["data"]["items"]
    whole = [caller.whole(run["id"]) for run in runs]
    return sorted((seconds(run["scheduled_for"]), seconds(run["created_at"])) for run in whole)


def fired(caller, tasks: list[int]) -> dict[int, int]:
    """How many runs each task has."""
    return {task: caller.get(f"/api/runs?task_id={task}&size=1")["data"]["total"] for task in tasks}


def fire_again(grid, tasks, eventually, times: int = 1) -> None:
    """Wait until each task has fired so many times more."""
    before = fired(grid.parts, tasks)

    def all_did() -> bool:
        now = fired(grid.parts, tasks)
        return all(now[task] >= before[task] + times for task in tasks)

    eventually(all_did, f"every task fires {times} times more")


def check_each_once(grid, tasks) -> None:
    """No instant has two runs, and none is left out but those that had passed when a very late one was made."""
    pause(grid, tasks)
    for task in tasks:
        made = firings(grid.parts, task)
        for (due, at), (following, _) in itertools.pairwise(made):
            steps = (following - due) / INTERVAL
            assert steps >= 1 - MILLISECOND, f"task {task} was fired twice for one instant: {made}"
            assert steps == pytest.approx(round(steps), abs=MILLISECOND), f"task {task} lost its beat: {made}"
            if at - due < DOWNTIME:
                assert round(steps) == 1, f"task {task} was not fired at {due + INTERVAL}: {made}"


def waking(grid, eventually, tasks) -> None:
    """Wait for a firing that is too early for one that nobody was woken for."""

    def early() -> bool:
        made = [firing for task in tasks for firing in firings(grid.parts, task)[-1:]]
        return any(at - due < LATE_FIRING for due, at in made)

    eventually(early, "a firing is made because the waker said so")


def test_each_firing_is_made_once_while_the_waker_hangs_and_after_it_goes_on(grid, tasks, eventually):
    waking(grid, eventually, tasks)
    grid.waker.freeze()
    until = time.monotonic() + STOPPED_SECONDS
    try:
        fire_again(grid, tasks, eventually, times=2)
        eventually(lambda: time.monotonic() > until, "the waker has hung long enough")
    finally:
        grid.waker.thaw()
    fire_again(grid, tasks, eventually)
    check_each_once(grid, tasks)


def test_each_firing_is_made_once_when_the_waker_is_killed_between_its_two_writes(grid, tasks, eventually):
    grid.waker.kill()
    cut = Program(
        "cut-waker",
        grid.parts.folder,
        [sys.executable, str(Path(__file__).parent / "cut_waker.py")],
        {"IDLEGRID_REDIS_URL": grid.parts.redis.url},
    )
    cut.start()
    try:
        eventually(lambda: not cut.runs, "the waker is dead")
    finally:
        cut.close()
    with grid.parts.redis.client as redis:
        assert redis.exists("rq:scheduler_lock"), "it died in the midst of its work"
    grid.waker.start()
    fire_again(grid, tasks, eventually, times=2)
    waking(grid, eventually, tasks)
    check_each_once(grid, tasks)


def test_each_firing_is_made_once_when_redis_is_wiped(grid, tasks, eventually):
    with grid.parts.redis.client as redis:
        eventually(lambda: redis.zcard(SCHEDULED), "wakes are placed")
        redis.flushall()
        eventually(lambda: redis.zcard(SCHEDULED), "wakes are placed again")
        eventually(lambda: redis.exists(keys.MARKER), "the queue is filled again")
    fire_again(grid, tasks, eventually, times=2)
    waking(grid, eventually, tasks)
    check_each_once(grid, tasks)


def test_each_firing_is_made_once_when_one_of_two_coordinators_is_killed_and_comes_back(grid, tasks, eventually):
    fire_again(grid, tasks, eventually)
    grid.parts.coordinator.kill()

    def other_fires() -> bool:
        try:
            return fired(grid.other, tasks)[tasks[0]] > before
        except AWAY:
            return False

    before = fired(grid.other, tasks)[tasks[0]]
    eventually(other_fires, "the other coordinator fires alone")
    grid.parts.coordinator.start()
    grid.parts.wait_for_coordinator()
    fire_again(grid, tasks, eventually)
    check_each_once(grid, tasks)
