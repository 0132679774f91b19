"""The files that runs leave and tasks bring: their lists, and their bytes."""

from collections.abc import AsyncIterator, Callable
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

from fastapi import Response
from fastapi.responses import JSONResponse, StreamingResponse

from idlegrid_server.core.coordinator import Coordinator
from idlegrid_server.core.errors import NotFound
from idlegrid_server.core.files import StoredFile, TaskFile, check_task_file
from idlegrid_server.core.limits import MAX_INT64
from idlegrid_server.core.taskdesk import checked_id
from idlegrid_server.http.dialects.tasks import task_translate, translate
from idlegrid_server.http.envelope import envelope
from idlegrid_server.http.names import checked_name
from idlegrid_server.http.routing import Call
from idlegrid_server.http.spool import spooled

Chunk = Callable[[str, int], bytes | None]
"""Gives one piece of a file by the file's id and the piece's number."""


async def of_run(coordinator: Coordinator, run_id: int) -> dict[str, Any]:
    """A run's files. Raises NotFound."""
    await coordinator.view(run_id, what="Run")
    return translate.files(await coordinator.read(coordinator.files.of_run, run_id))


async def download(call: Call, run_id: int, name: str) -> Response:
    """The bytes of a run's file, or 304 when the caller has them. Raises NotFound."""
    files = call.coordinator.files
    file = await call.coordinator.read(files.find, run_id, name) if run_id <= MAX_INT64 and "\0" not in name else None
    if file is None:
        raise NotFound(f"Run {run_id} has no file {name}")
    return _sent(call, file, files.chunk)


async def of_task(coordinator: Coordinator, task_id: int) -> dict[str, Any]:
    """A task's files. Raises NotFound."""
    return translate.files(await _kept(coordinator, task_id))


async def task_download(call: Call, task_id: int, name: str) -> Response:
    """The bytes of a task's file, or 304 when the caller has them. Raises NotFound."""
    return _sent(call, await _found(call.coordinator, task_id, name), call.coordinator.tasks.files.chunk)


async def upload(call: Call, task_id: int, name: str) -> Response:
    """Take a file for a task; one that will not be taken is refused before it is read. Raises NotFound, TooLarge."""
    coordinator, name = call.coordinator, checked_name(call, name)
    check_task_file(name, int(call.headers.get("content-length", 0)), await _kept(coordinator, task_id))
    async with spooled(call, call.grid.settings.data) as body:
        is_new = await coordinator.keep_task_file(task_id, name, body.size, body.sha256, body.file)
    file = await _found(coordinator, task_id, name)
    return JSONResponse(envelope(translate.file(file)), HTTPStatus.CREATED if is_new else HTTPStatus.OK)


async def remove(coordinator: Coordinator, task_id: int, name: str) -> dict[str, Any]:
    """Drop a task's file. Raises NotFound."""
    await _found(coordinator, task_id, name)
    await coordinator.read(coordinator.tasks.files.drop, task_id, name)
    return task_translate.file_removed(name)


async def _kept(coordinator: Coordinator, task_id: int) -> list[TaskFile]:
    if await coordinator.read(coordinator.reader.task, checked_id(task_id)) is None:
        raise NotFound(f"Task {task_id} not found")
    return await coordinator.read(coordinator.tasks.files.of_task, task_id)


async def _found(coordinator: Coordinator, task_id: int, name: str) -> TaskFile:
    find = coordinator.tasks.files.find
    file = None if "\0" in name else await coordinator.read(find, checked_id(task_id), name)
    if file is None:
        raise NotFound(f"Task {task_id} has no file {name}")
    return file


def _sent(call: Call, file: StoredFile | TaskFile, chunk: Chunk) -> Response:
    headers = _headers(file)
    if _has(call.headers.get("if-none-match", ""), headers["ETag"]):
        return Response(status_code=HTTPStatus.NOT_MODIFIED, headers=headers)
    whole = {"Content-Length": str(file.size), "Content-Type": file.media_type}
    return StreamingResponse(_bytes(call.coordinator, file, chunk), headers=headers | whole)


def _headers(file: StoredFile | TaskFile) -> dict[str, str]:
    """What keeps a stranger's file from being shown, or run, as a page of ours."""
    base = file.name.rpartition("/")[2]
    return {
        "ETag": f'"{file.sha256}"',
        "Cache-Control": "private, no-cache",
        "Content-Disposition": f"attachment; filename*=UTF-8''{quote(base, safe='')}",
        "Content-Security-Policy": "sandbox",
        "X-Content-Type-Options": "nosniff",
    }


def _has(if_none_match: str, tag: str) -> bool:
    known = {known.strip().removeprefix("W/") for known in if_none_match.split(",")}
    return bool(known & {tag, "*"})


async def _bytes(coordinator: Coordinator, file: StoredFile | TaskFile, chunk: Chunk) -> AsyncIterator[bytes]:
    """Piece by piece. A file that is replaced meanwhile breaks off, short of the length it said."""
    for seq in range(file.chunks):
        data = await coordinator.read(chunk, file.id, seq)
        if data is None:
            raise NotFound(f"{file.name} was replaced while it was read")
        yield data
