"""The files of tasks, for the nodes that run them."""

from collections.abc import AsyncIterator

from fastapi.responses import StreamingResponse

from idlegrid_server.core.errors import NotFound
from idlegrid_server.core.files import TaskFile
from idlegrid_server.core.nodedesk import NodeDesk


def sent(nodes: NodeDesk, file: TaskFile) -> StreamingResponse:
    """The file's bytes, piece by piece; the tag is their SHA-256."""
    headers = {"Content-Length": str(file.size), "ETag": f'"{file.sha256}"'}
    return StreamingResponse(_pieces(nodes, file), media_type="application/octet-stream", headers=headers)


async def _pieces(nodes: NodeDesk, file: TaskFile) -> AsyncIterator[bytes]:
    """A file that is replaced meanwhile breaks off, short of the length it said."""
    for seq in range(file.chunks):
        data = await nodes.chunk(file.id, seq)
        if data is None:
            raise NotFound(f"{file.name} was replaced while it was read")
        yield data
