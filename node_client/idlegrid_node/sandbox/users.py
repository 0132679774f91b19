"""A user id for each sandbox of a node started as root.

The kernel counts some things per user: processes, pipe buffers, inotify watches, keys. Sandboxes that share
an id can starve each other of them, and could signal each other if the sandbox itself failed.
"""

import contextlib
import fcntl
import grp
import os
import pwd
import stat
import threading
from pathlib import Path

from idlegrid_node.errors import SandboxUnavailable

COUNT = 256
"""More than a node has sandboxes, running and waiting; several nodes of one machine share them."""


class SlotUsers:
    """User ids `first` to `first + count - 1`, each used by one sandbox at a time on the whole machine.

    An id is held by a lock on a file named after it, in a folder of root's: two nodes never share one, and
    what a killed node held is free at once. Ids that somebody has a name for (Debian gives out some from 64000
    on) are left alone. Thread-safe.
    """

    def __init__(self, first: int = 64000, count: int = COUNT, folder: Path = Path("/run/idlegrid-users")) -> None:
        self._ids = range(first, first + count)
        self._folder = folder
        self._lock = threading.Lock()
        self._held: dict[int, int] = {}
        self._named: dict[int, bool] = {}

    def take(self) -> int:
        """Return an id, which is also a group id, that nobody else uses until `give`.

        Raises `SandboxUnavailable` if all are taken or the folder cannot be used.
        """
        with self._lock:
            try:
                return self._take()
            except OSError as error:
                raise SandboxUnavailable(f"user ids cannot be held in {self._folder}: {error}") from error

    def give(self, uid: int) -> None:
        """Give an id back; none of its processes may be left. One that is not held is ignored."""
        with self._lock:
            fd = self._held.pop(uid, None)
            if fd is not None:
                # Said aloud: a program being started just now has a copy of the descriptor until it is executed.
                fcntl.flock(fd, fcntl.LOCK_UN)
                os.close(fd)

    def _take(self) -> int:
        if not self._held:
            _make_private(self._folder)
        for uid in self._ids:
            if uid not in self._held and not self._has_name(uid):
                fd = _locked(self._folder / str(uid))
                if fd is not None:
                    self._held[uid] = fd
                    return uid
        raise SandboxUnavailable(f"all user ids from {self._ids[0]} to {self._ids[-1]} are taken")

    def _has_name(self, uid: int) -> bool:
        """Tell whether a user or a group of that id is known; asked once, as it may be asked over the network."""
        if uid not in self._named:
            self._named[uid] = _user_exists(uid) or _group_exists(uid)
        return self._named[uid]


def _make_private(folder: Path) -> None:
    """Make the folder, or check that nobody but us can write to it: a lock in another's hands is none."""
    with contextlib.suppress(FileExistsError):
        folder.mkdir(0o700)
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid() or found.st_mode & 0o077:
        raise SandboxUnavailable(f"{folder} must be a folder that only uid {os.geteuid()} can use")


def _locked(path: Path) -> int | None:
    """Return a descriptor that holds the file's lock until it is closed; None if somebody else holds it."""
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(fd)
        return None
    except OSError:
        os.close(fd)
        raise
    return fd


def _user_exists(uid: int) -> bool:
    try:
        pwd.getpwuid(uid)
    except KeyError:
        return False
    return True


def _group_exists(gid: int) -> bool:
    try:
        grp.getgrgid(gid)
    except KeyError:
        return False
    return True
