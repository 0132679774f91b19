"""Backups of a record, restoring them, and moving a record from one database to another."""

import secrets
import sqlite3
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine, insert, select, update

from idlegrid_server.core.commands import LegacyReport, MakeRuns, ReportRuns
from idlegrid_server.core.errors import Conflict, GridError, InvalidInput, NotFound, RecordUnavailable, StaleReport
from idlegrid_server.core.model import RunState
from idlegrid_server.record import tables as t
from idlegrid_server.record.backup import back_up, restore
from idlegrid_server.record.census import day
from idlegrid_server.record.copying import copy_record, filling, snapshot
from idlegrid_server.record.engine import make_engine, open_engine
from idlegrid_server.record.facts import remember_queue_identity
from idlegrid_server.record.in_use import refuse_while_used
from idlegrid_server.record.restored import leap
from idlegrid_server.record.schema import newest

from ..parts import START, open_record, submission
from .backups import LEASE, completed, fill, lease, rows, silent
from .conftest import Pen

HOUR = 3_600.0


@pytest.fixture
def backup(pen, engine, tmp_path) -> Path:
    """A backup of a record with something in every table, made on each database."""
    fill(pen)
    remember_queue_identity(engine, "redis-1")
    back_up(engine, tmp_path / "backup", START, silent)
    return tmp_path / "backup"


@pytest.fixture
def fresh(tmp_path) -> Iterator[Engine]:
    """An empty record to restore into."""
    (tmp_path / "fresh").mkdir()
    engine = open_record(tmp_path / "fresh")
    yield engine
    engine.dispose()


def restored(engine: Engine, backup: Path, now: float = START + HOUR, *, replace: bool = True) -> object:
    return restore(engine, backup, backup.parent, now, silent, replace=replace)


# --- what a backup is ---


def test_a_backup_holds_every_row_and_is_its_owners_alone(backup, engine, tmp_path):
    with sqlite3.connect(backup) as connection:
        for name, kept in rows(engine).items():
            assert connection.execute(f"SELECT count(*) FROM {name}").fetchone() == (len(kept),), name
    connection.close()
    assert backup.stat().st_mode & 0o777 == 0o600
    assert sorted(tmp_path.glob("backup*")) == [backup]


def test_a_backup_overwrites_nothing(backup, engine):
    before = backup.read_bytes()
    with pytest.raises(Conflict, match="is there already"):
        back_up(engine, backup, START, silent)
    assert backup.read_bytes() == before


def test_a_backup_that_fails_leaves_nothing_behind(engine, tmp_path):
    def full(name: str, done: int) -> None:
        raise OSError(28, "No space left on device")

    (tmp_path / "here").mkdir()
    with pytest.raises((OSError, RecordUnavailable)):
        back_up(engine, tmp_path / "here" / "backup", START, full)
    assert list((tmp_path / "here").iterdir()) == []


def test_writers_go_on_while_a_backup_is_made_and_it_shows_one_moment(pen, engine, tmp_path):
    pen.do(MakeRuns([submission()] * 50, [f"u{i}" for i in range(50)]))
    written = []

    def write(name: str, done: int) -> None:
        written.append(pen.do(MakeRuns([submission()], [f"late-{len(written)}"]))[0])

    saved = back_up(engine, tmp_path / "backup", START, write)
    assert len(written) > 0
    assert (saved.counts["runs"], saved.counts["events"], saved.counts["outbox"]) == (50, 50, 50)


# --- what a restored record is ---


@pytest.mark.parametrize("into", ["fresh", "itself"])
def test_what_was_saved_is_there_again(backup, engine, fresh, into, clock):
    target = fresh if into == "fresh" else engine
    before = rows(engine)
    restored(target, backup)
    after = rows(target)
    same = set(after) - {"runs", "facts", "journal", "deliveries", "webhooks", "events", "attempts", "counters"}
    same -= {"run_counts", "usage", "node_totals", "outbox"}
    assert {name: after[name] for name in same} == {name: before[name] for name in same}
    assert [run.uuid for run in map(_run(target), (1, 2, 3, 4))] == ["u1", "u2", "u3", "u4"]
    assert Pen(target, clock).reader.view(4).result == "4"


def _run(engine: Engine) -> Callable[[int], object]:
    def find(run_id: int) -> object:
        with engine.connect() as connection:
            return connection.execute(select(t.runs).where(t.runs.c.id == run_id)).one()

    return find


def test_leases_are_taken_back_and_their_story_says_why(backup, engine, clock):
    restored(engine, backup)
    reader = Pen(engine, clock).reader
    states = {number: reader.view(number).run.state for number in (1, 2, 3, 4)}
    assert states == {1: RunState.PENDING, 2: RunState.PENDING, 3: RunState.PENDING, 4: RunState.COMPLETED}
    assert [reader.view(number).run.lease_id for number in (1, 2)] == [None, None]
    assert [(at, event) for at, event, _ in reader.detail(1).story][-2:] == [
        (START + HOUR, "restored"),
        (START + HOUR, "return"),
    ]
    assert [event for _, event, _ in reader.detail(2).story][-1] == "restored"
    assert (reader.view(1).run.losses, reader.view(1).run.retries) == (0, 0)


