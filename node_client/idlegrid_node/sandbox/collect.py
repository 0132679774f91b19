"""What a sandbox hands out of a folder: its regular files, within bounds.

Loaded between `child.py` and `inside.py`, and by their rules: every import costs start time.
"""

import os
import stat

from idlegrid_node.sandbox.child import CHUNK

TYPE_CHECKING = False  # the module `typing` costs several milliseconds
if TYPE_CHECKING:
    from collections.abc import Callable

    Write = Callable[[bytes], None]

MAX_FILES = 100
MAX_FILE_BYTES = 50 * 2**20
MAX_ENTRIES = 10_000
"""Folders and files looked at: a run may leave more, it is left out."""
MAX_DEPTH = 16


class Unfit(Exception):
    """All or nothing is to be sent, and not all can be; the message is a word for why."""


class Collection:
    """Sends the regular files below a folder, within bounds. `left_out` counts what may not go or did not fit.

    No symbolic link is followed, and nothing but a regular file is ever opened for reading. The code may still run.
    """

    def __init__(self, write: "Write", files: int = MAX_FILES, size: int = MAX_FILE_BYTES) -> None:
        self.write = write
        self.files_left, self.bytes_left = files, size
        self.files = self.seen = self.left_out = 0

    def skip(self) -> None:
        """Here is something that is neither a file nor a folder."""
        self.left_out += 1

    def refuse(self, why: str) -> None:
        """Here is something that could go, but for `why`."""
        self.left_out += 1

    def folder(self, prefix: bytes, fd: int, depth: int) -> None:
        """Send what is in an open folder, and in those below."""
        for name in sorted(os.fsencode(name) for name in os.listdir(fd)):
            self.seen += 1
            entry, mode, size = inspect(name, fd)
            try:
                self.entry(prefix + name, entry, mode, size, depth)
            finally:
                if entry >= 0:
                    os.close(entry)

    def entry(self, name: bytes, fd: int, mode: int, size: int, depth: int) -> None:
        """Send what was found, as `inspect` gave it."""
        if self.seen > MAX_ENTRIES or depth > MAX_DEPTH:
            self.refuse("entries")
        elif fd < 0:
            if stat.S_ISREG(mode) or stat.S_ISDIR(mode):
                self.refuse("unreadable")
            else:
                self.skip()
        elif stat.S_ISDIR(mode):
            self.folder(name + b"/", fd, depth + 1)
        else:
            self.file(name, fd, size)

    def file(self, name: bytes, fd: int, size: int) -> None:
        """Send one file, if it still fits."""
        if self.files_left < 1 or size > self.bytes_left:
            self.refuse("files" if self.files_left < 1 else "bytes")
            return
        self.files += 1
        self.files_left -= 1
        self.bytes_left -= size
        send(self.write, name, fd, size)


class Everything(Collection):
    """Sends all regular files below a folder. Raises `Unfit` where one may not go; what is no file is passed over."""

    def skip(self) -> None:
        """See `Collection.skip`."""

    def refuse(self, why: str) -> None:
        """See `Collection.refuse`."""
        raise Unfit(why)


def inspect(name: bytes, folder: int) -> "tuple[int, int, int]":
    """Open a file or folder and return (descriptor, mode, size); the descriptor is -1 for anything else."""
    try:
        mode = os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode
        if stat.S_ISDIR(mode):
            return open_at(name, os.O_DIRECTORY, folder), mode, 0
        if not stat.S_ISREG(mode):
            return -1, mode, 0
        fd = open_at(name, os.O_NONBLOCK, folder)
        if fd < 0:
            return fd, mode, 0
        found = os.fstat(fd)
        if stat.S_ISREG(found.st_mode):
            return fd, mode, found.st_size
        os.close(fd)  # something else has taken its place since
    except OSError:
        pass
    return -1, 0, 0


def open_at(name: bytes, flags: int, folder: "int | None") -> int:
    """Open for reading what is no symbolic link; -1 when that is not possible."""
    try:
        return os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | flags, dir_fd=folder)
    except OSError:
        return -1


def send(write: "Write", name: bytes, fd: int, size: int) -> None:
    """Send one file, exactly `size` bytes of it: zeros for what cannot be read any more."""
    write(b"file %d %d\n" % (size, len(name)) + name)
    while size:
        data = os.read(fd, min(size, CHUNK)) or bytes(min(size, CHUNK))
        write(data)
        size -= len(data)


def collect(write: "Write") -> int:
    """Send the files below `./out`; returns how many things were left out."""
    collection = Collection(write)
    out = open_at(b"out", os.O_DIRECTORY, None)
    if out < 0:
        return 1
    collection.folder(b"", out, 1)
    return collection.left_out
