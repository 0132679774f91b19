"""Checkpoints on their way: from the coordinator before an attempt, and to it while the attempt runs.

Each attempt has a folder of its own here, which is gone when there is nothing more to be sent.
"""

import hashlib
import shutil
import threading
from collections.abc import Callable
from pathlib import Path

import structlog

from idlegrid.errors import Conflict, IdlegridError, InvalidRequest, NotFound
from idlegrid_node.errors import CheckpointUnavailable
from idlegrid_node.link import CHUNK, Backoff, Link
from idlegrid_node.sandbox.checkpoint import files_of
from idlegrid_node.sandbox.job import FileIn
from idlegrid_node.wire import Lease, TaskFile

log = structlog.get_logger()
TRIES = 3
"""As for a task's files: with pauses of 1 and 2 s."""


class CheckpointStore:
    """Fetches and sends the checkpoints of a node's attempts; what is on its way lies in `folder`."""

    def __init__(self, link: Link, folder: Path, tries: int = TRIES) -> None:
        self._link = link
        self._tries = tries
        self.folder = folder

    def of(self, lease: Lease) -> Path:
        """Return the folder of an attempt; it is made by who needs it."""
        return self.folder / lease.lease_id

    def sender(self, lease: Lease) -> "Sender":
        """Return what sends the checkpoints of an attempt."""
        return Sender(self._link, lease, self.of(lease))

    def fetch(self, lease: Lease, stopped: threading.Event) -> list[FileIn]:
        """Return the files of the lease's checkpoint; none when there is none, or when it was `stopped` meanwhile.

        Raises `CheckpointUnavailable`.
        """
        if lease.checkpoint is None:
            return []
        archive = self.of(lease) / "given.tar"
        try:
            archive.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            if not self._patiently(lambda: self._get(lease, archive), stopped):
                return []
            _check(archive, lease.checkpoint)
            return files_of(archive)
        except (IdlegridError, OSError, ValueError) as error:
            raise CheckpointUnavailable(f"the checkpoint could not be fetched: {error}") from error
        finally:
            shutil.rmtree(archive.parent, ignore_errors=True)

    def _get(self, lease: Lease, archive: Path) -> None:
        assert lease.checkpoint is not None  # noqa: S101 - for mypy
        self._link.checkpoint(lease, lease.checkpoint, archive)

    def _patiently(self, fetch: Callable[[], None], stopped: threading.Event) -> bool:
        """Fetch, and again where that may help; False when it was stopped before."""
        backoff = Backoff()
        for tries_left in reversed(range(self._tries)):
            if stopped.is_set():
                return False
            try:
                fetch()
            except (NotFound, Conflict, InvalidRequest):
                raise
            except IdlegridError:
                if not tries_left:
                    raise
                stopped.wait(backoff.seconds())
            else:
                return True
        return False


class Sender:
    """Sends an attempt's checkpoints as they are taken, in a thread of its own: only the newest one matters.

    One that does not arrive is tried again with the next, and at the end by whoever gets it from `last`.
    """

    def __init__(self, link: Link, lease: Lease, folder: Path) -> None:
        self._link = link
        self._lease = lease
        self._folder = folder
        self._changed = threading.Condition()
        self._newest: Path | None = None
        self._untried = self._closed = False
        self._thread: threading.Thread | None = None

    def taken(self, archive: Path, size: int) -> None:
        """There is a newer one."""
        log.info("checkpoint_taken", action="checkpoint", size=size)
        with self._changed:
            if self._newest is not None:
                self._newest.unlink(missing_ok=True)
            self._newest, self._untried = archive, True
            self._changed.notify_all()
            if self._thread is None:
                name = f"checkpoint-{self._lease.run[:8]}"
                self._thread = threading.Thread(target=self._send_all, name=name, daemon=True)
                self._thread.start()

    def last(self, *, wanted: bool, seconds: float) -> Path | None:
        """Send no more; returns the newest if it is `wanted` and has not arrived, else forgets it.

        Waits so many seconds at most for what is being sent, if it is wanted.
        """
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        if wanted and self._thread is not None:
            self._thread.join(seconds)
        with self._changed:
            newest = self._newest if wanted else None
        if newest is None:
            shutil.rmtree(self._folder, ignore_errors=True)
        return newest

    def _send_all(self) -> None:
        while (archive := self._next()) is not None:
            try:
                self._link.put_checkpoint(self._lease.run, self._lease.lease_id, archive)
            except (IdlegridError, OSError) as error:
                log.warning("checkpoint_not_sent", action="checkpoint", run=self._lease.run, reason=str(error))
            else:
                self._arrived(archive)

    def _next(self) -> Path | None:
        """Wait for one to send; None when it is over."""
        with self._changed:
            self._changed.wait_for(lambda: self._untried or self._closed)
            self._untried = self._untried and not self._closed
            if not self._untried:
                return None
            self._untried = False
            return self._newest

    def _arrived(self, archive: Path) -> None:
        with self._changed:
            if self._newest == archive:
                self._newest = None
                archive.unlink(missing_ok=True)


def _check(archive: Path, said: TaskFile) -> None:
    """See that it is what the lease said. Raises OSError, and ValueError when it is not."""
    digest = hashlib.sha256()
    with archive.open("rb") as file:
        while piece := file.read(CHUNK):
            digest.update(piece)
    if digest.hexdigest() != said.sha256:
        raise ValueError("it is damaged")
