"""`kill -9` on the node, the coordinator and Redis at any time: what was acknowledged ends, exactly once."""

import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

CROWD = (
    "import os, time\nfor _ in range(9):\n    if os.fork() == 0: break\nprint('started', flush=True)\ntime.sleep(120)"
)
"""Ten processes that are in no hurry."""

WAITING = 2
"""Sandboxes that a node keeps waiting."""
LEFTOVER_SECONDS = 5.0
"""So long after a node's death its guests may still be there, and no longer."""

AWAY_SECONDS = 5.0
"""An answer of `/submit` while Redis is away takes a second or so; a machine under load gets five."""

SOAK_SECONDS = 20.0
SEED = 20260801


def sleeping(seconds, words):
    """Code that takes its time and then prints `words`."""
    return f"import time; time.sleep({seconds}); print({words!r})"


def counted(grid, runs):
    """The results of the runs, all ended by exactly one final event; `runs` is id → what it prints."""
    recorded = {run["id"]: run for run in grid.settled(runs)}
    assert {i: run["result"] for i, run in recorded.items()} == runs
    assert {i: grid.ends_of(run) for i, run in recorded.items()} == {key: ["complete"] for key in runs}
    for run in recorded.values():
        assert [attempt["outcome"] for attempt in run["attempt_list"]].count("completed") <= 1
    return recorded


def flood(grid, count, code="print({})"):
    """Many short runs, acknowledged; id → what each prints."""
    tasks = [{"code": code.format(number)} for number in range(count)]
    return dict(zip(grid.get("/submit_many", {"tasks": tasks})["task_ids"], map(str, range(count)), strict=True))


def ended_so_far(grid):
    return grid.get("/stats")["tasks"]["completed"]


# --- the node ---


def test_a_run_whose_node_is_killed_completes_on_another_node(apart, eventually):
    grid = apart().start(nodes=1, slots=1)
    run = grid.submit("import os, time\nif not os.path.exists('/x'): time.sleep(1)\nprint('here')")
    eventually(lambda: grid.takes(run), "the run runs")
    grid.node.kill()
    grid.add_node()
    recorded = counted(grid, {run: "here"})[run]
    assert recorded["worker_id"] == "node-2"
    assert recorded["attempts"] == 2


def test_a_run_whose_node_is_killed_completes_on_the_same_node_started_again(apart, eventually):
    grid = apart().start(nodes=1, slots=1)
    run = grid.submit(sleeping(1, "again"))
    eventually(lambda: grid.takes(run), "the run runs")
    grid.node.kill()
    grid.node.start()
    assert counted(grid, {run: "again"})[run]["attempts"] == 2


def test_nothing_of_a_killed_nodes_guests_is_left(apart, eventually):
    grid = apart().start()
    run = grid.submit(CROWD)
    eventually(lambda: len(grid.node.below()) >= 10, "the crowd is there")
    guests = grid.node.below()
    grid.node.kill()
    eventually(lambda: not any(g.is_running() for g in guests), "all guests are gone", LEFTOVER_SECONDS)
    grid.get(f"/api/runs/{run}/abort", {})


# --- the coordinator ---


def test_a_killed_coordinator_loses_nothing_that_is_queued_running_or_being_reported(apart, eventually):
    grid = apart().start(nodes=1, slots=2)
    runs = flood(grid, 40)
    for goal in (5, 15):
        eventually(lambda goal=goal: ended_so_far(grid) >= goal, f"{goal} runs have ended")
        grid.coordinator.kill()
        grid.coordinator.start()
        grid.wait_for_coordinator()
    counted(grid, runs)


def test_what_ends_while_the_coordinator_is_away_is_kept_by_the_node_and_delivered(apart, eventually):
    grid = apart(IDLEGRID_START_GRACE_SECONDS="120").start(nodes=1, slots=2)
    runs = {grid.submit(sleeping(2, word)): word for word in ("one", "two")}
    eventually(lambda: all(map(grid.takes, runs)), "both run")
    grid.coordinator.kill()
    eventually(lambda: len(grid.spooled(grid.node)) == 2, "the node keeps both reports")
    grid.coordinator.start()
    grid.wait_for_coordinator()
    recorded = counted(grid, runs)
    assert [run["attempts"] for run in recorded.values()] == [1, 1]
    eventually(lambda: not grid.spooled(grid.node), "the node keeps them no more")


