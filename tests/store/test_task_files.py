"""The files of tasks, on SQLite and on PostgreSQL."""

import hashlib
import io
import random
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import delete, func, insert, select

from idlegrid_server.core.definitions import Task, TaskDefinition
from idlegrid_server.core.errors import NotFound, TooLarge
from idlegrid_server.core.limits import FILE_CHUNK, MAX_FILES, MAX_TASK_FILES_BYTES
from idlegrid_server.core.retention import Ages
from idlegrid_server.record import tables as t
from idlegrid_server.record.task_files import SqlTaskFiles
from idlegrid_server.record.task_rows import task_row

from ..parts import START, forget

LARGE = random.Random(7).randbytes(2 * FILE_CHUNK + 5)


@pytest.fixture
def files(engine, clock) -> SqlTaskFiles:
    """The files of tasks 1 and 2."""
    with engine.begin() as connection:
        for number in (1, 2):
            words = TaskDefinition(name=f"t{number}")
            task = Task(id=number, definition=words, submitter="", created_at=START, updated_at=START)
            connection.execute(insert(t.tasks).values({**task_row(task), "id": number}))
    return SqlTaskFiles(engine, clock.now)


def keep(files, name: str = "a.txt", data: bytes = b"hello", task_id: int = 1) -> bool:
    return files.keep(task_id, name, len(data), hashlib.sha256(data).hexdigest(), io.BytesIO(data))


def content(files, name: str = "a.txt", task_id: int = 1) -> bytes:
    file = files.find(task_id, name)
    return b"".join(files.chunk(file.id, seq) for seq in range(file.chunks))


def names(files, task_id: int = 1) -> list[str]:
    return [file.name for file in files.of_task(task_id)]


def rows(engine) -> int:
    with engine.connect() as connection:
        return connection.scalar(select(func.count()).select_from(t.file_chunks))


@pytest.mark.parametrize("data", [b"", b"\0\xff\r\n", b"x" * FILE_CHUNK, LARGE], ids=["0", "4", "chunk", "large"])
def test_a_file_comes_back_byte_for_byte(files, data):
    assert keep(files, "dir/ünï 'x'.csv", data)
    (file,) = files.of_task(1)
    assert (file.name, file.size, file.media_type, file.created_at) == ("dir/ünï 'x'.csv", len(data), "text/csv", START)
    assert (file.task_id, file.sha256) == (1, hashlib.sha256(data).hexdigest())
    assert content(files, "dir/ünï 'x'.csv") == data


def test_files_are_listed_by_name_and_each_task_has_its_own(files):
    for name in ("b", "a/z", "a"):
        keep(files, name)
    keep(files, "a", b"other", task_id=2)
    assert (names(files), names(files, 2), names(files, 3)) == (["a", "a/z", "b"], ["a"], [])
    assert (content(files, "a"), content(files, "a", 2)) == (b"hello", b"other")
    assert (files.find(1, "c"), files.find(2, "b"), files.chunk("nobody", 0)) == (None, None, None)


def test_the_same_name_again_replaces_and_leaves_no_bytes_behind(files, engine):
    assert keep(files, data=LARGE)
    assert not keep(files, data=b"new")
    assert (names(files), content(files), rows(engine)) == (["a.txt"], b"new", 1)


def test_a_dropped_file_is_gone_with_its_bytes(files, engine):
    keep(files, data=LARGE)
    keep(files, task_id=2)
    assert files.drop(1, "a.txt")
    assert not files.drop(1, "a.txt")
    assert (names(files), names(files, 2), rows(engine)) == ([], ["a.txt"], 1)


def test_a_file_of_an_unknown_task_leaves_nothing_behind(files, engine):
    with pytest.raises(NotFound):
        keep(files, task_id=3)
    assert rows(engine) == 0


def test_a_file_whose_task_is_deleted_while_it_is_written_does_not_appear(files, engine):
    class Meanwhile(io.BytesIO):
        """Its task goes just before the last bytes are read."""

        def read(self, size: int | None = -1, /) -> bytes:
            data = super().read(size)
            if not data:
                with engine.begin() as connection:
                    connection.execute(delete(t.tasks).where(t.tasks.c.id == 1))
            return data

    with pytest.raises(NotFound):
        files.keep(1, "a", len(LARGE), "", Meanwhile(LARGE))
    assert (names(files), rows(engine)) == ([], 0)


def test_a_body_that_breaks_off_leaves_the_older_file_as_it_was(files, engine):
    class Broken(io.BytesIO):
        """Its second piece cannot be read."""

        def read(self, size: int | None = -1, /) -> bytes:
            if self.tell():
                raise OSError("the disk is gone")
            return super().read(size)

    keep(files)
    with pytest.raises(OSError, match="the disk is gone"):
        files.keep(1, "a.txt", len(LARGE), "", Broken(LARGE))
    assert (content(files), rows(engine)) == (b"hello", 1)


def test_the_limits_hold_against_what_is_stored_and_a_namesake_gives_way(files, engine):
    for number in range(MAX_FILES):
        keep(files, f"{number}", b"")
    with pytest.raises(TooLarge):
        keep(files, "one more")
    with pytest.raises(TooLarge):
        files.keep(1, "0", MAX_TASK_FILES_BYTES + 1, "", io.BytesIO(b""))
    assert not files.keep(1, "0", MAX_TASK_FILES_BYTES, "", io.BytesIO(b""))
    with pytest.raises(TooLarge):
        keep(files, "1", b"x")
    assert keep(files, "1", b"x", task_id=2)
    assert rows(engine) == 1


def test_two_that_send_at_once_do_not_pass_the_limit_together(files, engine):
    for number in range(MAX_FILES - 1):
        keep(files, f"{number}", b"")
    gate = threading.Barrier(4)

    def send(name: str) -> bool:
        gate.wait()
        try:
            return keep(files, name)
        except TooLarge:
            return False

    with ThreadPoolExecutor(4) as pool:
        assert sorted(pool.map(send, "abcd")) == [False, False, False, True]
    assert (len(names(files)), rows(engine)) == (MAX_FILES, 1)


# --- retention ---


def test_bytes_of_a_tasks_file_are_not_forgotten_however_old(files, engine, clock):
    keep(files, data=LARGE)
    clock.advance(1_000_000)
    forget(engine, clock, Ages(keys=0))
    assert content(files) == LARGE


def test_files_go_with_their_task(files, engine, clock):
    keep(files, data=LARGE)
    keep(files, task_id=2)
    with engine.begin() as connection:
        connection.execute(delete(t.tasks).where(t.tasks.c.id == 1))
    clock.advance(10)
    forget(engine, clock, Ages(keys=9))
    assert (names(files), names(files, 2), rows(engine)) == ([], ["a.txt"], 1)
