"""Removing what hostile code left: however deep, shut or linked it is, and nothing else."""

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from idlegrid_node.sandbox.confine import remove_tree

DEEP = 5_000
AS_NOBODY = """
import os, sys
from idlegrid_node.sandbox.confine import remove_tree
os.chdir(sys.argv[1])
if os.geteuid() == 0:
    os.setgroups([]); os.setgid(65534); os.setuid(65534)
for name in ("open/shut", "wx"):
    os.makedirs("tree/" + name)
    open(f"tree/{name}/file", "w").close()
    os.chmod("tree/" + name, {"wx": 0o300}.get(name, 0))
os.chmod("tree", int(sys.argv[2], 8))
remove_tree("tree")
"""


@pytest.fixture
def outside(tmp_path) -> Path:
    """A folder that must stay as it is."""
    folder = tmp_path / "outside"
    folder.mkdir()
    (folder / "kept").write_text("kept")
    folder.chmod(0o755)
    return folder


@pytest.fixture
def tree(tmp_path) -> Path:
    folder = tmp_path / "tree"
    folder.mkdir()
    return folder


def make_deep(folder: Path, depth: int) -> None:
    """Make folders within folders, far deeper than a path may be long."""
    at = os.open(folder, os.O_RDONLY)
    for _ in range(depth):
        os.mkdir("d", dir_fd=at)
        os.close(os.open("f", os.O_CREAT | os.O_WRONLY, dir_fd=at))
        below = os.open("d", os.O_RDONLY, dir_fd=at)
        os.close(at)
        at = below
    os.close(at)


def test_a_folder_goes_with_all_that_is_in_it(tree):
    (tree / "a" / "b").mkdir(parents=True)
    (tree / "a" / "b" / "file").write_text("x")
    (tree / "a" / "file").write_text("x")
    (tree / ".hidden").write_text("x")
    os.mkfifo(tree / "a" / "fifo")
    os.link(tree / "a" / "file", tree / "again")
    remove_tree(str(tree))
    assert not tree.exists()


def test_no_depth_is_too_deep(tree):
    make_deep(tree, DEEP)
    remove_tree(str(tree))
    assert not tree.exists()


def test_no_symbolic_link_is_followed(tree, outside):
    (tree / "folder").symlink_to(outside)
    (tree / "file").symlink_to(outside / "kept")
    (tree / "nowhere").symlink_to("/nowhere")
    (tree / "self").symlink_to(tree)
    (tree / "a" / "b").mkdir(parents=True)
    (tree / "a" / "b" / "up").symlink_to(outside)
    remove_tree(str(tree))
    assert not tree.exists()
    assert (outside / "kept").read_text() == "kept"
    assert stat.S_IMODE(outside.stat().st_mode) == 0o755


def test_a_link_in_the_place_of_the_folder_is_refused(tmp_path, outside):
    (tmp_path / "tree").symlink_to(outside)
    with pytest.raises(OSError):
        remove_tree(str(tmp_path / "tree"))
    assert (outside / "kept").exists()


@pytest.mark.parametrize("mode", ["700", "500", "300", "000"])
def test_folders_without_permissions_go_too(tmp_path, mode):
    """As an ordinary user: root is never refused."""
    tmp_path.chmod(0o777)
    for parent in tmp_path.parents[:2]:
        parent.chmod(0o755)
    subprocess.run([sys.executable, "-c", AS_NOBODY, str(tmp_path), mode], check=True)
    assert not (tmp_path / "tree").exists()


def test_names_that_look_like_the_removers_own_are_nothing_special(tree):
    (tree / "a" / "b" / "c").mkdir(parents=True)
    for number in range(5):
        for pid in (os.getpid(), os.getppid()):
            (tree / f".{number}.{pid}.moved" / "full").mkdir(parents=True)
            (tree / f".{number}.{pid}.moved" / "full" / "file").write_text("x")
    remove_tree(str(tree))
    assert not tree.exists()


def test_a_folder_that_is_gone_is_an_error(tmp_path):
    with pytest.raises(FileNotFoundError):
        remove_tree(str(tmp_path / "gone"))
