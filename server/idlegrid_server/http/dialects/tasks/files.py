"""The files that a run left: their list, and their bytes."""

from collections.abc import AsyncIterator
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

from fastapi import Response
from fastapi.responses import StreamingResponse

from idlegrid_server.core.coordinator import Coordinator
from idlegrid_server.core.errors import NotFound
from idlegrid_server.core.files import StoredFile
from idlegrid_server.core.limits import MAX_INT64
from idlegrid_server.http.dialects.tasks import translate
from idlegrid_server.http.routing import Call


async def file_list(coordinator: Coordinator, run_id: int) -> dict[str, Any]:
    """A run's files. Raises NotFound."""
    await coordinator.view(run_id)
    return translate.files(await coordinator.read(coordinator.files.of_run, run_id))


async def download(call: Call, run_id: int, name: str) -> Response:
    """A file's bytes, or 304 when the caller has them. Raises NotFound."""
    files = call.coordinator.files
    file = await call.coordinator.read(files.find, run_id, name) if run_id <= MAX_INT64 and "\0" not in name else None
    if file is None:
        raise NotFound(f"Run {run_id} has no file {name}")
    headers = _headers(file)
    if _has(call.headers.get("if-none-match", ""), headers["ETag"]):
        return Response(status_code=HTTPStatus.NOT_MODIFIED, headers=headers)
    whole = {"Content-Length": str(file.size), "Content-Type": file.media_type}
    return StreamingResponse(_bytes(call.coordinator, file), headers=headers | whole)


def _headers(file: StoredFile) -> dict[str, str]:
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


async def _bytes(coordinator: Coordinator, file: StoredFile) -> AsyncIterator[bytes]:
    """Piece by piece. A file that is replaced meanwhile breaks off, short of the length it said."""
    for seq in range(file.chunks):
        data = await coordinator.read(coordinator.files.chunk, file.id, seq)
        if data is None:
            raise NotFound(f"{file.name} was replaced while it was read")
        yield data
