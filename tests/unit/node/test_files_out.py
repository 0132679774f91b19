"""Files as they come out of a sandbox: whatever they are called, and whatever becomes of the disk."""

import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from idlegrid_node.sandbox.collect import MAX_FILE_BYTES, MAX_FILES
from idlegrid_node.sandbox.files import MAX_NAME, MAX_PARTS, FilesOut, clean_name

DISK_FULL = """
import resource, signal, sys
from pathlib import Path
from idlegrid_node.sandbox.files import FilesOut
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
files = FilesOut(Path(sys.argv[1]))
for name, pieces in (("small", [bytes(10)]), ("big", [bytes(60_000)] * 3), ("late", [bytes(60_000), bytes(50_000)]),
                     ("last", [b"x"])):
    files.begin(name.encode(), sum(map(len, pieces)))
    for piece in pieces:
        files.add(piece)
files.end()
print([(file.name, file.path.stat().st_size) for file in files.files], files.left_out)
"""


@pytest.fixture
def files(tmp_path) -> FilesOut:
    return FilesOut(tmp_path / "lease")


def give(files: FilesOut, name: bytes, content: bytes = b"x") -> None:
    files.begin(name, len(content))
    if content:
        files.add(content)
    files.end()


def names(files: FilesOut) -> list[str]:
    return [file.name for file in files.files]


@pytest.mark.parametrize(
    ("raw", "name"),
    [
        (b"a.txt", "a.txt"),
        ("föhn/größe.txt".encode(), "föhn/größe.txt"),
        (b"a b;$(x)'\"", "a b;$(x)'\""),
        (b"a\nb", "a_b"),
        (b"a\x1b[31mb", "a_[31mb"),
        (b"a\xffb", "a_b"),
        (b"a\x00b", "a_b"),
        (b"a\x7f\xc2\x9bb", "a__b"),
        (b"a\\b", "a_b"),
        ("photo\u202egpj.exe".encode(), "photo_gpj.exe"),
        ("a\u2066b\u200bc\u2028d".encode(), "a_b_c_d"),
        ("a\ue000b".encode(), "a_b"),
        (b"...", "..."),
        (b"a/..b", "a/..b"),
    ],
)
def test_a_name_keeps_what_can_be_shown_and_loses_what_steers(raw, name):
    assert clean_name(raw) == name


TOO_LONG, TOO_DEEP = b"x" * (MAX_NAME + 1), b"/".join([b"x"] * (MAX_PARTS + 1))
ELSEWHERE = [b"..", b".", b"../x", b"a/../b", b"a/..", b"./a", b"/etc/passwd", b"a//b", b"a/", b"/"]


@pytest.mark.parametrize("raw", [b"", *ELSEWHERE, TOO_LONG, TOO_DEEP])
def test_a_name_that_leads_elsewhere_or_nowhere_is_refused(raw):
    assert clean_name(raw) is None


def test_the_longest_and_the_deepest_names_are_taken():
    assert clean_name(b"x" * MAX_NAME) == "x" * MAX_NAME
    assert clean_name(("ü" * MAX_NAME).encode()) == "ü" * MAX_NAME
    assert clean_name(b"/".join([b"x"] * MAX_PARTS))


@given(st.binary(max_size=300))
def test_no_bytes_become_a_name_that_the_protocol_refuses(raw):
    name = clean_name(raw)
    if name is not None:
        assert 0 < len(name) <= 255
        assert all(part not in {"", ".", ".."} for part in name.split("/"))
        assert not any(ord(character) < 32 or character in "\x7f\\" for character in name)


def test_what_comes_is_kept_byte_by_byte_under_a_name_of_ours(files, tmp_path):
    files.begin(b"deep/in/here.bin", 6)
    for piece in (b"ab", b"", b"cdef"):
        files.add(piece)
    give(files, b"empty", b"")
    assert [(file.name, file.path.read_bytes()) for file in files.files] == [
        ("deep/in/here.bin", b"abcdef"),
        ("empty", b""),
    ]
    assert all(file.path.parent == tmp_path / "lease" for file in files.files)
    assert files.left_out == 0


def test_a_folder_is_made_only_for_runs_that_leave_something(files, tmp_path):
    files.end()
    assert list(tmp_path.iterdir()) == []
    give(files, b"a")
    assert (tmp_path / "lease").stat().st_mode & 0o077 == 0


def test_two_names_that_become_the_same_are_one_file(files):
    give(files, b"a\n", b"first")
    give(files, b"a\x1b", b"second")
    assert [(file.name, file.path.read_bytes()) for file in files.files] == [("a_", b"first")]
    assert files.left_out == 1


def test_a_file_with_no_possible_name_is_taken_in_and_dropped(files):
    give(files, b"../../etc/passwd")
    give(files, b"good")
    assert (names(files), files.left_out) == (["good"], 1)


def test_no_more_than_a_hundred_are_kept(files):
    for number in range(MAX_FILES + 7):
        give(files, b"%d" % number)
    assert (len(files.files), files.left_out) == (MAX_FILES, 7)


def test_no_more_than_fifty_megabytes_are_kept_whatever_the_inside_says(files):
    half = MAX_FILE_BYTES // 2
    for name in (b"a", b"b", b"c"):
        files.begin(name, half)
    files.end()
    assert (names(files), files.left_out) == (["a", "b"], 1)


def test_a_file_whose_end_never_came_is_lost(files):
    give(files, b"whole", b"whole")
    files.begin(b"half", 1000)
    files.add(b"only this")
    files.cut_off()
    assert (names(files), files.left_out) == (["whole"], 1)
    files.cut_off()
    assert files.left_out == 1


def test_discarding_leaves_nothing(files, tmp_path):
    give(files, b"a")
    files.begin(b"b", 10)
    files.discard()
    assert files.files == []
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_made_loses_the_files_and_not_the_run(tmp_path):
    (tmp_path / "lease").write_text("in the way")
    files = FilesOut(tmp_path / "lease" / "deeper")
    give(files, b"a")
    give(files, b"b")
    assert (files.files, files.left_out) == ([], 2)


def test_a_full_disk_loses_the_file_that_did_not_fit_and_keeps_the_others(tmp_path):
    done = subprocess.run(
        [sys.executable, "-X", "dev", "-c", DISK_FULL, str(tmp_path / "lease")],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "[('small', 10), ('last', 1)] 2\n"
    assert done.stderr == ""
    assert len(list((tmp_path / "lease").iterdir())) == 2
