"""What `idlegrid keys` takes and what it refuses, before it opens a record."""

import argparse

import pytest

from idlegrid.errors import IdlegridError
from idlegrid_server import keys_command
from idlegrid_server.core.access import SCOPES


def parse(*words):
    parser = argparse.ArgumentParser()
    keys_command.configure(parser)
    return parser.parse_args(words)


@pytest.mark.parametrize(("text", "seconds"), [("45s", 45), ("30m", 1800), ("12h", 43_200), ("90d", 7_776_000)])
def test_times_are_said_in_seconds_minutes_hours_and_days(text, seconds):
    assert parse("join", "--expires", text).expires == seconds


@pytest.mark.parametrize("text", ["", "0d", "-1d", "90", "1.5h", "3 d", "2y", "d", "999999999d", "١d"])
def test_anything_else_is_no_time(text, capsys):
    with pytest.raises(SystemExit):
        parse("join", f"--expires={text}")
    assert "write 30m, 12h or 90d" in capsys.readouterr().err


def test_an_unknown_scope_is_refused_with_all_that_there_are(capsys):
    with pytest.raises(SystemExit):
        parse("create", "--name", "ann", "--scope", "root")
    said = capsys.readouterr().err
    assert "'root' is no scope" in said
    assert all(scope in said for scope in SCOPES)


@pytest.mark.parametrize("name", ["", " ann", "a\nb", "\x1b[2J", "x" * 201, "a\u202eb"])
def test_a_name_can_be_read(name, capsys):
    with pytest.raises(SystemExit):
        parse("create", f"--name={name}", "--scope", "submit")
    assert "is no name" in capsys.readouterr().err


@pytest.mark.parametrize("count", ["0", "-1", "x", "1.5", "9999999"])
def test_a_count_of_uses_is_a_number(count, capsys):
    with pytest.raises(SystemExit):
        parse("join", f"--uses={count}")
    assert "is no count" in capsys.readouterr().err


def test_a_folder_is_a_grids_or_empty(tmp_path):
    keys_command.check_folder(tmp_path / "deep" / "new")
    assert (tmp_path / "deep" / "new").stat().st_mode & 0o777 == 0o700
    strange = tmp_path / "strange"
    strange.mkdir()
    (strange / "thesis.tex").touch()
    with pytest.raises(IdlegridError, match="no grid's folder, nor empty"):
        keys_command.check_folder(strange)
    with pytest.raises(IdlegridError, match="cannot be used"):
        keys_command.check_folder(strange / "thesis.tex")
    (strange / "grid.db").touch()
    keys_command.check_folder(strange)
