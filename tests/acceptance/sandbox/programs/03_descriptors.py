"""Look for descriptors that were left open, and reopen those of the first process."""

import os

from tries import attempt


def inherited():
    """Descriptors that are none of the three standard ones; the listing has one of its own."""
    found = {}
    for name in os.listdir("/proc/self/fd"):
        try:
            found[int(name)] = os.readlink(f"/proc/self/fd/{name}")
        except FileNotFoundError:
            continue
    return {fd: target for fd, target in found.items() if fd > 2}


def by_number():
    """The same without /proc."""
    found = []
    for fd in range(3, 256):
        try:
            os.fstat(fd)
        except OSError:
            continue
        found.append(fd)
    return found


def reopened(number):
    found = []
    for name in os.listdir(f"/proc/{number}/fd"):
        path = f"/proc/{number}/fd/{name}"
        target = os.readlink(path)
        if target.startswith(("pipe:", "/dev/null", "anon_inode:")):
            continue
        try:
            os.close(os.open(path, os.O_WRONLY | os.O_APPEND | os.O_NONBLOCK))
        except OSError:
            continue
        found.append(target)
    return found


def files():
    targets = [os.readlink(f"/proc/self/fd/{fd}") for fd in range(3)]
    return [target for target in targets if target.startswith("/") and target != "/dev/null"]


attempt("inherited", inherited)
attempt("inherited, by number", by_number)
attempt("standard streams that are files", files)
attempt("reopen those of the first process", reopened, 1)
attempt("reopen those of the parent", reopened, os.getppid())
