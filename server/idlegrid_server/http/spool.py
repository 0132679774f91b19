"""Bodies too large for memory: all bytes are here, and counted, before anything is done with them."""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from tempfile import SpooledTemporaryFile
from typing import IO, Final

from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from idlegrid_server.core.errors import Unavailable
from idlegrid_server.core.limits import FILE_CHUNK
from idlegrid_server.http.routing import Call, HungUp

STALL_SECONDS: Final = 60.0
"""A sender of whom nothing comes for this long has gone without saying so."""


@dataclass(frozen=True, slots=True)
class Body:
    """A whole body, to be read from its start; `size` in bytes, `sha256` as hex."""

    file: IO[bytes]
    size: int
    sha256: str


@asynccontextmanager
async def spooled(call: Call, folder: Path) -> AsyncIterator[Body]:
    """The request's body, in memory while it is small and else in a file of `folder` that has no name.

    Its length is `limits.Guard`'s to bound. Raises HungUp, HTTPException 408 for a sender who stalls, and Unavailable
    when the disk takes no more.
    """
    digest, size = hashlib.sha256(), 0
    with SpooledTemporaryFile(max_size=FILE_CHUNK, dir=str(folder)) as file:
        async for piece in _pieces(call):
            digest.update(piece)
            size += len(piece)
            await asyncio.to_thread(_write, file, piece)
        await asyncio.to_thread(_rewind, file)
        yield Body(file, size, digest.hexdigest())


async def _pieces(call: Call) -> AsyncIterator[bytes]:
    """The body in pieces of about `FILE_CHUNK`: each costs a trip to a thread."""
    gathered = bytearray()
    async for piece in _received(call):
        gathered += piece
        if len(gathered) >= FILE_CHUNK:
            yield bytes(gathered)
            gathered.clear()
    yield bytes(gathered)


async def _received(call: Call) -> AsyncIterator[bytes]:
    stream = call.stream()
    try:
        while True:
            yield await asyncio.wait_for(anext(stream), STALL_SECONDS)
    except StopAsyncIteration:
        return
    except TimeoutError as error:
        raise HTTPException(HTTPStatus.REQUEST_TIMEOUT, "The rest of the body did not come") from error
    except ClientDisconnect as error:
        raise HungUp from error


def _write(file: IO[bytes], piece: bytes) -> None:
    with _on_disk():
        file.write(piece)


def _rewind(file: IO[bytes]) -> None:
    """The last bytes reach the disk only now."""
    with _on_disk():
        file.seek(0)


@contextmanager
def _on_disk() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise Unavailable(f"The file could not be taken in: {error.strerror}") from error
