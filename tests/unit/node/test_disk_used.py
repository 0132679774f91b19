"""How much disk code takes where no file system of its own bounds it: nothing is out of sight."""

import os
import subprocess
import sys

import pytest

from idlegrid_node.sandbox.confine import FULL, MAX_DEPTH, named_bytes, nameless_bytes

MIB = 2**20
HOLD = """
import os, sys
file = open("held", "wb")
os.unlink("held")
file.write(bytes(2**20)); file.flush()
again = os.dup(file.fileno())
print("up", flush=True)
sys.stdin.read()
"""


def used(folder) -> float:
    fd = os.open(folder, os.O_RDONLY)
    try:
        return named_bytes(fd)
    finally:
        os.close(fd)


def test_all_files_below_a_folder_count(tmp_path):
    (tmp_path / "a" / "b").mkdir(parents=True)
    for name in ("one", "a/two", "a/b/three"):
        (tmp_path / name).write_bytes(b"x" * MIB)
    assert 3 * MIB <= used(tmp_path) < 4 * MIB


def test_holes_and_links_count_nothing(tmp_path):
    with open(tmp_path / "sparse", "wb") as file:
        file.truncate(1000 * MIB)
    (tmp_path / "link").symlink_to("/usr")
    assert used(tmp_path) < MIB


def test_what_lies_too_deep_to_be_looked_at_counts_as_too_much(tmp_path):
    folder = tmp_path
    for _ in range(MAX_DEPTH):
        folder = folder / "d"
        folder.mkdir()
    (folder / "file").write_bytes(b"x")
    assert used(tmp_path) < MIB
    (folder / "d").mkdir()
    assert used(tmp_path) == FULL


@pytest.mark.skipif(os.geteuid() == 0, reason="root may look into everything")
def test_what_may_not_be_looked_into_counts_as_too_much(tmp_path):
    (tmp_path / "shut").mkdir(mode=0o300)
    assert used(tmp_path) == FULL


def test_an_open_file_without_a_name_counts_once(tmp_path):
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD], cwd=tmp_path, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    with holder:
        assert holder.stdout.readline() == "up\n"
        assert used(tmp_path) < MIB
        device = tmp_path.stat().st_dev
        assert MIB <= nameless_bytes({holder.pid, 2**22 + 1}, device) < 2 * MIB
        assert nameless_bytes({holder.pid}, device + 1) == 0
        assert nameless_bytes({os.getpid()}, device) < MIB
        holder.stdin.close()
