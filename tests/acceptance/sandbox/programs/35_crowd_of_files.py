"""Descriptors until there are no more, and crashes that want a core dump."""

import os
import resource

from tries import attempt, say

FAR_TOO_MANY = 5000


def opened():
    kept = []
    try:
        while len(kept) < FAR_TOO_MANY:
            kept.append(os.open("/dev/null", os.O_RDONLY))
    finally:
        for fd in kept:
            os.close(fd)
        say("descriptors", f"HELD {len(kept)}" if len(kept) < FAR_TOO_MANY else f"LEAK {len(kept)}")


def cores():
    for _ in range(5):
        child = os.fork()
        if not child:
            os.abort()
        if os.WCOREDUMP(os.waitpid(child, 0)[1]):
            return "dumped"
    return [name for name in os.listdir(".") if name.startswith("core")]


attempt("one more", opened)
attempt("core dumps", cores)
say("largest core", f"HELD {resource.getrlimit(resource.RLIMIT_CORE)[1]}")
