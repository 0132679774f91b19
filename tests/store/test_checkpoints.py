"""Checkpoints of runs, on SQLite and on PostgreSQL: what is kept, who goes on from it, and when it is dropped."""

import hashlib
import io
import random
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest
from sqlalchemy import Engine, delete, event, func, insert, select

from idlegrid_server.core.checkpoints import MAX_UNAVAILABLE, UNAVAILABLE, Checkpoint, CheckpointUpload
from idlegrid_server.core.commands import (
    CancelRun,
    Lease,
    LeaseRuns,
    MakeRuns,
    Report,
    ReportRuns,
    TellCheckpoint,
)
from idlegrid_server.core.errors import NotFound, StaleReport, TooLarge
from idlegrid_server.core.limits import FILE_CHUNK, MAX_CHECKPOINT_BYTES
from idlegrid_server.core.model import Outcome
from idlegrid_server.core.retention import Ages
from idlegrid_server.record import tables as t
from idlegrid_server.record.backup import back_up, restore
from idlegrid_server.record.checkpoints import SqlCheckpoints
from idlegrid_server.record.old_rows import EndedCheckpoints

from ..parts import START, EndsWith, forget, offer, submission
from .backups import silent

FIRST, SECOND = "a" * 32, "b" * 32
LARGE = random.Random(7).randbytes(2 * FILE_CHUNK + 5)


@pytest.fixture
def checkpoints(engine, clock) -> SqlCheckpoints:
    return SqlCheckpoints(engine, clock.now)


@pytest.fixture(autouse=True)
def run(pen):
    """A run that its first attempt holds."""
    run = pen.do(MakeRuns([submission(retry_limit=5)], ["u1"]))[0]
    lease(pen)
    return run


def lease(pen, lease_id: str = FIRST, via: str = "node", run: str = "u1") -> Lease:
    command = LeaseRuns(offer(), [lease_id], 10.0, via=via)
    command.popped = [run]
    (given,) = pen.do(command)
    return given


def report(pen, outcome: str = "evicted", lease_id: str = FIRST, reason: str = "") -> None:
    pen.do(ReportRuns("n1", [Report(run_uuid="u1", lease_id=lease_id, outcome=Outcome(outcome), reason=reason)]))


def upload(data: bytes, lease_id: str = FIRST, run: str = "u1") -> CheckpointUpload:
    digest = hashlib.sha256(data).hexdigest()
    return CheckpointUpload(run_uuid=run, lease_id=lease_id, size=len(data), sha256=digest)


def keep(checkpoints, data: bytes = b"state", lease_id: str = FIRST) -> Checkpoint:
    wish = upload(data, lease_id)
    checkpoints.check(wish)
    return checkpoints.keep(wish, io.BytesIO(data))


def content(checkpoints) -> bytes:
    kept = checkpoints.find(1)
    return b"".join(checkpoints.chunk(kept.id, seq) for seq in range(kept.chunks))


def rows(engine: Engine, table=t.file_chunks) -> int:
    with engine.connect() as connection:
        return connection.scalar(select(func.count()).select_from(table))


def story(pen) -> list[tuple[str, str]]:
    return [(what, detail) for _, what, detail in pen.reader.detail(1).story]


@contextmanager
def asked(engine: Engine) -> Iterator[list[str]]:
    """All that the database is asked within the block."""
    statements: list[str] = []

    def note(*words: object) -> None:
        statements.append(str(words[2]))

    event.listen(engine, "before_cursor_execute", note)
    yield statements
    event.remove(engine, "before_cursor_execute", note)


# --- what is kept ---


@pytest.mark.parametrize("data", [b"", LARGE], ids=["empty", "large"])
def test_a_checkpoint_comes_back_byte_for_byte(checkpoints, data):
    kept = keep(checkpoints, data)
    assert checkpoints.find(1) == kept
    assert (kept.run_id, kept.lease_id, kept.attempt, kept.size, kept.created_at) == (1, FIRST, 1, len(data), START)
    assert (kept.sha256, content(checkpoints)) == (hashlib.sha256(data).hexdigest(), data)
    assert checkpoints.find(2) is None


def test_a_newer_one_replaces_it_and_leaves_no_bytes_behind(checkpoints, engine):
    keep(checkpoints, random.Random(1).randbytes(9 * FILE_CHUNK))
    assert rows(engine) == 9
    keep(checkpoints, b"new")
    assert (content(checkpoints), rows(engine), rows(engine, t.checkpoints)) == (b"new", 1, 1)


@pytest.mark.parametrize(
    ("wish", "error"),
    [
        (upload(LARGE, SECOND), StaleReport),
        (upload(LARGE, run="nobody"), NotFound),
        (CheckpointUpload(run_uuid="u1", lease_id=FIRST, size=MAX_CHECKPOINT_BYTES + 1), TooLarge),
    ],
    ids=["stale", "unknown", "large"],
)
def test_one_that_is_not_taken_leaves_nothing_behind(checkpoints, engine, wish, error):
    keep(checkpoints)
    for refused in (lambda: checkpoints.check(wish), lambda: checkpoints.keep(wish, io.BytesIO(LARGE))):
        with pytest.raises(error):
            refused()
    assert (content(checkpoints), rows(engine)) == (b"state", 1)


def test_one_whose_attempt_ends_while_it_is_written_does_not_replace_the_older(checkpoints, pen, engine):
    keep(checkpoints)
    with pytest.raises(StaleReport):
        checkpoints.keep(upload(LARGE), EndsWith(LARGE, lambda: report(pen)))
    assert (content(checkpoints), rows(engine)) == (b"state", 1)