def test_node_and_coordinator_killed_at_once_lose_nothing(apart, eventually):
    grid = apart().start(nodes=1, slots=2)
    runs = flood(grid, 20, "import time; time.sleep(0.2); print({})")
    eventually(lambda: ended_so_far(grid) >= 3, "a few runs have ended")
    grid.coordinator.kill()
    grid.node.kill()
    grid.coordinator.start()
    grid.node.start()
    grid.wait_for_coordinator()
    counted(grid, runs)


# --- Redis ---


@pytest.mark.redis
@pytest.mark.parametrize("lost", [False, True], ids=["its data kept", "its data lost"])
def test_while_redis_is_away_submissions_are_taken_and_afterwards_all_runs_end(lost, apart, eventually):
    grid = apart().start(nodes=1, slots=2)
    runs = flood(grid, 20, "import time; time.sleep(0.2); print({})")
    eventually(lambda: ended_so_far(grid) >= 3, "a few runs have ended")
    grid.redis.kill()
    for number in range(20, 30):
        began = time.monotonic()
        runs[grid.submit(f"print({number})")] = str(number)
        assert time.monotonic() - began < AWAY_SECONDS
    if lost:
        grid.redis.lose_data()
    grid.redis.start()
    counted(grid, runs)


@pytest.mark.redis
def test_while_redis_hangs_submissions_are_taken_and_afterwards_all_runs_end(apart, eventually):
    grid = apart().start(nodes=1, slots=2)
    runs = flood(grid, 20, "import time; time.sleep(0.2); print({})")
    eventually(lambda: ended_so_far(grid) >= 3, "a few runs have ended")
    grid.redis.freeze()
    try:
        for number in range(20, 30):
            began = time.monotonic()
            runs[grid.submit(f"print({number})")] = str(number)
            assert time.monotonic() - began < AWAY_SECONDS
    finally:
        grid.redis.thaw()
    counted(grid, runs)


@pytest.mark.redis
def test_redis_may_lose_its_data_again_and_again(apart, eventually):
    grid = apart().start(nodes=1, slots=2)
    runs = flood(grid, 30, "import time; time.sleep(0.2); print({})")
    for goal in (3, 8, 15):
        eventually(lambda goal=goal: ended_so_far(grid) >= goal, f"{goal} runs have ended")
        grid.redis.kill()
        grid.redis.lose_data()
        grid.redis.start()
    counted(grid, runs)


@pytest.mark.redis
def test_a_coordinator_that_starts_without_redis_takes_submissions_at_once(apart):
    grid = apart()
    grid.coordinator.start()
    grid.wait_for_coordinator()
    runs = {grid.submit("print('early')"): "early"}
    grid.redis.start()
    grid.add_node()
    counted(grid, runs)


# --- all of them, at any time ---


class Submitter:
    """Keeps submitting until stopped, each submission under one key until it is acknowledged."""

    def __init__(self, grid) -> None:
        self.acknowledged: dict[int, str] = {}
        self._grid = grid
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._work)
        self._thread.start()

    def stop(self) -> None:
        """Submit nothing new; returns when the last submission is acknowledged."""
        self._stopped.set()
        self._thread.join()

    def _work(self) -> None:
        number = 0
        while not self._stopped.wait(0.1):
            number += 1
            self.acknowledged[self._submit(number)] = str(number * 7)

    def _submit(self, number: int) -> int:
        body = {"code": f"print({number} * 7)"}
        while not (answer := self._grid.tries("/submit", body, Idempotency_Key=f"soak-{number}")):
            time.sleep(0.1)
        return int(answer["task_id"])


