"""Files that attempts leave: names, limits, and whose files count."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from idlegrid_server.core.commands import CancelRun, ExpireLeases
from idlegrid_server.core.errors import NotFound, StaleReport, TooLarge
from idlegrid_server.core.files import StoredFile, Upload, check_upload, is_good_name, media_type, outdated
from idlegrid_server.core.limits import FILE_CHUNK, MAX_FILES, MAX_FILES_BYTES

from .table import held


@pytest.fixture
def run(table):
    """A run that n1 holds."""
    run = table.submit()
    table.lease(run.uuid)
    return run


def upload(run, name="a.txt", size=1, lease_id=None) -> Upload:
    return Upload(run_uuid=run.uuid, lease_id=lease_id or run.lease_id, name=name, size=size)


def stored(name="a.txt", size=1, lease_id="a" * 32) -> StoredFile:
    return StoredFile(name, 1, lease_id, name, size, "", "text/plain", 0.0)


GOOD = [
    "a",
    "a.txt",
    "out/plots/p 1.png",
    "ünï/日本.csv",
    "...",
    "..a",
    ".hidden",
    "a\u2028b",
    "x" * 255,
    "/".join("a" * 16),
]
BAD = [
    *("", ".", "..", "/a", "a/", "a//b", "./a", "a/.", "../a", "a/../b", "a/..", "a\\b", "\\", "a\0b", "a\nb", "a\n"),
    *("\x7f", "\x85", "\ud800", "x" * 256, "/".join("a" * 17)),
]


@pytest.mark.parametrize("name", GOOD)
def test_a_name_that_stays_where_it_begins_is_good(name):
    assert is_good_name(name)


@pytest.mark.parametrize("name", BAD, ids=ascii)
def test_any_other_name_is_not(name):
    assert not is_good_name(name)


@given(st.text(max_size=300))
def test_a_good_name_never_leads_out_of_its_folder(name):
    parts = name.split("/")
    assert not is_good_name(name) or (".." not in parts and "" not in parts and not name.startswith("/"))


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("a.txt", "text/plain"),
        ("a/b.PNG", "image/png"),
        ("a.tar.gz", "application/gzip"),
        ("data", "application/octet-stream"),
        ("data:text/html,x", "application/octet-stream"),
        ("a.unheard-of", "application/octet-stream"),
        (".csv", "application/octet-stream"),
    ],
)
def test_a_media_type_follows_from_the_name(name, kind):
    assert media_type(name) == kind


@pytest.mark.parametrize(
    ("size", "chunks"), [(0, 0), (1, 1), (FILE_CHUNK, 1), (FILE_CHUNK + 1, 2), (MAX_FILES_BYTES, 50)]
)
def test_a_files_bytes_lie_in_as_many_rows_as_they_need(size, chunks):
    assert stored(size=size).chunks == chunks


def test_the_newest_attempt_may_leave_files_until_it_reports(table, run):
    assert check_upload(run, upload(run), []) is run
    table.report(run, "evicted")
    with pytest.raises(StaleReport, match="has ended"):
        check_upload(run, upload(run), [])


def test_a_late_attempt_may_leave_files_until_a_newer_one_is_there(table, run):
    old = run.lease_id
    table.beat(held(run))
    table.now = run.lease_expires_at
    table.do(ExpireLeases([run.uuid]))
    assert check_upload(run, upload(run), []) is run
    table.lease(run.uuid, lease_id="b" * 32)
    with pytest.raises(StaleReport, match="a newer attempt"):
        check_upload(run, upload(run, lease_id=old), [])


def test_a_run_that_is_unknown_or_cancelled_takes_no_files(table, run):
    with pytest.raises(NotFound):
        check_upload(None, upload(run), [])
    table.do(CancelRun(run.id))
    with pytest.raises(StaleReport):
        check_upload(run, upload(run), [])


def test_an_attempt_may_leave_so_many_files_and_no_more(run):
    full = [stored(f"{number}", lease_id=run.lease_id) for number in range(MAX_FILES)]
    with pytest.raises(TooLarge, match="at most 100 files"):
        check_upload(run, upload(run), full)
    check_upload(run, upload(run), full[1:])
    check_upload(run, upload(run, "7"), full)


def test_all_files_of_an_attempt_together_have_a_limit(run):
    kept = [stored("a", MAX_FILES_BYTES - 5, run.lease_id)]
    check_upload(run, upload(run, "b", 5), kept)
    check_upload(run, upload(run, "a", MAX_FILES_BYTES), kept)
    with pytest.raises(TooLarge, match="at most 50 MiB"):
        check_upload(run, upload(run, "b", 6), kept)


def test_what_older_attempts_left_does_not_count(run):
    kept = [stored(f"{number}", MAX_FILES_BYTES, "0" * 32) for number in range(MAX_FILES)]
    check_upload(run, upload(run), kept)


def test_a_new_file_replaces_its_namesake_and_all_of_older_attempts(run):
    kept = [stored("a.txt", 1, run.lease_id), stored("b.txt", 1, run.lease_id), stored("c.txt", 1, "0" * 32)]
    assert [file.name for file in outdated(upload(run), kept)] == ["a.txt", "c.txt"]
