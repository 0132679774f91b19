"""Runs inside, after `child.py` and `inside.py`, where no namespaces can be had: levels 2 and 1.

At level 2 the code's process shuts itself in with Landlock and a system-call filter; its supervisor stays
outside of that, so that the code can neither signal nor look into it. At level 1 nothing is shut.
"""

import _signal  # type: ignore[import-not-found] # as in inside.py
import contextlib
import ctypes
import errno
import os
import stat
import struct

from idlegrid_node.sandbox.child import prctl
from idlegrid_node.sandbox.inside import Place

PR_SET_SECCOMP, PR_SET_CHILD_SUBREAPER, PR_SET_NO_NEW_PRIVS = 22, 36, 38  # linux/prctl.h
SECCOMP_MODE_FILTER = 2
CREATE_RULESET, ADD_RULE, RESTRICT_SELF = 444, 445, 446  # the same on every architecture
PATH_BENEATH = 1
# linux/landlock.h: what a process handled by a ruleset may do only where a rule says so.
EXECUTE, WRITE_FILE, READ_FILE, READ_DIR = 1, 2, 4, 8
MAKE_CHAR, MAKE_BLOCK, TRUNCATE, IOCTL_DEV = 1 << 6, 1 << 11, 1 << 14, 1 << 15
ALL_FILES = (1 << 16) - 1
ALL_NETWORK = 3
SCOPE_ABSTRACT_SOCKETS_AND_SIGNALS = 3
ON_A_FILE = EXECUTE | WRITE_FILE | READ_FILE | TRUNCATE | IOCTL_DEV
READ = EXECUTE | READ_FILE | READ_DIR
OWN = ALL_FILES & ~(MAKE_CHAR | MAKE_BLOCK)
FULL = float("inf")
"""What cannot be looked into counts as too much: else it were the place to hide."""
MAX_DEPTH = 400
"""How deep folders may lie in each other before they count as FULL: each costs a descriptor while it is looked at."""
VANISHED = (errno.ENOENT, errno.ENOTDIR, errno.ELOOP)
"""It is gone, or something else has its place: the next look will tell."""
ROUNDS = 50
"""How often a tree is walked until nothing new is found: a chain of forks may run ahead of the walker."""


class Watched(Place):
    """Level 1: orphans come back to us, and the tree is walked. The folder it works in is removed at the end."""

    def enter(self) -> None:
        """Become the parent of every process that loses its own."""
        prctl(PR_SET_CHILD_SUBREAPER, 1)

    def signal_all(self, number: int) -> None:
        """Stop or continue the whole tree; to kill it is stopped first, so that nothing escapes by forking."""
        if number == _signal.SIGCONT:
            signal_each(descendants(os.getpid()), number)
            return
        stopped: set[int] = set()
        for _ in range(ROUNDS):
            fresh = descendants(os.getpid()) - stopped
            if not fresh:
                break
            signal_each(fresh, _signal.SIGSTOP)
            stopped |= fresh
        if number != _signal.SIGSTOP:
            signal_each(descendants(os.getpid()) | stopped, number)

    def disk_used(self) -> float:
        """Return the bytes that the working folder takes, with what is open there but has no name any more."""
        try:
            folder = os.open(".", os.O_RDONLY | os.O_DIRECTORY)
        except PermissionError:
            return FULL
        try:
            return named_bytes(folder) + nameless_bytes(descendants(os.getpid()), os.fstat(folder).st_dev)
        finally:
            os.close(folder)

    def leave(self) -> None:
        """Remove the working folder: nobody else may be there to do it."""
        with contextlib.suppress(OSError):  # its own entry may be out of our reach; the node removes that
            remove_tree(os.getcwd())


