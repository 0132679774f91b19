"""Real control groups: skipped where this user cannot make any (an ordinary user without a subtree of its own)."""

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from idlegrid_node.sandbox import cgroup
from idlegrid_node.sandbox.group import Group

WAITS_THEN = "import os, signal, sys, threading, time\nsys.stdin.readline()\n"
ALLOCATES = "kept = [bytearray(2**20) for _ in range(1024)]"
SPINS = "print('spins', flush=True)\nwhile True: pass"
FORKS = """
refused = 0
for _ in range(20):
    try:
        if os.fork() == 0:
            time.sleep(600)
    except BlockingIOError:
        refused += 1
print(refused, flush=True)
time.sleep(600)
"""
MANY = """
def spin():
    while True: pass
for _ in range(4):
    if os.fork() == 0:
        spin()
print('forked', flush=True)
spin()
"""
ABANDONS = """
import os, sys
from idlegrid_node.sandbox import cgroup
group = cgroup.find().group("abandoned")
pid = os.fork()
if pid == 0:
    import time
    os.setsid(); time.sleep(600)
group.add([pid])
print(pid, flush=True)
sys.stdin.read()
"""


@pytest.fixture
def hierarchy() -> cgroup.Hierarchy:
    found = cgroup.find()
    if found is None:
        pytest.skip("this user cannot make control groups (needs root, or a unit with Delegate=yes)")
    return found


@pytest.fixture
def group(hierarchy: cgroup.Hierarchy) -> Iterator[Group]:
    made = hierarchy.group("test")
    try:
        yield made
    finally:
        assert made.kill(), "everything in the group is dead"
        assert made.remove(), "the group is gone"


@contextlib.contextmanager
def guest(group: Group, code: str) -> Iterator["subprocess.Popen[str]"]:
    """A process that runs `code` in the group from its first line on."""
    words = [sys.executable, "-c", WAITS_THEN + code]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            group.add([process.pid])
            process.stdin.write("\n")
            process.stdin.flush()
            yield process
        finally:
            group.kill()
            process.kill()


def ours(hierarchy: cgroup.Hierarchy) -> list[Path]:
    """The groups of this process."""
    return [path for base in set(hierarchy.bases.values()) for path in base.glob(f"idlegrid-{os.getpid()}-*")]


def lives(pid: int) -> bool:
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    return False


def throttled(hierarchy: cgroup.Hierarchy) -> int:
    (folder,) = hierarchy.bases["cpu"].glob(f"idlegrid-{os.getpid()}-*-test")
    return dict(line.split() for line in (folder / "cpu.stat").read_text().splitlines())["nr_throttled"]


def test_looking_for_groups_leaves_none(hierarchy):
    assert cgroup.find() == hierarchy
    assert ours(hierarchy) == []


def test_more_memory_than_allowed_is_death_and_is_told(group):
    group.limit(128, 16, 1.0)
    with guest(group, ALLOCATES) as process:
        assert process.wait(60) == -signal.SIGKILL
    assert group.out_of_memory
    assert 64 < group.peak_memory_mb <= 129


def test_less_memory_than_allowed_harms_nobody_and_is_measured(group):
    group.limit(256, 16, 1.0)
    with guest(group, "kept = bytes([1]) * (100 * 2**20)\nprint('has it', flush=True)\ntime.sleep(600)") as process:
        process.stdout.readline()
        usage = group.usage()
    assert (usage.processes, group.out_of_memory) == (1, False)
    assert 100 <= usage.memory_mb <= group.peak_memory_mb < 256
    assert usage.cpu_seconds > 0


def test_limits_can_be_raised_and_lowered(group):
    for memory_mb in (64, 512, 128):
        group.limit(memory_mb, 16, 1.0)
    with guest(group, "kept = bytes([1]) * (300 * 2**20)") as process:
        assert process.wait(60) == -signal.SIGKILL


