"""Checkpoints of runs. Like files they go past the writer: one is shown when all of it is there."""

from collections.abc import Callable, Sequence
from typing import IO, Any, Final

from sqlalchemy import Connection, Engine, bindparam, delete, func, insert, select

from idlegrid_server.core.checkpoints import (
    MAX_UNAVAILABLE,
    UNAVAILABLE,
    Checkpoint,
    CheckpointUpload,
    check_checkpoint,
)
from idlegrid_server.core.model import Run
from idlegrid_server.record import tables as t
from idlegrid_server.record.chunks import Chunks
from idlegrid_server.record.engine import translated
from idlegrid_server.record.rows import RUN_HEADS, read_run

_of: Final = t.checkpoints.c
_columns: Final = tuple(_of["file_id" if name == "id" else name] for name in Checkpoint.__dataclass_fields__)
_given_up: Final = (
    select(func.count())
    .select_from(t.attempts)
    .where(t.attempts.c.run_id == _of.run_id, t.attempts.c.number > _of.attempt, t.attempts.c.reason == UNAVAILABLE)
    .scalar_subquery()
)
_resumable: Final = select(*_columns).where(
    _of.run_id.in_(bindparam("ids", expanding=True)), _given_up < MAX_UNAVAILABLE
)


class SqlCheckpoints:
    """Implements `core.ports.Checkpoints`; safe to use from many threads."""

    def __init__(self, engine: Engine, now: Callable[[], float]) -> None:
        self._engine, self._now = engine, now
        self._chunks = Chunks(engine, now)

    def check(self, upload: CheckpointUpload) -> None:
        """Whether it would be taken as things stand. Raises NotFound, StaleReport, TooLarge."""
        with translated("read"), self._engine.connect() as connection:
            _judge(connection, RUN_HEADS, upload)

    def keep(self, upload: CheckpointUpload, body: IO[bytes]) -> Checkpoint:
        """Keep the bytes, then show them in place of the run's older checkpoint, whose bytes are dropped.

        Raises as `check` does, and RecordUnavailable; then nothing stays, or bytes that retention will find.
        """
        with self._chunks.written(body) as file_id:
            kept, replaced = self._show(file_id, upload)
        self._chunks.forget(replaced)
        return kept

    def _show(self, file_id: str, upload: CheckpointUpload) -> tuple[Checkpoint, list[str]]:
        with self._chunks.showing() as connection:
            run = _judge(connection, RUN_HEADS.with_for_update(), upload)
            row = (run.id, file_id, upload.lease_id, run.attempts, upload.size, upload.sha256, self._now())
            replaced = list(connection.scalars(select(_of.file_id).where(_of.run_id == run.id)))
            connection.execute(delete(t.checkpoints).where(_of.run_id == run.id))
            connection.execute(insert(t.checkpoints).values(dict(zip(_columns, row, strict=True))))
        return Checkpoint(*row), replaced

    def find(self, run_id: int) -> Checkpoint | None:
        """A run's checkpoint."""
        with translated("read"), self._engine.connect() as connection:
            return checkpoint_of(connection, run_id)

    def chunk(self, file_id: str, seq: int) -> bytes | None:
        """One piece of a checkpoint, `FILE_CHUNK` bytes but for the last; None when it is not there (any more)."""
        return self._chunks.chunk(file_id, seq)


def checkpoint_of(connection: Connection, run_id: int) -> Checkpoint | None:
    """A run's checkpoint."""
    row = connection.execute(select(*_columns).where(_of.run_id == run_id)).first()
    return None if row is None else Checkpoint(*row)


def resumable(connection: Connection, run_ids: Sequence[int]) -> dict[int, Checkpoint]:
    """By run the checkpoints that their next attempts go on from, without those that nobody could use."""
    return {row.run_id: Checkpoint(*row) for row in connection.execute(_resumable, {"ids": run_ids})}


def _judge(connection: Connection, runs: Any, upload: CheckpointUpload) -> Run:
    row = connection.execute(runs.where(t.runs.c.uuid == upload.run_uuid)).first()
    return check_checkpoint(None if row is None else read_run(row), upload)