class Confined(Watched):
    """Level 2: `seccomp` is the filter, `readable` the paths to read, `writable` devices to write as well."""

    def __init__(self, seccomp: bytes, readable: "list[str]", writable: "list[str]") -> None:
        super().__init__()
        self.seccomp = seccomp
        self.readable = readable
        self.writable = writable

    def shut(self) -> None:
        """From here on this process and its children may do only what is listed."""
        self.before_collecting()
        program = ctypes.create_string_buffer(self.seccomp, len(self.seccomp))
        pointer = ctypes.c_char_p(struct.pack("=HxxxxxxQ", len(self.seccomp) // 8, ctypes.addressof(program)))
        libc = ctypes.CDLL(None, use_errno=True)
        checked(libc.prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, pointer, 0, 0), "seccomp")

    def before_collecting(self) -> None:
        """Shut off all files but the listed ones and the working folder."""
        prctl(PR_SET_NO_NEW_PRIVS, 1)
        attributes = struct.pack("=QQQ", ALL_FILES, ALL_NETWORK, SCOPE_ABSTRACT_SOCKETS_AND_SIGNALS)
        ruleset = landlock(CREATE_RULESET, attributes, len(attributes), 0)
        for path in self.readable:
            allow(ruleset, path, READ)
        for path in self.writable:
            allow(ruleset, path, READ | WRITE_FILE)
        allow(ruleset, os.getcwd(), OWN)
        landlock(RESTRICT_SELF, ruleset, 0)
        os.close(ruleset)

    def signal_all(self, number: int) -> None:
        """The filter denies a process group or session of one's own: all that the code starts is in its group."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.child, number)


def allow(ruleset: int, path: str, rights: int) -> None:
    """Add a rule; what is not there needs none."""
    try:
        fd = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        return
    if not os.path.isdir(path):
        rights &= ON_A_FILE
    landlock(ADD_RULE, ruleset, PATH_BENEATH, struct.pack("=Qi", rights, fd), 0)
    os.close(fd)


def landlock(number: int, *words: "int | bytes") -> int:
    """Call one of Landlock's system calls. Raises OSError where the kernel refuses: never go on without."""
    return checked(ctypes.CDLL(None, use_errno=True).syscall(number, *words), "Landlock")


def checked(result: int, what: str) -> int:
    """Return a call's result. Raises OSError."""
    if result < 0:
        code = ctypes.get_errno()
        raise OSError(code, f"{what}: {os.strerror(code)}")
    return result


def named_bytes(folder: int, depth: int = 0) -> float:
    """Return the bytes of what lies below an open folder; what vanishes meanwhile counts nothing."""
    if depth > MAX_DEPTH:
        return FULL
    used = 0.0
    for entry in list(os.scandir(folder)):
        try:
            if entry.is_dir(follow_symlinks=False):
                used += bytes_below(folder, entry.name, depth + 1)
            else:
                used += entry.stat(follow_symlinks=False).st_blocks * 512
        except OSError as error:
            if error.errno not in VANISHED:
                return FULL
    return used


def bytes_below(folder: int, name: str, depth: int) -> float:
    """Return the bytes of what lies below the folder `name`. Raises OSError."""
    below = os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=folder)
    try:
        return named_bytes(below, depth)
    finally:
        os.close(below)


def nameless_bytes(pids: "set[int]", device: int) -> int:
    """Return the bytes of files on `device` that processes have open, and that no folder holds any more."""
    held: dict[int, int] = {}
    for pid in pids:
        try:
            paths = [f"/proc/{pid}/fd/{fd}" for fd in os.listdir(f"/proc/{pid}/fd")]
        except OSError:  # it has ended; to hide its descriptors the filter denies it
            continue
        for path in paths:
            with contextlib.suppress(OSError):
                found = os.stat(path)
                if not found.st_nlink and stat.S_ISREG(found.st_mode) and found.st_dev == device:
                    held[found.st_ino] = found.st_blocks * 512
    return sum(held.values())


def remove_tree(folder: str) -> None:
    """Remove a folder in which nothing runs any more, however deep it is. Raises OSError.

    Folders are moved up to the top before they are emptied, so neither recursion nor the length of a path
    bounds the depth; and no symbolic link is followed.
    """
    top = open_shut(folder)
    try:
        os.fchmod(top, 0o700)
        while entries := list(os.scandir(top)):
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    empty(top, entry.name)
                else:
                    os.unlink(entry.name, dir_fd=top)
    finally:
        os.close(top)
    os.rmdir(folder)


def open_shut(folder: str) -> int:
    """Open a folder, also one that its own code took the rights from. Root may anyway, and so never changes any."""
    try:
        return os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    except PermissionError:
        os.chmod(folder, 0o700)
        return os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)


def empty(top: int, name: str) -> None:
    """Remove the folder `name` in `top`, after moving the folders in it to `top`, under names nobody can have taken."""
    os.chmod(name, 0o700, dir_fd=top)
    folder = os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=top)
    try:
        for entry in list(os.scandir(folder)):
            if entry.is_dir(follow_symlinks=False):
                os.chmod(entry.name, 0o700, dir_fd=folder)
                os.rename(entry.name, f".{os.urandom(8).hex()}.moved", src_dir_fd=folder, dst_dir_fd=top)
            else:
                os.unlink(entry.name, dir_fd=folder)
    finally:
        os.close(folder)
    os.rmdir(name, dir_fd=top)


def descendants(root: int) -> "set[int]":
    """Return the processes below `root`."""
    found: set[int] = set()
    waiting = [root]
    while waiting:
        pid = waiting.pop()
        try:
            tasks = os.listdir(f"/proc/{pid}/task")
            lines = [open(f"/proc/{pid}/task/{task}/children").read() for task in tasks]  # noqa: SIM115
        except OSError:
            continue
        children = {int(word) for line in lines for word in line.split()} - found
        found |= children
        waiting += children
    return found


def signal_each(pids: "set[int]", number: int) -> None:
    """Signal each; one that is gone is what was wanted."""
    for pid in pids:
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            continue
