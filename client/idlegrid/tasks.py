"""A task as its author holds it: run it, pause it, change it, give it files."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypedDict, Unpack
from urllib.parse import quote
from uuid import uuid4

from idlegrid.display import preformatted, table
from idlegrid.errors import FileError, IdlegridError
from idlegrid.models import RunInfo, RunPage
from idlegrid.run import Run
from idlegrid.session import Session


class TaskFields(TypedDict, total=False):
    """What a task may have beside its name, type, code and command; the words are the task API's.

    Durations are in seconds. `schedule` is a cron line of five fields, in UTC unless `metadata` has a `timezone`;
    `dependencies` are ids or names of tasks that must have completed; `resources` are `{"cpu": cores, "memory": MB}`;
    `parameters` reach the code as JSON in $IDLEGRID_PARAMETERS. In a change None takes a value away.
    """

    description: str | None
    executor: str
    arguments: Sequence[str] | None
    schedule: str | None
    interval_seconds: float | None
    max_instances: int | None
    priority: str | None
    retry_count: int | None
    timeout_seconds: float | None
    dependencies: Sequence[str | int] | None
    tags: Sequence[str] | None
    metadata: Mapping[str, Any] | None
    requires: Sequence[str] | None
    resources: Mapping[str, float] | None
    min_sandbox: int | None
    parameters: Mapping[str, Any] | None
    job_type: str | None
    job_category: str | None


class TaskChanges(TaskFields, total=False):
    """What of a task can be changed."""

    name: str
    task_type: str
    command: str
    code: str | None


class Task:
    """One task of the coordinator. Every method asks: it raises `Unreachable` or an `ApiError`."""

    def __init__(self, session: Session, task_id: int) -> None:
        self._session = session
        self.id = task_id

    def details(self) -> dict[str, Any]:
        """All that is recorded of it: its fields, code, statistics, and when it is due next (`next_firings`)."""
        answer: dict[str, Any] = self._session.get(self._path(), unwrap=True)
        return answer

    @property
    def name(self) -> str:
        """Its name, as of now."""
        return str(self.details()["name"])

    @property
    def status(self) -> str:
        """`active`, `paused`, or how the latest run of an unscheduled task ended, as of now."""
        return str(self.details()["status"])

    def trigger(self, **parameters: Any) -> Run:
        """Run it now, with these parameters laid over its own. Raises `Conflict` while it is paused."""
        body = {"parameters": parameters} if parameters else {}
        key = {"Idempotency-Key": str(uuid4())}
        return Run(self._session, self._session.post(self._path("/trigger"), body, key, unwrap=True)["run_id"])

    def pause(self) -> None:
        """Let it become due no more; what runs of it goes on."""
        self._session.post(self._path("/pause"))

    def resume(self) -> None:
        """Let it become due again."""
        self._session.post(self._path("/resume"))

    def update(self, **changes: Unpack[TaskChanges]) -> dict[str, Any]:
        """Change these fields and no other; None takes a value away. Returns the task's fields as they are then."""
        answer: dict[str, Any] = self._session.put(self._path(), json=changes, unwrap=True)
        return answer

    def delete(self) -> None:
        """Remove it and call off its unfinished runs. Raises `Conflict` while other tasks depend on it."""
        self._session.delete(self._path())

    def runs(self, page: int = 1, size: int = 20, status: str | None = None) -> RunPage:
        """One page of its runs, newest first."""
        params = {"page": page, "size": size, "status": status, "task_id": self.id}
        return RunPage.of(RunInfo, self._session.get("/api/runs", params, unwrap=True))

    def graph(self) -> dict[str, Any]:
        """The `tasks` that it depends on and that depend on it, and so on, with `edges` from parent to child."""
        return dict(self._session.get(self._path("/graph"), unwrap=True))

    def put_file(self, name: str, content: bytes | str | Path) -> None:
        """Lay a file into the working folder of its runs, as bytes or from a path; the same name again replaces it.

        Raises `FileError` when the path cannot be read.
        """
        self._session.put(self._path(f"/files/{quote(name)}"), _bytes(content))

    def files(self) -> list[dict[str, Any]]:
        """The files of its working folder, by name: `name`, `size` in bytes, `media_type`, `sha256`, `created_at`."""
        return list(self._session.get(self._path("/files"), unwrap=True)["items"])

    def read_file(self, name: str) -> bytes:
        """Fetch one of its files."""
        with self._session.stream(self._path(f"/files/{quote(name)}")) as pieces:
            return b"".join(pieces)

    def drop_file(self, name: str) -> None:
        """Take one of its files away; the next run is without it."""
        self._session.delete(self._path(f"/files/{quote(name)}"))

    def _path(self, below: str = "") -> str:
        return f"/api/tasks/{self.id}{below}"

    def __repr__(self) -> str:
        return f"<Task {self.id}>"

    def _repr_html_(self) -> str:
        try:
            known = self.details()
        except IdlegridError as error:
            return preformatted(f"{self!r}: {error}")
        shown = ("id", "name", "task_type", "status", "schedule", "next_run_at", "last_run_at")
        return table(shown, [[known.get(name) for name in shown]])


def new_task(name: str, task_type: str, code: str | None, command: str | None) -> dict[str, Any]:
    """What every new task says; inline code needs no command of its own. Raises ValueError when there is neither."""
    if command is None and code is None:
        raise ValueError(f"task {name!r} has neither code nor a command")
    executed = task_type if command is None else command
    fields = {"name": name, "task_type": task_type, "executor": task_type, "command": executed}
    return fields if code is None else {**fields, "code": code}


def _bytes(content: bytes | str | Path) -> bytes:
    if isinstance(content, bytes):
        return content
    try:
        return Path(content).read_bytes()
    except OSError as error:
        raise FileError(f"{content} cannot be read: {error.strerror}") from error
