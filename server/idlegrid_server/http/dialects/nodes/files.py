"""What nodes fetch for the runs that they hold: files of tasks, checkpoints."""

from collections.abc import AsyncIterator, Awaitable, Callable

from fastapi.responses import StreamingResponse

from idlegrid_server.core.checkpoints import Checkpoint
from idlegrid_server.core.errors import NotFound
from idlegrid_server.core.files import TaskFile

Chunk = Callable[[str, int], Awaitable[bytes | None]]
"""Gives one piece by the id of the bytes and the piece's number."""


def sent(chunk: Chunk, kept: TaskFile | Checkpoint) -> StreamingResponse:
    """The bytes, piece by piece; the tag is their SHA-256."""
    headers = {"Content-Length": str(kept.size), "ETag": f'"{kept.sha256}"'}
    return StreamingResponse(_pieces(chunk, kept), media_type="application/octet-stream", headers=headers)


async def _pieces(chunk: Chunk, kept: TaskFile | Checkpoint) -> AsyncIterator[bytes]:
    """What is replaced meanwhile breaks off, short of the length it said."""
    for seq in range(kept.chunks):
        data = await chunk(kept.id, seq)
        if data is None:
            raise NotFound("It was replaced while it was read")
        yield data
