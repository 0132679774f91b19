"""The files that runs leave. They go past the writer: a file is shown when all of it is there."""

from collections.abc import Callable, Iterator
from typing import IO, Any, Final

from sqlalchemy import Connection, Engine, delete, insert, select

from idlegrid_server.core.files import StoredFile, Upload, check_upload, media_type, outdated
from idlegrid_server.core.model import Run
from idlegrid_server.record import tables as t
from idlegrid_server.record.chunks import Chunks
from idlegrid_server.record.engine import translated
from idlegrid_server.record.rows import RUN_HEADS, read_run

_columns: Final = tuple(t.files.c[name] for name in StoredFile.__dataclass_fields__)


class SqlFiles:
    """Implements `core.ports.Files`; safe to use from many threads."""

    def __init__(self, engine: Engine, now: Callable[[], float]) -> None:
        self._engine, self._now = engine, now
        self._chunks = Chunks(engine, now)

    def check(self, upload: Upload) -> None:
        """Whether the file would be taken as things stand. Raises NotFound, StaleReport, TooLarge."""
        with translated("read"), self._engine.connect() as connection:
            _judge(connection, RUN_HEADS, upload)

    def keep(self, upload: Upload, body: IO[bytes]) -> None:
        """Keep the bytes, then show the file in place of what it replaces.

        Raises as `check` does, and RecordUnavailable; then nothing stays, or bytes that retention will find.
        """
        with self._chunks.written(body) as file_id:
            replaced = self._show(file_id, upload)
        self._chunks.forget([file.id for file in replaced])

    def _show(self, file_id: str, upload: Upload) -> list[StoredFile]:
        with self._chunks.showing() as connection:
            run, kept = _judge(connection, RUN_HEADS.with_for_update(), upload)
            replaced = outdated(upload, kept)
            if replaced:
                connection.execute(delete(t.files).where(t.files.c.id.in_([file.id for file in replaced])))
            row = StoredFile(
                file_id,
                run.id,
                upload.lease_id,
                upload.name,
                upload.size,
                upload.sha256,
                media_type(upload.name),
                self._now(),
            )
            connection.execute(insert(t.files).values({c.name: getattr(row, c.name) for c in _columns}))
        return replaced

    def of_run(self, run_id: int) -> list[StoredFile]:
        """A run's files by name."""
        with translated("read"), self._engine.connect() as connection:
            return sorted(_kept(connection, run_id), key=lambda file: file.name)

    def find(self, run_id: int, name: str) -> StoredFile | None:
        """One file of a run."""
        query = select(*_columns).where(t.files.c.run_id == run_id, t.files.c.name == name)
        with translated("read"), self._engine.connect() as connection:
            row = connection.execute(query).first()
        return None if row is None else StoredFile(*row)

    def chunk(self, file_id: str, seq: int) -> bytes | None:
        """One piece of a file, `FILE_CHUNK` bytes but for the last; None when it is not there (any more)."""
        return self._chunks.chunk(file_id, seq)


def _judge(connection: Connection, query: Any, upload: Upload) -> tuple[Run, list[StoredFile]]:
    row = connection.execute(query.where(t.runs.c.uuid == upload.run_uuid)).first()
    run = None if row is None else read_run(row)
    kept = [] if run is None else list(_kept(connection, run.id))
    return check_upload(run, upload, kept), kept


def _kept(connection: Connection, run_id: int) -> Iterator[StoredFile]:
    for row in connection.execute(select(*_columns).where(t.files.c.run_id == run_id)):
        yield StoredFile(*row)
