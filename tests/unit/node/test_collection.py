"""Files on their way out: the part that runs inside, for real, over folders that hostile code could leave."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from idlegrid_node.sandbox.collect import MAX_DEPTH, MAX_FILE_BYTES, MAX_FILES
from idlegrid_node.sandbox.report import FileBegins, FileBytes, Line, ReportParser

COLLECT = """
import os
from idlegrid_node.sandbox.collect import collect
left_out = collect(lambda data: os.write(1, data))
os.write(1, b"end %d\\n" % left_out)
"""
PATIENCE = 60
"""Seconds; what blocks would block for ever."""

Sent = dict[bytes, bytes]


@pytest.fixture
def out(tmp_path) -> Path:
    folder = tmp_path / "out"
    folder.mkdir()
    return folder


def collected(folder: Path) -> tuple[Sent, int]:
    """Return what comes out of `folder`, and how much is left out."""
    done = subprocess.run(
        [sys.executable, "-c", COLLECT],
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        timeout=PATIENCE,
        check=True,
    )
    files: Sent = {}
    *events, end = ReportParser().feed(done.stdout)
    for event in events:
        match event:
            case FileBegins(name, _):
                files[name] = b""
                last = name
            case FileBytes(data):
                files[last] += data
    assert isinstance(end, Line)
    assert end.words[0] == b"end"
    return files, int(end.words[1])


def test_regular_files_come_out_with_their_folders(out, tmp_path):
    (out / "a" / "b").mkdir(parents=True)
    (out / "a" / "b" / "deep.bin").write_bytes(bytes(range(256)) * 3000)
    (out / "empty").touch()
    (out / "nothing in here").mkdir()
    assert collected(tmp_path) == ({b"a/b/deep.bin": bytes(range(256)) * 3000, b"empty": b""}, 0)


def test_no_symbolic_link_is_followed(out, tmp_path):
    (tmp_path / "secret").write_text("hunter2")
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "secret").write_text("hunter2")
    (out / "file").symlink_to(tmp_path / "secret")
    (out / "folder").symlink_to(tmp_path / "folder")
    (out / "up").symlink_to("..")
    (out / "nowhere").symlink_to("/nowhere")
    (out / "proc").symlink_to("/proc/self/environ")
    assert collected(tmp_path) == ({}, 5)


def test_an_out_that_is_a_link_gives_nothing(tmp_path):
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "secret").write_text("hunter2")
    (tmp_path / "out").symlink_to(tmp_path / "folder")
    assert collected(tmp_path) == ({}, 1)


def test_an_out_that_is_a_file_gives_nothing(tmp_path):
    (tmp_path / "out").write_text("x")
    assert collected(tmp_path) == ({}, 1)


def test_what_is_no_file_is_never_opened(out, tmp_path, monkeypatch):
    os.mkfifo(out / "fifo")
    monkeypatch.chdir(out)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind("socket")  # relative: the whole path may be too long for a socket's name
    (out / "good").write_text("good")
    assert collected(tmp_path) == ({b"good": b"good"}, 2)


def test_a_device_is_never_opened(out, tmp_path):
    try:
        os.mknod(out / "zero", 0o020666, os.makedev(1, 5))
    except PermissionError:
        pytest.skip("only root may make a device, and not in every container")
    assert collected(tmp_path) == ({}, 1)


def test_of_a_setuid_file_only_the_content_comes(out, tmp_path):
    (out / "tool").write_text("x")
    (out / "tool").chmod(0o4755)
    assert collected(tmp_path) == ({b"tool": b"x"}, 0)


def test_a_hard_link_is_a_file_as_any(out, tmp_path):
    (out / "one").write_text("x")
    os.link(out / "one", out / "two")
    assert collected(tmp_path) == ({b"one": b"x", b"two": b"x"}, 0)


def test_folders_beyond_a_depth_are_left_out(out, tmp_path):
    at = os.open(out, os.O_RDONLY)
    for depth in range(300):
        os.close(os.open(f"file{depth}", os.O_CREAT | os.O_WRONLY, dir_fd=at))
        os.mkdir("d", dir_fd=at)
        below = os.open("d", os.O_RDONLY, dir_fd=at)
        os.close(at)
        at = below
    os.close(at)
    files, left_out = collected(tmp_path)
    assert sorted(files) == sorted(b"d/" * depth + b"file%d" % depth for depth in range(MAX_DEPTH))
    assert left_out > 0


def test_names_of_any_bytes_come_as_they_are(out, tmp_path):
    names = [b"a\nb", b"\x1b[31m", b"\xff\xfe", b"file 3 1", b"end 0", b" ", b"x" * 255, "größe".encode()]
    for name in names:
        Path(os.fsdecode(os.path.join(os.fsencode(out), name))).write_bytes(b"content of " + name)
    assert collected(tmp_path) == ({name: b"content of " + name for name in names}, 0)


def test_of_too_many_files_the_first_hundred_come(out, tmp_path):
    for number in range(150):
        (out / f"{number:03}").write_text(str(number))
    files, left_out = collected(tmp_path)
    assert files == {b"%03d" % number: b"%d" % number for number in range(MAX_FILES)}
    assert left_out == 50


def test_a_file_that_is_too_large_is_left_out_and_smaller_ones_come(out, tmp_path):
    with open(out / "a-sparse-one", "wb") as file:
        file.truncate(60 * 2**20)
    (out / "small").write_text("x")
    assert collected(tmp_path) == ({b"small": b"x"}, 1)


def test_all_together_are_bounded(out, tmp_path):
    for name in ("a", "b", "c"):
        with open(out / name, "wb") as file:
            file.truncate(20 * 2**20)
    files, left_out = collected(tmp_path)
    assert (sorted(files), left_out) == ([b"a", b"b"], 1)
    assert sum(map(len, files.values())) <= MAX_FILE_BYTES


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_what_may_not_be_read_is_left_out(out, tmp_path):
    (out / "file").write_text("x")
    (out / "file").chmod(0)
    (out / "folder").mkdir(mode=0)
    assert collected(tmp_path) == ({}, 2)
    (out / "folder").chmod(0o700)