def test_no_report_of_an_old_lease_counts(backup, engine, pen, clock):
    pen.do(MakeRuns([submission()], ["after"]))
    lease(pen, "u3", "d" * 32)
    lease(pen, "after", "e" * 32)
    restored(engine, backup)
    reports = [completed("u1", LEASE, "old"), completed("u2", "b" * 32, "old"), completed("u3", "d" * 32, "old")]
    answers = pen.do(ReportRuns("n1", [*reports, completed("after", "e" * 32, "old")]))
    assert [type(answer.problem) for answer in answers] == [StaleReport] * 3 + [NotFound]
    assert [pen.reader.view(number).result for number in (1, 2, 3)] == [None] * 3


def test_no_result_of_an_old_workers_lands_on_another_run(pen, engine, tmp_path):
    pen.do(MakeRuns([submission()] * 2, ["u1", "u2"]))
    lease(pen, "u1", LEASE, via="legacy")
    back_up(engine, tmp_path / "backup", START, silent)
    late = pen.do(MakeRuns([submission()], ["late"]))[0]
    lease(pen, "late", "b" * 32, via="legacy")
    restored(engine, tmp_path / "backup")
    with pytest.raises(StaleReport):
        pen.do(LegacyReport(1, "old"))
    with pytest.raises(NotFound):
        pen.do(LegacyReport(late.id, "old"))
    # The number that a run had after the backup is nobody's again.
    assert pen.do(MakeRuns([submission()], ["new"]))[0].id > late.id


def test_the_counts_of_a_restored_record_are_those_of_its_rows(backup, engine, clock):
    restored(engine, backup)
    with engine.connect() as connection:
        runs = connection.execute(select(t.runs)).all()
        counts = connection.execute(select(t.run_counts)).all()
    places = Counter((day(run.created_at), day(run.started_at), day(run.finished_at), run.state) for run in runs)
    counted: Counter[tuple[object, ...]] = Counter()
    for made, start, end, state, _, value in counts:
        counted[made, start, end, state] += value
    assert +counted == places
    by_state = Counter(run.state for run in runs)
    assert {k: n for k, n in Pen(engine, clock).reader.totals().by_state.items() if n} == by_state


def test_a_restored_record_is_another_one_whose_queue_is_empty(backup, engine, pen):
    name = pen.reader.server_uuid()
    restored(engine, backup)
    assert pen.reader.server_uuid() not in ("", name)
    assert pen.reader.queue_identity() == ""


def test_deliveries_that_were_under_way_fail(backup, engine):
    restored(engine, backup)
    with engine.connect() as connection:
        row = connection.execute(select(t.deliveries)).one()
    assert (row.state, row.error, row.next_at, row.ended_at) == ("failed", "restored", None, START + HOUR)


def test_a_submission_that_is_sent_again_after_a_restore_makes_no_second_run(backup, engine, pen):
    restored(engine, backup)
    runs = pen.do(MakeRuns([submission("print('ü☃\\n')")] * 4, ["v1", "v2", "v3", "v4"], "key", "words"))
    assert [run.uuid for run in runs] == ["u1", "u2", "u3", "u4"]


@pytest.mark.parametrize(
    ("highest", "age", "a_second", "after"),
    [
        (0, 0, 0, 1_000_000),
        (1, 0, 0, 2_000_000),
        (999_999, -5, 10_000, 2_000_000),
        (1_000_000, 60, 10_000, 2_000_000),
        (1_000_001, HOUR, 10_000, 38_000_000),
    ],
)
def test_ids_leap_over_all_that_the_grid_could_have_given_away(highest, age, a_second, after):
    assert leap(highest, age, a_second) == after
    assert after >= highest + max(1_000_000, age * a_second)


def test_ids_leap_over_those_of_the_record_that_is_replaced(engine, pen, tmp_path):
    back_up(engine, tmp_path / "backup", START, silent)
    restored(engine, tmp_path / "backup", START)
    given = pen.do(MakeRuns([submission()], ["u1"]))[0].id
    restored(engine, tmp_path / "backup", START)
    assert pen.do(MakeRuns([submission()], ["u2"]))[0].id > given + 1_000_000


# --- what is not restored ---


def _flipped(path: Path) -> None:
    damaged = bytearray(path.read_bytes())
    damaged[len(damaged) // 2] ^= 1
    path.write_bytes(damaged)


def _truncated(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-4096])


def _a_bare_database(path: Path) -> None:
    path.unlink()
    open_engine(f"sqlite:///{path}").dispose()


DAMAGES = (
    (_flipped, "is damaged"),
    (_truncated, "is damaged"),
    (lambda path: path.write_text("PGDMP" * 100), "is no backup"),
    (lambda path: path.write_bytes(b""), "is no backup"),
    (_a_bare_database, "is no backup"),
    (Path.unlink, "cannot be read: No such file"),
)


