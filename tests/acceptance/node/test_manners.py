"""The owner comes back, and leaves or stays: with a real coordinator, real nodes and the real signs of an owner."""

import itertools
import re
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path

import psutil
import pytest

from ..conftest import short_folder
from ..grids import Apart, eventually, started_node
from ..owners import GOES_ON_AFTER_A_STOP, OwnedNode, Owner, player, remote, typist

STEPS = """\
import idlegrid, sys, time
kept = idlegrid.checkpoint_dir() / 'step'
step = int(kept.read_text()) if kept.exists() else 0
goal = step + 3 if step else sys.maxsize
while step < goal and not idlegrid.should_yield():
    step += 1
    print('step', step, flush=True)
    time.sleep(0.1)
kept.write_text(str(step))
print('goal', goal, flush=True)
"""
"""Works until it is told to leave; and at its next attempt three steps more, from where it was."""

EVICTED_STORY = ["frozen", "checkpoint", "evict", "resumed", "complete"]
TOO_BUSY = 75.0
"""Percent of all processors; a node that looks at the load waits for less than 90."""
numbers = itertools.count(1)
Came = Callable[[], AbstractContextManager[Owner]]


@pytest.fixture(scope="module")
def grid() -> Iterator[Apart]:
    """A coordinator with Redis, and no node."""
    with short_folder() as folder, ExitStack() as stack:
        grid = Apart(folder, folder / "grid")
        stack.callback(grid.close)
        yield grid.start(nodes=0)


@pytest.fixture
def submit(grid: Apart) -> Iterator[Callable[[str], int]]:
    """Submits code; what is not over at the end of the test is cancelled."""
    runs: list[int] = []

    def given(code: str) -> int:
        runs.append(grid.submit(code))
        return runs[-1]

    yield given
    for run in runs:
        grid.ask(f"/api/runs/{run}/abort", {})


@pytest.fixture
def owned(grid: Apart, tmp_path: Path) -> Iterator[Callable[..., OwnedNode]]:
    """`owned(owner, **policy)`: a node on the machine of an owner; it is ended."""
    with ExitStack() as stack:

        def start(owner: Owner, **policy: object) -> OwnedNode:
            node = OwnedNode(grid.url, f"owned-{next(numbers)}", tmp_path, owner, **policy)
            stack.callback(node.program.close)
            return node

        yield start


def story(grid: Apart, run: int) -> list[str]:
    return [line["event"] for line in grid.whole(run)["events"]]


def logged(grid: Apart, run: int) -> str:
    return "".join(line["text"] for line in grid.get(f"/api/runs/{run}/logs")["data"]["items"])


def until_it_runs(grid: Apart, node: OwnedNode, run: int) -> None:
    try:
        eventually(lambda: logged(grid, run), f"run {run} computes", 60.0)
    except pytest.fail.Exception:
        skip_where_others_are_busy(node)
        raise


def skip_where_others_are_busy(node: OwnedNode) -> None:
    """What waits for a load to end cannot go on under another one."""
    if '"reason": "cpu_load"' in node.program.printed() and psutil.cpu_percent(1.0) > TOO_BUSY:
        pytest.skip("other programs take this machine's processors")


def until_it_stands(grid: Apart, node: OwnedNode, owner: Owner, run: int) -> None:
    """The owner is there until every process of the run stands, and the coordinator knows."""
    eventually(
        lambda: stays(owner) and node.all_stand() and "frozen" in story(grid, run), f"every process of run {run} stands"
    )


@pytest.mark.parametrize("comes", [typist, player, remote], ids=["key", "program", "terminal"])
def test_what_computes_stands_while_the_owner_is_there_and_goes_on_to_its_end_later(
    grid: Apart,
    owned: Callable[..., OwnedNode],
    submit: Callable[[str], int],
    comes: Came,
    record_property: Callable[[str, object], None],
) -> None:
    with comes() as owner:
        node = owned(owner)
        run = submit(GOES_ON_AFTER_A_STOP)
        until_it_runs(grid, node, run)
        until_it_stands(grid, node, owner, run)
        owner.go()
        skip_where_others_are_busy(node)
        ended = grid.ended(run)
        assert (ended["status"], ended["result"]) == ("completed", "up\nwent on")
        told = story(grid, run)
        steps = [event for event in told if event in {"lease", "frozen", "thawed", "evict", "complete"}]
        assert (steps[:3], steps[-1]) == (["lease", "frozen", "thawed"], "complete")
        assert "evict" not in steps
        reclaims = eventually(
            lambda: (found := grid.get(f"/api/workers/{node.name}")["data"]["reclaims"])["count"] and found,
            "the node tells how fast it was",
        )
        assert reclaims["frozen_p50"] is not None
        record_property("frozen_s", reclaims["frozen_p50"])
        print(f"stood {reclaims['frozen_p50']:g} s after the sign of the owner")


def test_an_owner_who_stays_sends_the_run_to_another_machine_where_it_goes_on_from_its_checkpoint(
    grid: Apart, owned: Callable[..., OwnedNode], submit: Callable[[str], int]
) -> None:
    with typist() as owner, ExitStack() as stack:
        node = owned(owner, max_frozen_s=1.0)
        run = submit(STEPS)
        until_it_runs(grid, node, run)
        others = [submit("print('later')") for _ in range(2)]
        eventually(lambda: stays(owner) and "evict" in story(grid, run), "it is evicted")
        explained = [grid.get(f"/api/runs/{one}/explain")["data"] for one in (run, *others)]
        assert [one["position"] for one in explained] == [1, 2, 3]
        assert (explained[0]["reasons"][0]["code"], grid.whole(run)["reason"]) == ("owners_present", "max_frozen")
        other = started_node(grid.url, "other", grid.folder, "--slots", "1")
        stack.callback(other.close)
        eventually(lambda: stays(owner) and grid.status(run)["status"] == "completed", "it ends elsewhere")
        ended, *later = grid.settled([run, *others])
    took = [(attempt["worker_id"], attempt["outcome"], attempt["reason"]) for attempt in ended["attempt_list"]]
    assert took == [(node.name, "evicted", "max_frozen"), ("other", "completed", "")]
    assert ended["retry_count"] == 0
    assert all(ended["attempt_list"][1]["leased_at"] <= one["attempt_list"][0]["leased_at"] for one in later)
    done = steps_of(grid, run)
    assert done == list(range(1, len(done) + 1))
    told = [event for event in story(grid, run) if event in EVICTED_STORY]
    assert told == EVICTED_STORY


def stays(owner: Owner) -> bool:
    """The owner is there still."""
    owner.be_there()
    return True


def steps_of(grid: Apart, run: int) -> list[int]:
    """The steps that all attempts have done, in order."""
    return [int(step) for step in re.findall(r"step (\d+)", logged(grid, run))]
