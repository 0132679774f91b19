"""Memory that no process shows as its own."""

import os
import socket

from tries import attempt, say, syscall

MIB = 2**20
IPC_PRIVATE, IPC_RMID, IPC_CREAT = 0, 0, 0o1600


def in_memfd():
    fd = os.memfd_create("hidden")
    return os.truncate(fd, 64 * MIB) or f"descriptor {fd}"


def in_segment():
    number = syscall("shmget", IPC_PRIVATE, 64 * MIB, IPC_CREAT)
    syscall("shmctl", number, IPC_RMID, None)
    return f"segment {number}"


def in_sockets():
    """How much may be put away: what one pair holds, times the pairs. Only the kernel's own metering counts it."""
    pairs = []
    try:
        while len(pairs) < 4096:
            pairs.append(socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM))
    except OSError:
        pass
    held = filled(pairs[0]) if pairs else 0
    amount = 2 * held * len(pairs) / MIB
    return f"{amount:.0f} MiB"


def filled(pair):
    pair[0].setblocking(False)
    pair[0].setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 2**30)
    held = 0
    try:
        while held < 64 * MIB:
            held += pair[0].send(b"x" * 65536)
    except BlockingIOError:
        pass
    return held


attempt("memfd", in_memfd)
attempt("memfd_secret", syscall, "memfd_secret", 0)
attempt("System V segment", in_segment)
attempt("socket buffers", in_sockets, found="SEEN")
say("end", "HELD")