def test_of_two_that_come_at_once_one_is_kept_whole(checkpoints, engine):
    gate = threading.Barrier(4)

    def send(number: int) -> None:
        gate.wait()
        keep(checkpoints, bytes([number]) * (2 * FILE_CHUNK))

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(send, range(4)))
    assert content(checkpoints) in [bytes([number]) * (2 * FILE_CHUNK) for number in range(4)]
    assert (rows(engine), rows(engine, t.checkpoints)) == (2, 1)


# --- who goes on from it ---


def test_the_next_attempt_goes_on_from_it_and_the_story_says_so(checkpoints, pen):
    kept = keep(checkpoints, bytes(1_500_000))
    pen.do(TellCheckpoint("u1", kept))
    report(pen)
    given = lease(pen, SECOND)
    assert (given.number, given.checkpoint) == (2, kept)
    assert story(pen)[-3:] == [("evict", ""), ("lease", "n1"), ("resumed", "from the checkpoint of attempt 1")]
    assert ("checkpoint", "1.5 MB of attempt 1") in story(pen)
    newer = keep(checkpoints, b"more", SECOND)
    assert (pen.reader.detail(1).checkpoint, newer.attempt) == (newer, 2)


@pytest.mark.parametrize("outcome", ["evicted", "returned", "lost", "crashed", "failed", "timed_out"])
def test_it_is_kept_however_the_attempt_ended_while_the_run_goes_on(checkpoints, pen, outcome):
    kept = keep(checkpoints)
    report(pen, outcome)
    assert pen.reader.detail(1).checkpoint == kept


def test_a_legacy_worker_gets_none(checkpoints, pen):
    keep(checkpoints)
    report(pen)
    assert lease(pen, SECOND, via="legacy").checkpoint is None
    assert "resumed" not in dict(story(pen))


def test_one_that_no_node_can_use_is_given_up(checkpoints, pen):
    keep(checkpoints)
    report(pen)
    for number in range(MAX_UNAVAILABLE):
        lease_id = f"{number:032x}"
        assert lease(pen, lease_id).checkpoint is not None
        report(pen, "returned", lease_id, UNAVAILABLE)
    given = lease(pen, SECOND)
    assert given.checkpoint is None
    keep(checkpoints, b"new", SECOND)
    report(pen, lease_id=SECOND)
    assert lease(pen, "c" * 32).checkpoint.attempt == given.number


def test_a_first_attempt_asks_for_no_checkpoint(checkpoints, pen, engine):
    pen.do(MakeRuns([submission()], ["u2"]))
    report(pen)
    with asked(engine) as statements:
        lease(pen, "c" * 32, run="u2")
        assert not [words for words in statements if "checkpoints" in words]
        lease(pen, SECOND)
        assert len([words for words in statements if "checkpoints" in words]) == 1


def test_a_story_of_a_run_that_ended_meanwhile_is_not_told_of(checkpoints, pen):
    kept = keep(checkpoints)
    pen.do(CancelRun(1))
    pen.do(TellCheckpoint("u1", kept))
    pen.do(TellCheckpoint("nobody", kept))
    assert "checkpoint" not in dict(story(pen))


# --- when it is dropped ---


def drop_ended(engine: Engine) -> int:
    """All that the keeper's short look drops; how many checkpoints."""
    walk, dropped = EndedCheckpoints(engine), 0
    while (step := walk.step()) is not None:
        dropped += step.dropped
    return dropped


@pytest.mark.parametrize("end", ["completed", "cancel", "forgotten"])
def test_it_goes_with_the_end_of_its_run(checkpoints, pen, engine, end):
    keep(checkpoints, LARGE)
    assert drop_ended(engine) == 0
    if end == "cancel":
        pen.do(CancelRun(1))
    elif end == "completed":
        report(pen, "completed")
    else:
        with engine.begin() as connection:
            connection.execute(delete(t.runs))
    if end != "forgotten":
        assert pen.reader.detail(1).checkpoint is None
    assert drop_ended(engine) == 1
    assert (rows(engine), rows(engine, t.checkpoints)) == (0, 0)


def test_forgetting_leaves_those_of_unfinished_runs_whatever_their_age(checkpoints, engine, clock):
    keep(checkpoints, LARGE)
    with engine.begin() as connection:
        row = {"file_id": "orphan", "seq": 0, "created_at": clock.now(), "data": b"x"}
        connection.execute(insert(t.file_chunks).values(row))
    clock.advance(1_000_000_000)
    forget(engine, clock, Ages())
    assert (content(checkpoints), rows(engine)) == (LARGE, 3)


def test_a_run_that_is_forgotten_takes_its_checkpoint_along(checkpoints, pen, engine, clock):
    keep(checkpoints, LARGE)
    report(pen, "completed")
    clock.advance(1_000_000_000)
    assert forget(engine, clock, Ages())["checkpoints"] == 1
    assert (rows(engine), rows(engine, t.checkpoints), rows(engine, t.runs)) == (0, 0, 0)


def test_a_restored_run_goes_on_from_the_checkpoint_that_was_saved(checkpoints, pen, engine, clock, tmp_path):
    kept = keep(checkpoints, LARGE)
    back_up(engine, tmp_path / "backup", START, silent)
    keep(checkpoints, b"newer")
    restore(engine, tmp_path / "backup", tmp_path, clock.now(), silent, replace=True)
    assert (lease(pen, SECOND).checkpoint, content(checkpoints)) == (kept, LARGE)
