"""The bytes of files, in pieces: written before their file appears, dropped after it has gone, past the writer."""

import secrets
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import IO, Final

from sqlalchemy import Connection, Engine, delete, insert, select

from idlegrid_server.core.errors import GridError
from idlegrid_server.core.limits import FILE_CHUNK
from idlegrid_server.record import tables as t
from idlegrid_server.record.engine import changing, translated

AT_ONCE: Final = 4
"""Pieces that one transaction drops."""


class Chunks:
    """Rows of `file_chunks`; safe to use from many threads. Every method raises RecordUnavailable."""

    def __init__(self, engine: Engine, now: Callable[[], float]) -> None:
        self._engine, self._now = engine, now
        self._alone = engine.dialect.name == "sqlite"

    @contextmanager
    def written(self, body: IO[bytes]) -> Iterator[str]:
        """The id of a file whose bytes are kept for the block to show.

        When the block raises nothing stays, or bytes that retention will find.
        """
        file_id = secrets.token_hex(16)
        try:
            for seq, data in enumerate(iter(lambda: body.read(FILE_CHUNK), b"")):
                self._write(file_id, seq, data)
            yield file_id
        except BaseException:
            self.forget([file_id])
            raise

    def _write(self, file_id: str, seq: int, data: bytes) -> None:
        row = {"file_id": file_id, "seq": seq, "created_at": self._now(), "data": data}
        with self._changing() as connection:
            connection.execute(insert(t.file_chunks).values(row))

    @contextmanager
    def _changing(self) -> Iterator[Connection]:
        """A short transaction, and a pause after it that is as long.

        SQLite has one writer and no queue before it: whoever does not pause keeps all others waiting.
        """
        began = time.monotonic()
        with translated("written"), self._engine.begin() as connection:
            yield connection
        if self._alone:
            time.sleep(time.monotonic() - began)

    @contextmanager
    def showing(self) -> Iterator[Connection]:
        """A transaction in which what is read stays true until the end."""
        with changing(self._engine) as connection:
            yield connection

    def forget(self, file_ids: Sequence[str]) -> None:
        """Drop the bytes of files that are not shown, a file at a time; what cannot be dropped retention will find."""
        for file_id in file_ids:
            with suppress(GridError):
                while self._forget_some(file_id):
                    pass

    def _forget_some(self, file_id: str) -> bool:
        """Drop the last pieces of a file; whether there may be more. Its first one tells retention that there are any.

        In SQLite 100 MiB at once would keep all other writers waiting for 0.4 s.
        """
        of = t.file_chunks.c
        last = select(of.seq).where(of.file_id == file_id).order_by(of.seq.desc()).limit(AT_ONCE)
        with self._changing() as connection:
            dropped = connection.execute(delete(t.file_chunks).where(of.file_id == file_id, of.seq.in_(last))).rowcount
        return dropped == AT_ONCE

    def chunk(self, file_id: str, seq: int) -> bytes | None:
        """One piece of a file, `FILE_CHUNK` bytes but for the last; None when it is not there (any more)."""
        chunks = t.file_chunks.c
        query = select(chunks.data).where(chunks.file_id == file_id, chunks.seq == seq)
        with translated("read"), self._engine.connect() as connection:
            return connection.scalar(query)