def upset(grid, seconds: float) -> set[str]:
    """Strike one of the three every second or so; which were killed."""
    chance, killed = random.Random(SEED), set()
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        victim = chance.choice([grid.node, grid.coordinator, grid.redis])
        if chance.random() < 0.2:
            hang(victim, chance.uniform(0.2, 2.0))
        else:
            kill(victim, chance.uniform(0.0, 0.5), loses_data=victim is grid.redis and chance.random() < 0.4)
            killed.add(victim.name)
        time.sleep(chance.uniform(0.5, 1.5))  # the rhythm of the disasters
    return killed


def hang(victim, seconds: float) -> None:
    victim.freeze()
    time.sleep(seconds)
    victim.thaw()


def kill(victim, seconds: float, *, loses_data: bool) -> None:
    """Kill it, and start it again after so long."""
    victim.kill()
    if loses_data:
        victim.lose_data()
    time.sleep(seconds)
    victim.start()


@pytest.mark.redis
@pytest.mark.timeout(300)
def test_after_a_time_of_disasters_every_acknowledged_run_has_its_one_result(apart):
    grid = apart().start(nodes=1, slots=2)
    submitter = Submitter(grid)
    try:
        killed = upset(grid, SOAK_SECONDS)
        grid.wait_for_coordinator()
    finally:
        submitter.stop()
    assert killed == {"node-1", "coordinator", "redis"}
    recorded = counted(grid, submitter.acknowledged)
    assert len(recorded) > 10
    counts = grid.get("/stats")["tasks"]
    assert (counts["total"], counts["completed"], counts["pending"]) == (len(recorded), len(recorded), 0)


def test_sigterm_to_the_whole_grid_loses_no_run(whole):
    up = whole("--nodes", "1")
    before = up.caller()
    runs = {before.submit(sleeping(3, "slow")): "slow"} | flood(before, 20)
    assert up.stop(signal.SIGTERM) == 0
    up.start()
    counted(up.caller(), runs)


# --- a full disk ---


@pytest.fixture
def small_disk(folder) -> Iterator[Path]:
    """A file system of 16 MB."""
    if os.geteuid() != 0 or sys.platform != "linux":
        pytest.skip("only root on Linux can mount a small file system")
    disk = folder / "disk"
    disk.mkdir()
    made = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=16m", "tmpfs", str(disk)], capture_output=True, text=True, check=False
    )
    if made.returncode != 0:
        pytest.skip(f"no file system can be mounted here: {made.stderr.strip()}")
    yield disk
    subprocess.run(["umount", "--lazy", str(disk)], check=True)


def sandboxes(up):
    """Its sandboxes that are whole: bubblewrap, a supervisor, and the process that is to be the code."""
    return [
        process for process in up.below() if process.name() == "bwrap" and len(process.children(recursive=True)) > 1
    ]


def fill(disk: Path) -> Path:
    """Take all space that is left."""
    ballast = disk / "ballast"
    with ballast.open("wb", buffering=0) as file:
        try:
            while True:
                file.write(bytes(4096))
        except OSError:
            return ballast


def test_a_full_disk_is_a_clear_503_and_loses_nothing(small_disk, whole, eventually):
    """Record, queue, logs and spool are all on it: what has run can be neither reported nor written down."""
    up = whole("--nodes", "1", data=small_disk / "grid", hasty=True)
    grid = up.caller()
    eventually(lambda: len(sandboxes(up)) == WAITING, "sandboxes wait for work")
    idle = len(up.below())
    runs = flood(grid, 10, "import time; time.sleep(0.5); print({})")
    eventually(lambda: ended_so_far(grid) >= 2, "a few runs have ended")
    ballast = fill(small_disk)

    def submitted() -> tuple[int, str]:
        status, answer = grid.ask("/submit", {"code": "print('full')"})
        if status == 200:
            runs[answer["task_id"]] = "full"
        return status, str(answer.get("detail"))

    refused = eventually(lambda: (found := submitted())[0] != 200 and found, "a submission is refused")
    assert refused == (503, "The record could not be written: database or disk is full")
    eventually(lambda: len(up.below()) <= idle, "the runs have ended")
    ballast.unlink()
    eventually(lambda: submitted()[0] == 200, "submissions are taken again")
    counted(grid, runs)
