"""The coordinator's verbs about checkpoints of runs. Dialects reach them as `coordinator.checkpoints`."""

import asyncio
from typing import IO, Final

from idlegrid_server.core.checkpoints import Checkpoint, CheckpointUpload
from idlegrid_server.core.commands import TellCheckpoint
from idlegrid_server.core.errors import NotFound
from idlegrid_server.core.node_queries import NodeReader
from idlegrid_server.core.nodedesk import held_run
from idlegrid_server.core.ports import Checkpoints
from idlegrid_server.core.writer import Writer

KEEPERS: Final = 2
"""Checkpoints written at a time: they share their threads with everything that is read."""


class CheckpointDesk:
    """Lives on one event loop. Every coroutine raises RecordUnavailable when the database does not answer."""

    def __init__(self, writer: Writer, nodes: NodeReader, checkpoints: Checkpoints) -> None:
        self._writer, self._nodes, self._checkpoints = writer, nodes, checkpoints
        self._keeping = asyncio.Semaphore(KEEPERS)

    async def check(self, upload: CheckpointUpload) -> None:
        """Whether an attempt may send a checkpoint, before it has. Raises NotFound, StaleReport, TooLarge."""
        await asyncio.to_thread(self._checkpoints.check, upload)

    async def keep(self, upload: CheckpointUpload, body: IO[bytes]) -> None:
        """Take a checkpoint in place of the run's older one, and tell the run's story of it.

        Raises NotFound, StaleReport, TooLarge; nothing of it stays then.
        """
        async with self._keeping:
            kept = await asyncio.to_thread(self._checkpoints.keep, upload, body)
        await self._writer.ask(TellCheckpoint(upload.run_uuid, kept))

    async def of_attempt(self, run_uuid: str, lease_id: str) -> Checkpoint:
        """The checkpoint that an attempt goes on from.

        Raises NotFound when there is none, or no such run; StaleReport when the lease is not the newest.
        """
        held = await asyncio.to_thread(held_run, self._nodes, run_uuid, lease_id)
        found = await asyncio.to_thread(self._checkpoints.find, held.run_id)
        if found is None:
            raise NotFound(f"Run {run_uuid} has no checkpoint")
        return found

    async def chunk(self, file_id: str, seq: int) -> bytes | None:
        """One piece of a checkpoint, `FILE_CHUNK` bytes but for the last; None when it is not there (any more)."""
        return await asyncio.to_thread(self._checkpoints.chunk, file_id, seq)