def test_a_damaged_or_foreign_file_changes_nothing(backup, engine):
    before, good = rows(engine), backup.read_bytes()
    for damage, words in DAMAGES:
        backup.write_bytes(good)
        damage(backup)
        with pytest.raises(InvalidInput, match=words):
            restored(engine, backup)
        assert rows(engine) == before


def test_a_record_with_work_in_it_is_replaced_only_when_told(backup, engine):
    before = rows(engine)
    with pytest.raises(Conflict, match="--replace"):
        restored(engine, backup, replace=False)
    assert rows(engine) == before


def test_a_restore_that_fails_half_way_changes_nothing(backup, engine, pen):
    pen.do(MakeRuns([submission()], ["after"]))
    before = rows(engine)

    def fail(name: str, done: int) -> None:
        if name == "runs" and done:
            raise GridError("the power went")

    with pytest.raises(GridError, match="the power went"):
        restore(engine, backup, backup.parent, START, fail, replace=True)
    assert rows(engine) == before
    assert pen.do(MakeRuns([submission()], ["next"]))[0].id == 6


def test_a_backup_of_a_newer_program_is_refused(engine, tmp_path):
    with engine.begin() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    try:
        with pytest.raises(RecordUnavailable, match="schema 9999"):
            back_up(engine, tmp_path / "backup", START, silent)
        with pytest.raises(RecordUnavailable, match="use the idlegrid-server that wrote it"):
            open_engine(engine.url)
    finally:
        with engine.begin() as connection:
            connection.exec_driver_sql(f"UPDATE alembic_version SET version_num = '{newest()}'")


HOLDER = """
import sys
from idlegrid_server.record.engine import open_engine
engine = open_engine(sys.argv[1])
print("open", flush=True)
sys.stdin.readline()
"""


def test_a_record_that_a_coordinator_works_on_is_known_from_outside(fresh):
    url = fresh.url.render_as_string()
    fresh.dispose()
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen([sys.executable, "-c", HOLDER, url], **pipes) as other:
        assert other.stdout.readline() == "open\n"
        with pytest.raises(Conflict, match="stop it first"):
            refuse_while_used(make_engine(url, tool=True))
        other.communicate("end\n")
    refuse_while_used(make_engine(url, tool=True))


@pytest.mark.postgres
def test_a_postgresql_record_that_a_coordinator_works_on_is_known_from_outside(postgres_server):
    url = postgres_server.make_database(f"used_{secrets.token_hex(4)}")
    coordinator, tool = open_engine(url), make_engine(url, tool=True)
    with pytest.raises(Conflict, match="works on this record, from this machine: stop it first"):
        refuse_while_used(tool)
    coordinator.dispose()
    refuse_while_used(tool)
    tool.dispose()


# --- moving ---


@pytest.mark.postgres
def test_a_record_that_moves_to_postgresql_and_back_is_the_same_row_by_row(tmp_path, clock, postgres, fresh):
    home = open_record(tmp_path)
    pen = Pen(home, clock)
    fill(pen)
    with home.begin() as connection:
        connection.execute(insert(t.file_chunks), [_chunk(seq) for seq in range(9)])
        connection.execute(update(t.runs).where(t.runs.c.id == 3).values(code="x" * 5_000_000))
    moved(home, postgres)
    assert rows(postgres) == rows(home)
    moved(postgres, fresh)
    assert rows(fresh) == rows(home)
    ids = [Pen(engine, clock).do(MakeRuns([submission()], ["next"]))[0].id for engine in (home, postgres, fresh)]
    assert ids == [5, 5, 5]
    home.dispose()


def _chunk(seq: int) -> dict[str, object]:
    return {"file_id": "f" * 32, "seq": seq, "created_at": START, "data": bytes([seq]) * (1 << 20)}


def moved(source: Engine, target: Engine) -> None:
    with snapshot(source) as old, filling(target, replace=True) as new:
        copy_record(old, new, silent)


def test_a_number_whose_run_is_gone_is_not_given_away_again_by_a_move(engine, pen, fresh, clock):
    pen.do(MakeRuns([submission()] * 3, ["u1", "u2", "u3"]))
    with engine.begin() as connection:
        connection.execute(t.runs.delete().where(t.runs.c.id == 3))
    moved(engine, fresh)
    assert Pen(fresh, clock).do(MakeRuns([submission()], ["u4"]))[0].id == 4


def test_what_the_other_database_cannot_hold_stops_the_move_with_a_sentence(tmp_path, clock, engine, fresh):
    pen = Pen(fresh, clock)
    pen.do(MakeRuns([submission()], ["u1"]))
    with fresh.begin() as connection:
        connection.execute(update(t.runs).values(submitter="x" * 201))
    if engine.dialect.name == "sqlite":
        moved(fresh, engine)
        return
    with pytest.raises(InvalidInput, match="too long"):
        moved(fresh, engine)
    assert rows(engine)["runs"] == []
