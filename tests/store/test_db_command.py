"""`idlegrid db`, as it is typed."""

import secrets
from collections.abc import Callable
from pathlib import Path

import pytest

from idlegrid.cli import main
from idlegrid_server.core.commands import MakeRuns
from idlegrid_server.record.schema import newest
from idlegrid_server.up.folder import DataFolder

from ..parts import FakeClock, open_record, submission
from .conftest import Pen

SECRET = "correct-horse"
Db = Callable[..., tuple[int, str]]


@pytest.fixture
def db(tmp_path, monkeypatch, capsys) -> Db:
    """`db(VERB, …)` → exit status, what was printed; the record is in a folder that is not there yet."""
    monkeypatch.delenv("IDLEGRID_DATABASE_URL", raising=False)

    def call(verb: str, *words: object) -> tuple[int, str]:
        status = main(["db", verb, *map(str, words), "--data", str(tmp_path / "grid")])
        said = capsys.readouterr()
        return status, said.out + said.err

    return call


def used(folder: Path) -> None:
    """A record with a run."""
    folder.mkdir(exist_ok=True)
    engine = open_record(folder)
    Pen(engine, FakeClock()).do(MakeRuns([submission()], ["u1"]))
    engine.dispose()


def test_the_schema_is_brought_up_and_both_versions_are_said(db):
    assert db("migrate") == (0, f"schema (none) → {newest()}\n")
    assert db("migrate") == (0, f"schema {newest()}: nothing to do\n")


@pytest.mark.postgres
def test_the_record_is_wherever_the_environment_says(db, postgres_server, monkeypatch, tmp_path):
    url = postgres_server.make_database(f"command_{secrets.token_hex(4)}")
    monkeypatch.setenv("IDLEGRID_DATABASE_URL", url.replace("+psycopg", "").replace("grid@", f"grid:{SECRET}@"))
    assert db("migrate") == (0, f"schema (none) → {newest()}\n")
    status, said = db("backup", tmp_path / "backup")
    assert (status, SECRET in said) == (0, False)
    monkeypatch.delenv("IDLEGRID_DATABASE_URL")
    assert db("restore", tmp_path / "backup")[0] == 0


def test_a_backup_comes_back_and_it_is_said_what_to_look_at(db, tmp_path):
    used(tmp_path / "grid")
    status, said = db("backup", tmp_path / "backup")
    assert (status, f"1 runs, 0 tasks, 6 rows in all, schema {newest()}" in said) == (0, True)
    assert db("restore", tmp_path / "backup") == (
        1,
        "idlegrid db restore: The record is not empty: give --replace to lose all that is in it, or name another one\n",
    )
    status, said = db("restore", tmp_path / "backup", "--replace")
    assert status == 0
    assert "0 leases were taken back" in said
    assert "valid again" in said
    assert "`idlegrid keys list`" in said
    assert sorted(path.name for path in (tmp_path / "grid").iterdir()) == ["grid.db", "logs", "run", "up.lock"]


def test_nothing_is_restored_or_moved_under_a_grid_that_is_up(db, tmp_path):
    used(tmp_path / "grid")
    db("backup", tmp_path / "backup")
    with DataFolder(tmp_path / "grid").lock():
        for words in (["restore", tmp_path / "backup", "--replace"], ["copy", "--to", f"sqlite:///{tmp_path}/b.db"]):
            status, said = db(*words)
            assert (status, "is in use by another `idlegrid up`" in said) == (1, True)


def test_what_is_wrong_is_one_line(db, tmp_path):
    assert "there is no record at " in db("backup", tmp_path / "backup")[1]
    used(tmp_path / "grid")
    (tmp_path / "notes").write_text("hello")
    for verb, words, sentence in (
        ("backup", ["/nowhere/at/all/backup"], "/nowhere/at/all/backup.part: No such file or directory"),
        ("restore", [tmp_path / "notes"], "is no backup that"),
        ("restore", [tmp_path], "cannot be read: Is a directory"),
        ("copy", ["--to", f"postgresql://u:{SECRET}@127.0.0.1:1/n"], "check that PostgreSQL takes connections"),
        ("copy", ["--to", f"sqlite:///{tmp_path}/grid/grid.db"], "names the record itself"),
    ):
        status, said = db(verb, *words)
        assert status == 1
        assert said.startswith(f"idlegrid db {verb}: ")
        assert sentence in said
        assert said.count("\n") == 1
        assert SECRET not in said
