"""Signal the supervisor, the node, and everybody.

Where nothing but the sandbox keeps a signal from everybody's processes, everybody gets one that is ignored. That
kill(2) reports success for -1 means nothing: it does so even if it reached nobody. So each is asked for by itself.
"""

import os
import signal

from tries import GIVEN, attempt, syscall

lethal = signal.SIGKILL if os.getppid() == 1 else signal.SIGURG
node = GIVEN["node_pid"]


def everybody():
    os.kill(-1, lethal)


def anybody():
    """All processes that are near enough in number to be the owner's or another run's."""
    own = {os.getpid(), *supervisors_threads()}
    return [pid for pid in range(2, max(node, os.getpid()) + 1000) if pid not in own and reached(pid)]


def supervisors_threads():
    """They answer to their own numbers; what is sent there is sent to the first process, and tried above."""
    return map(int, os.listdir("/proc/1/task")) if os.getppid() == 1 else ()


def reached(pid):
    try:
        os.kill(pid, 0)
    except OSError:
        return False
    return True


def by_descriptor(pid):
    return syscall("pidfd_send_signal", syscall("pidfd_open", pid, 0), signal.SIGTERM, None, 0) or "signalled"


if os.getppid() == 1:
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGKILL, signal.SIGSTOP):
        attempt(f"the supervisor {number.name}", os.kill, 1, number)
attempt("everybody", everybody)
attempt("anybody", anybody)
attempt("the node", lambda: os.kill(node, signal.SIGTERM) or "signalled")
attempt("the node by a descriptor", by_descriptor, node)
attempt("the node's group", lambda: os.killpg(node, signal.SIGURG) or "signalled")
attempt("the node's existence", lambda: os.kill(node, 0) or "alive")
