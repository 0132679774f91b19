import os
import pwd
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from idlegrid_node.errors import SandboxUnavailable
from idlegrid_node.sandbox.users import SlotUsers

FIRST = 3_000_000_000
"""Ids that nobody gives to people or services: what the machine's own users are must not matter."""

HOLDER = """
import sys
from pathlib import Path
from idlegrid_node.sandbox.users import SlotUsers
print(SlotUsers(int(sys.argv[2]), 2, Path(sys.argv[1])).take(), flush=True)
sys.stdin.read()
"""


@pytest.fixture
def folder(tmp_path) -> Path:
    return tmp_path / "users"


def users(folder: Path, count: int = 3, first: int = FIRST) -> SlotUsers:
    return SlotUsers(first, count, folder)


def test_each_sandbox_gets_an_id_of_its_own(folder):
    slots = users(folder)
    assert [slots.take() for _ in range(3)] == [FIRST, FIRST + 1, FIRST + 2]


def test_an_id_given_back_is_used_again(folder):
    slots = users(folder)
    first, second = slots.take(), slots.take()
    slots.give(first)
    assert (slots.take(), slots.take()) == (first, second + 1)


def test_an_id_given_back_twice_or_never_taken_is_ignored(folder):
    slots = users(folder)
    uid = slots.take()
    for number in (uid, uid, 5):
        slots.give(number)
    assert slots.take() == uid


def test_when_all_are_taken_the_sandbox_is_unavailable(folder):
    slots = users(folder, count=1)
    slots.take()
    with pytest.raises(SandboxUnavailable, match=f"all user ids from {FIRST} to {FIRST} are taken"):
        slots.take()


def test_two_nodes_in_one_process_never_share_an_id(folder):
    one, other = users(folder), users(folder)
    taken = [one.take(), other.take(), one.take()]
    assert sorted(taken) == [FIRST, FIRST + 1, FIRST + 2]


def test_what_a_killed_node_held_is_free_at_once(folder):
    words = [sys.executable, "-c", HOLDER, str(folder), str(FIRST)]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as holder:
        try:
            held = int(holder.stdout.readline())
            slots = users(folder, count=2)
            assert (held, slots.take()) == (FIRST, FIRST + 1)
            with pytest.raises(SandboxUnavailable):
                slots.take()
        finally:
            holder.kill()
            holder.wait()
        assert slots.take() == held


def test_a_program_started_by_the_node_does_not_keep_its_ids(folder):
    slots = users(folder)
    uid = slots.take()
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE, close_fds=False) as child:
        slots.give(uid)
        assert users(folder).take() == uid
        child.communicate(b"\n")


def test_an_id_that_has_a_name_is_left_alone(folder):
    named = next(entry.pw_uid for entry in pwd.getpwall() if entry.pw_uid == 0)
    with pytest.raises(SandboxUnavailable):
        users(folder, count=1, first=named).take()


def test_the_folder_is_closed_to_everybody_else(folder):
    users(folder).take()
    assert folder.stat().st_mode & 0o777 == 0o700
    assert (folder / str(FIRST)).stat().st_mode & 0o777 == 0o600


def test_a_folder_that_others_can_write_to_is_refused(folder):
    folder.mkdir()
    folder.chmod(0o777)
    with pytest.raises(SandboxUnavailable, match="only uid"):
        users(folder).take()


def test_a_link_in_the_folders_place_is_refused(folder, tmp_path):
    (tmp_path / "elsewhere").mkdir(0o700)
    folder.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(SandboxUnavailable):
        users(folder).take()


def test_a_folder_that_cannot_be_made_is_a_clear_error(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(SandboxUnavailable, match="cannot be held in"):
        users(tmp_path / "file" / "users").take()


def test_many_threads_never_share_an_id(folder):
    slots = users(folder, count=8)
    together: set[int] = set()
    clashes: list[int] = []

    def use() -> None:
        for _ in range(50):
            uid = slots.take()
            if uid in together:
                clashes.append(uid)
            together.add(uid)
            together.discard(uid)
            slots.give(uid)

    workers = [threading.Thread(target=use) for _ in range(8)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert clashes == []


def test_no_descriptor_is_left_open(folder):
    before = len(os.listdir("/proc/self/fd"))
    slots = users(folder, count=2)
    other = users(folder, count=2)
    for _ in range(10):
        taken = [slots.take(), other.take()]
        with pytest.raises(SandboxUnavailable):
            other.take()
        slots.give(taken[0])
        other.give(taken[1])
    assert len(os.listdir("/proc/self/fd")) == before
