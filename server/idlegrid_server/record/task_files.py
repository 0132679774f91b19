"""The files of tasks: what lies in the working folder of their runs. Their bytes are kept as those of runs' files."""

from collections.abc import Callable
from typing import IO, Any, Final

from sqlalchemy import Connection, Engine, delete, insert, select

from idlegrid_server.core.errors import NotFound
from idlegrid_server.core.files import TaskFile, check_task_file, media_type
from idlegrid_server.record import tables as t
from idlegrid_server.record.chunks import Chunks
from idlegrid_server.record.engine import translated

_columns: Final = tuple(t.task_files.c[name] for name in TaskFile.__dataclass_fields__)
_files: Final = select(*_columns)
_tasks: Final = select(t.tasks.c.id)


class SqlTaskFiles:
    """Implements `core.ports.TaskFiles`; safe to use from many threads."""

    def __init__(self, engine: Engine, now: Callable[[], float]) -> None:
        self._engine, self._now = engine, now
        self._chunks = Chunks(engine, now)

    def keep(self, task_id: int, name: str, size: int, sha256: str, body: IO[bytes]) -> bool:
        """Keep the bytes, then show the file; whether it is new. Raises NotFound, TooLarge, RecordUnavailable."""
        with translated("read"), self._engine.connect() as connection:
            _judge(connection, _tasks, task_id, name, size)
        with self._chunks.written(body) as file_id:
            row = TaskFile(file_id, task_id, name, size, sha256, media_type(name), self._now())
            replaced = self._show(row)
        self._chunks.forget(replaced)
        return not replaced

    def _show(self, file: TaskFile) -> list[str]:
        with self._chunks.showing() as connection:
            kept = _judge(connection, _tasks.with_for_update(), file.task_id, file.name, file.size)
            replaced = [old.id for old in kept if old.name == file.name]
            if replaced:
                connection.execute(delete(t.task_files).where(t.task_files.c.id.in_(replaced)))
            connection.execute(insert(t.task_files).values({c.name: getattr(file, c.name) for c in _columns}))
        return replaced

    def of_task(self, task_id: int) -> list[TaskFile]:
        """A task's files by name; none for an unknown task."""
        with translated("read"), self._engine.connect() as connection:
            return sorted(_kept(connection, task_id), key=lambda file: file.name)

    def find(self, task_id: int, name: str) -> TaskFile | None:
        """One file of a task."""
        query = _files.where(t.task_files.c.task_id == task_id, t.task_files.c.name == name)
        with translated("read"), self._engine.connect() as connection:
            row = connection.execute(query).first()
        return None if row is None else TaskFile(*row)

    def chunk(self, file_id: str, seq: int) -> bytes | None:
        """One piece of a file, `FILE_CHUNK` bytes but for the last; None when it is not there (any more)."""
        return self._chunks.chunk(file_id, seq)

    def drop(self, task_id: int, name: str) -> bool:
        """Drop a file; whether there was one."""
        named = (t.task_files.c.task_id == task_id, t.task_files.c.name == name)
        with self._chunks.showing() as connection:
            found = list(connection.scalars(select(t.task_files.c.id).where(*named).with_for_update()))
            connection.execute(delete(t.task_files).where(t.task_files.c.id.in_(found)))
        self._chunks.forget(found)
        return bool(found)


def _judge(connection: Connection, tasks: Any, task_id: int, name: str, size: int) -> list[TaskFile]:
    """What the task has so far, when it may have this file."""
    if connection.scalar(tasks.where(t.tasks.c.id == task_id)) is None:
        raise NotFound(f"Task {task_id} not found")
    kept = _kept(connection, task_id)
    check_task_file(name, size, kept)
    return kept


def _kept(connection: Connection, task_id: int) -> list[TaskFile]:
    return [TaskFile(*row) for row in connection.execute(_files.where(t.task_files.c.task_id == task_id))]
