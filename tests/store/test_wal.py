"""The write-ahead log is moved into the database by nobody whom somebody waits for."""

import pytest

from idlegrid_server.core.commands import MakeRuns
from idlegrid_server.record.wal import WalMover

from ..parts import START, open_record, submission
from .conftest import Pen


class Still:
    def now(self) -> float:
        return START


@pytest.fixture
def filled(tmp_path):
    """A record with more in its log than SQLite would leave there by itself."""
    engine = open_record(tmp_path)
    pen = Pen(engine, Still())
    for turn in range(4):
        pen.do(MakeRuns([submission("x" * 9_000)] * 200, [f"{turn}-{n}" for n in range(200)]))
    yield engine
    engine.dispose()


def test_no_commit_moves_the_log_and_a_look_moves_all_of_it(filled):
    mover = WalMover(filled)
    pages, moved = mover.move()
    assert pages > 1_000
    assert moved == pages


def test_the_thread_moves_it_and_ends_when_told(filled, eventually):
    mover = WalMover(filled)
    mover.start()
    database = filled.url.database
    before = _size(database)
    eventually(lambda: _size(database) > before, "the pages are in the database")
    mover.stop()
    mover.stop()


@pytest.mark.postgres
def test_postgresql_needs_none(postgres):
    mover = WalMover(postgres)
    mover.start()
    mover.stop()


def _size(path: str) -> int:
    with open(path, "rb") as file:
        return file.seek(0, 2)
