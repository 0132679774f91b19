"""The bytes of files, on SQLite and on PostgreSQL."""

import hashlib
import io
import random
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import delete, func, select

from idlegrid_server.core.commands import CancelRun, LeaseRuns, MakeRuns, Report, ReportRuns
from idlegrid_server.core.errors import NotFound, StaleReport, TooLarge
from idlegrid_server.core.files import Upload
from idlegrid_server.core.limits import FILE_CHUNK, MAX_FILES, MAX_FILES_BYTES
from idlegrid_server.core.model import Outcome
from idlegrid_server.core.retention import Ages
from idlegrid_server.record import tables as t
from idlegrid_server.record.files import SqlFiles

from ..parts import START, EndsWith, forget, offer, submission

LEASES = ("a" * 32, "b" * 32)
LARGE = random.Random(7).randbytes(2 * FILE_CHUNK + 5)


@pytest.fixture
def files(engine, clock) -> SqlFiles:
    return SqlFiles(engine, clock.now)


@pytest.fixture(autouse=True)
def run(pen):
    """A run that its first attempt holds."""
    run = pen.do(MakeRuns([submission()], ["u1"]))[0]
    lease(pen)
    return run


def lease(pen, lease_id: str = LEASES[0]) -> None:
    command = LeaseRuns(offer(), [lease_id], 10.0)
    command.popped = ["u1"]
    pen.do(command)


def report(pen, outcome: str = "evicted", lease_id: str = LEASES[0]) -> None:
    pen.do(ReportRuns("n1", [Report(run_uuid="u1", lease_id=lease_id, outcome=Outcome(outcome))]))


def keep(files, name: str = "a.txt", data: bytes = b"hello", lease_id: str = LEASES[0], run: str = "u1") -> None:
    digest = hashlib.sha256(data).hexdigest()
    wish = Upload(run_uuid=run, lease_id=lease_id, name=name, size=len(data), sha256=digest)
    files.check(wish)
    files.keep(wish, io.BytesIO(data))


def content(files, name: str = "a.txt") -> bytes:
    file = files.find(1, name)
    return b"".join(files.chunk(file.id, seq) for seq in range(file.chunks))


def names(files) -> list[str]:
    return [file.name for file in files.of_run(1)]


def rows(engine) -> int:
    with engine.connect() as connection:
        return connection.scalar(select(func.count()).select_from(t.file_chunks))


@pytest.mark.parametrize("data", [b"", b"\0\xff\r\n", b"x" * FILE_CHUNK, LARGE], ids=["0", "4", "chunk", "large"])
def test_a_file_comes_back_byte_for_byte(files, data):
    keep(files, "dir/ünï 'x'.csv", data)
    (file,) = files.of_run(1)
    assert (file.name, file.size, file.media_type, file.created_at) == ("dir/ünï 'x'.csv", len(data), "text/csv", START)
    assert file.sha256 == hashlib.sha256(data).hexdigest()
    assert content(files, "dir/ünï 'x'.csv") == data


def test_no_piece_is_larger_than_a_chunk(files, engine):
    keep(files, data=LARGE)
    with engine.connect() as connection:
        sizes = list(connection.scalars(select(func.length(t.file_chunks.c.data)).order_by(t.file_chunks.c.seq)))
    assert sizes == [FILE_CHUNK, FILE_CHUNK, 5]


def test_files_are_listed_by_name_and_counted(files, pen):
    for name in ("b", "a/z", "a"):
        keep(files, name)
    assert names(files) == ["a", "a/z", "b"]
    assert pen.reader.detail(1).files == 3
    assert (files.of_run(2), files.find(1, "c"), files.find(2, "a"), files.chunk("nobody", 0)) == ([], None, None, None)


def test_the_same_name_again_replaces_and_leaves_no_bytes_behind(files, engine):
    keep(files, data=LARGE)
    keep(files, data=b"new")
    assert (names(files), content(files), rows(engine)) == (["a.txt"], b"new", 1)


def test_files_of_an_older_attempt_vanish_when_a_newer_one_sends_its_first(files, pen, engine):
    keep(files, "old-1")
    keep(files, "old-2")
    report(pen)
    lease(pen, LEASES[1])
    assert names(files) == ["old-1", "old-2"]
    keep(files, "new", lease_id=LEASES[1])
    assert (names(files), rows(engine)) == (["new"], 1)


