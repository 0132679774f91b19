"""Backups: the whole record in one file, whichever database it lies in.

The file is a SQLite database with the record's own tables, so that it can be looked at with any tool; `backup_facts`
says what it is. A checksum of the whole file lies in a place of its header that is the application's own
(`user_version`), so that one flipped bit is found.
"""

import json
import os
import shutil
import sqlite3
import struct
import zlib
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from sqlalchemy import URL, Engine, create_engine
from sqlalchemy.pool import NullPool

from idlegrid_server.core.errors import Conflict, InvalidInput, RecordUnavailable
from idlegrid_server.record.copying import COUNTED, Progress, copy_record, count_rows, filling, highest_id, snapshot
from idlegrid_server.record.engine import open_engine, translated
from idlegrid_server.record.restored import begin_anew
from idlegrid_server.record.schema import check_known, newest, version_of

MAGIC: Final = b"SQLite format 3\0"
KIND: Final = 0x49674264
"""`PRAGMA application_id` of a backup."""
KIND_AT: Final = 68
CHECKSUM_AT: Final = 60
"""Where SQLite's header has `application_id` and `user_version` (sqlite.org/fileformat2.html, 1.3)."""
HEADER: Final = 100
PIECE: Final = 1 << 20
PAGES: Final = 1_000
"""Pages of SQLite that are copied between two words of progress."""


@dataclass(frozen=True, slots=True)
class Saved:
    """What a backup holds: when it was made, of which schema, and how many rows by table."""

    made_at: float
    schema: str
    counts: dict[str, int]


@dataclass(frozen=True, slots=True)
class Restored:
    """A backup that is the record now; `leases` were taken back."""

    saved: Saved
    leases: int


# --- making one ---


