"""The files that a task brings: fetched once, and kept by their hash for the runs that follow.

What lies in the cache is believed only as long as it has its hash: it is on a disk like any other.
"""

import contextlib
import hashlib
import os
import threading
from collections.abc import Callable
from pathlib import Path

import structlog

from idlegrid.errors import Conflict, IdlegridError, InvalidRequest, NotFound
from idlegrid_node.errors import FilesChanged
from idlegrid_node.link import Backoff, Link
from idlegrid_node.sandbox.files import clean_name
from idlegrid_node.sandbox.job import FileIn
from idlegrid_node.wire import Lease, TaskFile

log = structlog.get_logger()
CACHE_BYTES = 200 * 2**20
"""How much is kept: twenty tasks' worth of the 10 MiB that a task may have."""
TRIES = 3
"""With pauses of 1 and 2 s; one that stays away longer gives the attempt to whoever is there when it is back."""


class Cache:
    """Files by the SHA-256 of what is in them, `limit` bytes at most; what was used longest ago goes first.

    Safe between threads. A disk that is full, or gone, keeps nothing and harms nobody.
    """

    def __init__(self, folder: Path, limit: int = CACHE_BYTES) -> None:
        self._folder = folder
        self._limit = limit
        self._lock = threading.Lock()

    def get(self, digest: str) -> bytes | None:
        """Return what has this hash, if it is here."""
        path = self._folder / digest
        try:
            content = path.read_bytes()
            os.utime(path)
        except OSError:
            return None
        if digest_of(content) == digest:
            return content
        with self._lock:
            _drop(path)
        return None

    def put(self, digest: str, content: bytes) -> None:
        """Keep what has this hash."""
        draft = self._folder / f".{digest}.part"
        with self._lock:
            try:
                self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
                draft.write_bytes(content)
                draft.rename(self._folder / digest)
                self._shrink()
            except OSError as error:
                _drop(draft)
                log.warning("not_cached", action="files", reason=str(error))

    def _shrink(self) -> None:
        held = sorted(((path.stat(), path) for path in self._folder.iterdir()), key=lambda found: found[0].st_mtime_ns)
        over = sum(found.st_size for found, _ in held) - self._limit
        for found, path in held:
            if over <= 0:
                return
            path.unlink()
            over -= found.st_size


class TaskFiles:
    """Gets a lease's files, from the coordinator or from the cache. Safe between threads."""

    def __init__(self, link: Link, cache: Cache, tries: int = TRIES) -> None:
        self._link = link
        self._cache = cache
        self._tries = tries

    def fetch(self, lease: Lease, stopped: threading.Event) -> list[FileIn]:
        """Return the files as the lease names them; without some of them when it was `stopped` meanwhile.

        Raises `FilesChanged` when they are not to be had any more, and an `IdlegridError` when the coordinator
        stays away.
        """
        files = []
        for file in lease.files:
            if stopped.is_set():
                break
            files.append(FileIn(_checked(file.name), self._content(lease, file, stopped)))
        return files

    def _content(self, lease: Lease, file: TaskFile, stopped: threading.Event) -> bytes:
        content = self._cache.get(file.sha256)
        if content is None:
            content = self._patiently(lambda: self._link.task_file(lease, file), stopped)
            if digest_of(content) != file.sha256:
                raise FilesChanged(f"the file {file.name} is another than when this attempt was leased")
            self._cache.put(file.sha256, content)
        return content

    def _patiently(self, ask: Callable[[], bytes], stopped: threading.Event) -> bytes:
        backoff = Backoff()
        for tries_left in reversed(range(self._tries)):
            try:
                return ask()
            except (NotFound, Conflict, InvalidRequest) as error:
                raise FilesChanged(str(error)) from error
            except IdlegridError:
                if not tries_left or stopped.wait(backoff.seconds()):
                    raise
        raise AssertionError("at least one try")


def _drop(path: Path) -> None:
    """Remove a file where that is possible; one that stays is not believed either."""
    with contextlib.suppress(OSError):
        path.unlink()


def digest_of(content: bytes) -> str:
    """Return the SHA-256 in hex digits."""
    return hashlib.sha256(content).hexdigest()


def _checked(name: str) -> str:
    if clean_name(name.encode("utf-8", "replace")) != name:
        raise FilesChanged(f"{name!r} is no name for a file")
    return name