@pytest.mark.parametrize(("lease_id", "run"), [(LEASES[1], "u1"), (LEASES[0], "nobody")])
def test_a_file_of_nobody_leaves_nothing_behind(files, engine, lease_id, run):
    wish = Upload(run_uuid=run, lease_id=lease_id, name="a", size=5)
    with pytest.raises((StaleReport, NotFound)):
        files.check(wish)
    with pytest.raises((StaleReport, NotFound)):
        files.keep(wish, io.BytesIO(LARGE))
    assert (names(files), rows(engine)) == ([], 0)


@pytest.mark.parametrize("end", ["report", "cancel"])
def test_after_the_end_files_are_refused_and_those_that_came_stay(files, pen, engine, end):
    keep(files)
    if end == "report":
        report(pen, "completed")
    else:
        pen.do(CancelRun(1))
    with pytest.raises(StaleReport):
        keep(files, "late")
    assert (names(files), rows(engine)) == (["a.txt"], 1)


def test_a_file_whose_attempt_ends_while_it_is_written_does_not_appear(files, pen, engine):
    with pytest.raises(StaleReport):
        files.keep(
            Upload(run_uuid="u1", lease_id=LEASES[0], name="a", size=len(LARGE)), EndsWith(LARGE, lambda: report(pen))
        )
    assert (names(files), rows(engine)) == ([], 0)


def test_a_body_that_breaks_off_leaves_nothing_behind(files, engine):
    class Broken(io.BytesIO):
        """Its second piece cannot be read."""

        def read(self, size: int | None = -1, /) -> bytes:
            if self.tell():
                raise OSError("the disk is gone")
            return super().read(size)

    with pytest.raises(OSError, match="the disk is gone"):
        files.keep(Upload(run_uuid="u1", lease_id=LEASES[0], name="a", size=len(LARGE)), Broken(LARGE))
    assert (names(files), rows(engine)) == ([], 0)


def test_the_limits_hold_against_what_is_stored(files):
    for number in range(MAX_FILES):
        keep(files, f"{number}", b"")
    with pytest.raises(TooLarge):
        keep(files, "one more")
    wish = Upload(run_uuid="u1", lease_id=LEASES[0], name="0", size=MAX_FILES_BYTES + 1)
    with pytest.raises(TooLarge):
        files.keep(wish, io.BytesIO(b""))


def test_files_sent_at_the_same_time_are_all_there_and_one_name_is_there_once(files, engine):
    gate = threading.Barrier(6)

    def send(number: int) -> None:
        gate.wait()
        keep(files, f"{number % 3}", b"%d" % number)

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(send, range(6)))
    assert (names(files), rows(engine)) == (["0", "1", "2"], 3)


def test_two_that_send_at_once_do_not_pass_the_limit_together(files, engine):
    for number in range(MAX_FILES - 1):
        keep(files, f"{number}", b"")
    gate = threading.Barrier(4)

    def send(name: str) -> bool:
        gate.wait()
        try:
            keep(files, name)
        except TooLarge:
            return False
        return True

    with ThreadPoolExecutor(4) as pool:
        assert sorted(pool.map(send, "abcd")) == [False, False, False, True]
    assert (len(names(files)), rows(engine)) == (MAX_FILES, 1)


# --- retention ---


def test_bytes_of_a_file_that_never_appeared_are_forgotten_after_a_while(files, engine, clock):
    keep(files, "whole", LARGE)
    with engine.begin() as connection:
        for seq in range(2):
            row = {"file_id": "orphan", "seq": seq, "created_at": clock.now(), "data": b"x"}
            connection.execute(t.file_chunks.insert().values(row))
    forget(engine, clock, Ages(keys=0))
    assert rows(engine) == 5
    clock.advance(10)
    forget(engine, clock, Ages(keys=9))
    assert rows(engine) == 3
    assert content(files, "whole") == LARGE


def test_files_go_with_their_run(files, engine, clock):
    keep(files, "a", LARGE)
    with engine.begin() as connection:
        connection.execute(delete(t.runs))
    clock.advance(10)
    forget(engine, clock, Ages(keys=9))
    assert (files.of_run(1), rows(engine)) == ([], 0)