def back_up(engine: Engine, path: Path, now: float, progress: Progress) -> Saved:
    """Save the record as it is at this moment, while the grid runs. The file is there whole, on disk, or not at all.

    Raises Conflict when there is a file already, RecordUnavailable for a record of another version, OSError when the
    file cannot be written.
    """
    if path.exists():
        raise Conflict(f"{path} is there already: a backup overwrites nothing")
    part = path.with_name(f"{path.name}.part")
    part.unlink(missing_ok=True)
    os.close(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    try:
        saved = (_save_postgresql if engine.dialect.name == "postgresql" else _save_sqlite)(engine, part, now, progress)
        _seal(part)
        part.rename(path)
        _sync(path.parent)
    finally:
        for name in (part.name, f"{part.name}-journal", f"{part.name}-wal", f"{part.name}-shm"):
            part.with_name(name).unlink(missing_ok=True)
    return saved


def _save_sqlite(engine: Engine, part: Path, now: float, progress: Progress) -> Saved:
    """Page by page, from a snapshot that is held open: without it each write to the record would begin all again."""
    with snapshot(engine) as source, closing(_open_part(part)) as target:
        schema = version_of(source)
        check_known(schema)
        pages: Callable[[int, int, int], None] = lambda _, left, total: progress("pages", total - left)  # noqa: E731
        with translated("read"):
            raw: sqlite3.Connection = source.connection.driver_connection  # type: ignore[assignment]
            raw.backup(target, pages=PAGES, progress=pages)
        saved = Saved(now, schema, _count(target))
        _describe(target, saved)
    return saved


def _save_postgresql(engine: Engine, part: Path, now: float, progress: Progress) -> Saved:
    with _filled_part(part) as scratch, snapshot(engine) as source:
        schema = version_of(source)
        check_known(schema)
        if schema != newest():
            raise RecordUnavailable(
                f"The record has the schema {schema or 'of nothing'}: run `idlegrid db migrate` first"
            )
        with filling(scratch, replace=True) as target:
            counts = copy_record(source, target, progress)
    with closing(_open_part(part)) as raw:
        saved = Saved(now, schema, counts)
        _describe(raw, saved)
    return saved


@contextmanager
def _filled_part(part: Path) -> Iterator[Engine]:
    engine = open_engine(URL.create("sqlite", database=str(part)))
    try:
        yield engine
    finally:
        engine.dispose()


def _open_part(part: Path) -> sqlite3.Connection:
    """What happens to it in a crash is of no interest: it is not the backup yet."""
    connection = sqlite3.connect(part)
    connection.execute("PRAGMA synchronous=OFF")
    return connection


def _count(connection: sqlite3.Connection) -> dict[str, int]:
    found = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
    names = [name for (name,) in connection.execute(found) if name != "alembic_version"]
    # The names are those of our own tables.
    return {name: connection.execute(f"SELECT count(*) FROM {name}").fetchone()[0] for name in names}  # noqa: S608


def _describe(connection: sqlite3.Connection, saved: Saved) -> None:
    """One file without others beside it, that says what it is."""
    connection.execute("PRAGMA journal_mode=DELETE")
    connection.execute("CREATE TABLE backup_facts (made_at REAL, schema TEXT, counts TEXT)")
    row = (saved.made_at, saved.schema, json.dumps(saved.counts))
    connection.execute("INSERT INTO backup_facts VALUES (?, ?, ?)", row)
    connection.commit()
    connection.execute(f"PRAGMA application_id={KIND}")


def _seal(part: Path) -> None:
    with part.open("r+b") as file:
        checksum = _checksum(file.fileno())
        file.seek(CHECKSUM_AT)
        file.write(struct.pack(">I", checksum))
        file.flush()
        os.fsync(file.fileno())


def _checksum(descriptor: int) -> int:
    """Of all bytes, those of the checksum itself taken for zero."""
    head = bytearray(os.pread(descriptor, HEADER, 0))
    head[CHECKSUM_AT : CHECKSUM_AT + 4] = bytes(4)
    total, place = zlib.crc32(head), len(head)
    while piece := os.pread(descriptor, PIECE, place):
        total, place = zlib.crc32(piece, total), place + len(piece)
    return total


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


# --- taking one back ---


def restore(engine: Engine, path: Path, scratch: Path, now: float, progress: Progress, *, replace: bool) -> Restored:
    """Make the backup the record, in one transaction. The record is at this program's schema, and nobody works on it.

    A backup of an older schema is brought up in a copy of its own, in the folder `scratch`. Raises InvalidInput for a
    file that is damaged or no backup, Conflict for a record that is not empty and not to be replaced.
    """
    with opened_backup(path, scratch) as (backup, saved), snapshot(backup) as source:
        with snapshot(engine) as old:
            given = {each.name: highest_id(old, each) for each in COUNTED}
        with filling(engine, replace=replace) as target:
            copy_record(source, target, progress)
            leases = begin_anew(target, engine, saved.made_at, now, given)
    return Restored(saved, leases)


@contextmanager
def opened_backup(path: Path, scratch: Path) -> Iterator[tuple[Engine, Saved]]:
    """A backup to read from, at this program's schema. Raises InvalidInput when it is damaged or no backup."""
    _check_file(path)
    saved = _facts_of(path)
    check_known(saved.schema)
    with TemporaryDirectory(dir=scratch, prefix="restore-") as folder:
        engine = _read_only(path) if saved.schema == newest() else _brought_up(path, Path(folder) / "grid.db")
        try:
            _check_counts(engine, path, saved)
            yield engine, saved
        finally:
            engine.dispose()


def _check_file(path: Path) -> None:
    try:
        with path.open("rb") as file:
            head = file.read(HEADER)
            if len(head) < HEADER or head[: len(MAGIC)] != MAGIC or struct.unpack_from(">I", head, KIND_AT)[0] != KIND:
                raise InvalidInput(f"{path} is no backup that `idlegrid db backup` has made")
            if struct.unpack_from(">I", head, CHECKSUM_AT)[0] != _checksum(file.fileno()):
                raise InvalidInput(f"{path} is damaged (its checksum is wrong): take another backup")
    except OSError as error:
        raise InvalidInput(f"{path} cannot be read: {error.strerror}") from error


def _facts_of(path: Path) -> Saved:
    with closing(sqlite3.connect(_uri(path), uri=True)) as connection:
        made_at, schema, counts = connection.execute("SELECT made_at, schema, counts FROM backup_facts").fetchone()
    return Saved(made_at, schema, json.loads(counts))


def _uri(path: Path) -> str:
    return f"{path.resolve().as_uri()}?mode=ro&immutable=1"


def _read_only(path: Path) -> Engine:
    return create_engine("sqlite://", creator=lambda: sqlite3.connect(_uri(path), uri=True), poolclass=NullPool)


def _brought_up(path: Path, copy: Path) -> Engine:
    shutil.copyfile(path, copy)
    return open_engine(URL.create("sqlite", database=str(copy)))


def _check_counts(engine: Engine, path: Path, saved: Saved) -> None:
    """A migration makes tables, and loses no row of those that were there."""
    with snapshot(engine) as connection:
        found = count_rows(connection)
    wrong = [name for name, count in saved.counts.items() if name in found and found[name] != count]
    if wrong:
        raise InvalidInput(f"{path} does not have the rows that it says: {', '.join(sorted(wrong))}")
