"""`idlegrid db`: the record's schema, its backups, and its moves from one database to another."""

import argparse
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

from idlegrid.cli import Command
from idlegrid_server.core.errors import GridError
from idlegrid_server.up.errors import UpError
from idlegrid_server.up.options import default_data

if TYPE_CHECKING:
    from sqlalchemy import Engine

KEYS_AGAIN: Final = (
    "API keys that were revoked since are valid again, and those made since are unknown, nodes' too: "
    "look at `idlegrid keys list`. All access tokens are void."
)
PROGRESS_SECONDS: Final = 0.2
"""Between two words of progress."""


def _configure(parser: argparse.ArgumentParser) -> None:
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--data", type=Path, default=default_data(), help="data folder (default: %(default)s)")
    verbs.add_parser("migrate", parents=[common], help="bring the record's schema to this program's version")
    backup = verbs.add_parser("backup", parents=[common], help="save the whole record in a file, while the grid runs")
    backup.add_argument("file", type=Path, metavar="FILE")
    restore = verbs.add_parser("restore", parents=[common], help="make a backup the record; no coordinator may run")
    restore.add_argument("file", type=Path, metavar="FILE")
    copy = verbs.add_parser("copy", parents=[common], help="move the record to another database")
    copy.add_argument(
        "--to",
        required=True,
        metavar="URL",
        help="postgresql://USER@HOST/NAME or sqlite:////FILE; others on this machine can read what is typed here, so "
        "leave the password to PGPASSWORD or ~/.pgpass",
    )
    for verb in (restore, copy):
        verb.add_argument("--replace", action="store_true", help="lose what is there already")


def _run(arguments: argparse.Namespace) -> int:
    """One verb; what is wrong is one line on stderr and exit status 1."""
    verbs = {"migrate": _migrate, "backup": _backup, "restore": _restore, "copy": _copy}
    try:
        verbs[arguments.verb](arguments)
    except (GridError, UpError) as error:
        return _fail(arguments, str(error))
    except OSError as error:
        return _fail(arguments, f"{error.filename or 'the file'}: {error.strerror or error}")
    return 0


def _fail(arguments: argparse.Namespace, reason: str) -> int:
    print(f"idlegrid db {arguments.verb}: {reason}", file=sys.stderr)
    return 1


def _url(data: Path) -> str:
    from idlegrid_server.settings import Settings  # as below: what --help does not need is not imported

    return Settings(data=data).record_url


def _migrate(arguments: argparse.Namespace) -> None:
    from idlegrid_server.record.engine import make_engine, opening
    from idlegrid_server.record.schema import migrate

    arguments.data.mkdir(mode=0o700, parents=True, exist_ok=True)
    engine = make_engine(_url(arguments.data), tool=True)
    with opening(engine):
        before, after = migrate(engine)
    engine.dispose()
    print(f"schema {before or '(none)'} → {after}" if before != after else f"schema {after}: nothing to do")


def _backup(arguments: argparse.Namespace) -> None:
    from idlegrid_server.record.backup import back_up
    from idlegrid_server.record.engine import make_engine, opening

    url = _url(arguments.data)
    engine = make_engine(url, tool=True)
    if engine.url.get_backend_name() == "sqlite" and not Path(engine.url.database or "").is_file():
        raise GridError(f"there is no record at {engine.url.database}: give --data, or set IDLEGRID_DATABASE_URL")
    try:
        with opening(engine):
            pass
        saved = back_up(engine, arguments.file, time.time(), _progress())
    finally:
        engine.dispose()
    print(f"{arguments.file}: {_words(saved.counts)}, schema {saved.schema}")


def _restore(arguments: argparse.Namespace) -> None:
    from idlegrid_server.record.backup import opened_backup, restore

    with _data(arguments.data) as data, ExitStack() as stack:
        # A bad file is found before anything is done to the record, be it only to bring it up.
        with opened_backup(arguments.file, data):
            engine = stack.enter_context(_quiet(_url(data)))
        done = restore(engine, arguments.file, data, time.time(), _progress(), replace=arguments.replace)
    made = datetime.fromtimestamp(done.saved.made_at, UTC).isoformat(" ", "seconds")
    print(f"restored {_words(done.saved.counts)} of {made}; {done.leases} leases were taken back")
    print(KEYS_AGAIN)


def _copy(arguments: argparse.Namespace) -> None:
    from idlegrid_server.record.address import checked_url, shown
    from idlegrid_server.record.copying import copy_record, filling, snapshot

    url = _url(arguments.data.expanduser().resolve())
    if checked_url(url) == checked_url(arguments.to):
        raise GridError("--to names the record itself")
    with ExitStack() as stack:
        stack.enter_context(_data(arguments.data))
        source, target = (stack.enter_context(_quiet(each)) for each in (url, arguments.to))
        with snapshot(source) as old, filling(target, replace=arguments.replace) as new:
            counts = copy_record(old, new, _progress())
    print(f"copied {_words(counts)}; start the coordinators with IDLEGRID_DATABASE_URL={shown(target.url)}")


@contextmanager
def _data(folder: Path) -> Iterator[Path]:
    """The data folder, locked against `idlegrid up`."""
    from idlegrid_server.up.folder import DataFolder

    data = DataFolder(folder)
    with data.lock():
        yield data.path


@contextmanager
def _quiet(url: str) -> Iterator["Engine"]:
    """A record that no coordinator works on, at this program's schema."""
    from idlegrid_server.record.engine import make_engine, opening
    from idlegrid_server.record.in_use import refuse_while_used
    from idlegrid_server.record.schema import migrate

    engine = make_engine(url, tool=True)
    try:
        with opening(engine):
            refuse_while_used(engine)
            migrate(engine)
        yield engine
    finally:
        engine.dispose()


def _words(counts: dict[str, int]) -> str:
    return f"{counts.get('runs', 0):,} runs, {counts.get('tasks', 0):,} tasks, {sum(counts.values()):,} rows in all"


def _progress() -> Callable[[str, int], None]:
    """Words for a terminal, a few times a second; none for a file."""
    if not sys.stderr.isatty():
        return lambda name, done: None
    width, said = min(os.get_terminal_size(sys.stderr.fileno()).columns, 60), 0.0

    def say(name: str, done: int) -> None:
        nonlocal said
        if time.monotonic() - said > PROGRESS_SECONDS:
            said = time.monotonic()
            print(f"\r{f'{name}: {done:,}':<{width}}\r", end="", file=sys.stderr, flush=True)

    return say


DB = Command("the record: schema, backups, moves to another database", _configure, _run)