def test_more_processes_than_allowed_are_refused_and_counted(group):
    group.limit(256, 6, 1.0)
    with guest(group, FORKS) as process:
        refused = int(process.stdout.readline())
        assert refused >= 14
        assert group.refused_forks > 0
        assert group.usage().processes == 6


def test_a_busy_loop_is_held_to_its_share(hierarchy, group, eventually):
    if not hierarchy.shares_cpu:
        pytest.skip("the cpu controller was not handed to this user")
    group.limit(128, 16, 0.25)
    with guest(group, SPINS) as process:
        process.stdout.readline()
        eventually(lambda: int(throttled(hierarchy)) > 3, "the kernel held the loop back")


def test_a_busy_loop_can_be_held_to_less_while_it_runs(hierarchy, group, eventually):
    if not hierarchy.shares_cpu:
        pytest.skip("the cpu controller was not handed to this user")
    group.limit(128, 16, 2.0)
    with guest(group, SPINS) as process:
        process.stdout.readline()
        before = int(throttled(hierarchy))
        group.hold_cpu(0.05)
        eventually(lambda: int(throttled(hierarchy)) > before + 3, "the kernel held the loop back")


def test_all_of_a_busy_tree_dies_at_once(group, eventually):
    group.limit(256, 16, 1.0)
    with guest(group, MANY) as process:
        process.stdout.readline()
        pids = group.processes()
        assert len(pids) == 5
        assert group.kill()
        assert group.processes() == []
        assert process.wait(30) == -signal.SIGKILL
        eventually(lambda: not any(map(lives, pids)), "nothing of the tree lives")


def test_a_frozen_tree_stands_goes_on_and_can_be_killed(group, eventually):
    group.limit(256, 16, 1.0)
    with guest(group, MANY) as process:
        process.stdout.readline()
        if not group.freeze():
            pytest.skip("v1 alone: there is no cgroup.freeze")
        eventually(lambda: group.frozen, "all processes stand")
        used = group.usage().cpu_seconds
        assert group.usage().cpu_seconds == used
        assert group.thaw()
        eventually(lambda: group.usage().cpu_seconds > used, "it goes on")
        assert group.freeze()
        eventually(lambda: group.frozen, "all processes stand again")
        assert group.kill()
        assert process.wait(30) == -signal.SIGKILL


def test_the_kernel_takes_back_what_it_can_of_what_a_frozen_tree_holds(hierarchy, group, tmp_path):
    group.limit(256, 16, 1.0)
    wrote = f"file = open({str(tmp_path / 'big')!r}, 'wb')\nfile.write(bytes(64 << 20))\nfile.flush()\nos.fsync(file)\n"
    with guest(group, f"{wrote}print('wrote', flush=True)\ntime.sleep(600)") as process:
        process.stdout.readline()
        if not group.freeze():
            process.send_signal(signal.SIGSTOP)
        taken = group.reclaim(256.0)
    assert taken > 32


def test_a_process_that_is_gone_is_skipped(group):
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    group.add([ended.pid])
    assert group.processes() == []


def test_a_group_in_which_something_lives_is_not_removed(group, monkeypatch):
    monkeypatch.setattr("idlegrid_node.sandbox.group.REMOVE_SECONDS", 0.0)
    with guest(group, "time.sleep(600)"):
        assert not group.remove()


def test_what_a_killed_node_left_is_swept_and_what_lives_is_not(hierarchy, group, eventually):
    words = [sys.executable, "-c", ABANDONS]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as node:
        left = int(node.stdout.readline())
        mark = f"idlegrid-{node.pid}-*"
        try:
            hierarchy.sweep()
            assert lives(left), "the node lives, so nothing of it is swept"
        finally:
            node.kill()
            node.wait()
    hierarchy.sweep()
    eventually(lambda: not lives(left), "what the killed node left is dead")
    assert [path for base in hierarchy.bases.values() for path in base.glob(mark)] == []
    assert ours(hierarchy), "the group of a process that lives is still there"
