"""What a process tree uses, read from /proc; and the memory in its private file systems."""

import contextlib
import os
import signal
from collections.abc import Iterator
from dataclasses import dataclass

PAGE = os.sysconf("SC_PAGE_SIZE")
TICK = 1.0 / os.sysconf("SC_CLK_TCK")
MIB = 2**20
STOP_ROUNDS = 200
"""Two are enough for what does not defend itself; four processes that did nothing but wake each other took up to 30."""
STANDING = b"TtZX"
"""The states of a process that runs no code: stopped, traced, a zombie, dead (proc(5))."""
NICEST = 19
"""The code's process gives itself this (`child.py`); by it that is told from its supervisor."""


@dataclass(frozen=True)
class Usage:
    """CPU seconds used so far; memory now, in MB; the number of processes and threads."""

    cpu_seconds: float = 0.0
    memory_mb: float = 0.0
    processes: int = 0


def tree(root: int) -> Iterator[int]:
    """Yield `root` and its descendants; one that ends meanwhile is left out."""
    waiting = [root]
    while waiting:
        pid = waiting.pop()
        yield pid
        waiting.extend(children(pid))


def measure(root: int) -> Usage:
    """Return a quick, never too low figure for the tree: pages shared by forks count once per process."""
    pids = list(tree(root))
    clocks = [_cpu_and_threads(pid) for pid in pids]
    memory = sum(_private_bytes(pid) for pid in pids) + _file_bytes(pids)
    return Usage(sum(cpu for cpu, _ in clocks), memory / MIB, sum(threads for _, threads in clocks))


def exact_memory_mb(root: int) -> float:
    """Return the tree's memory with shared pages counted once, in MB; costs some 100 times `measure`."""
    pids = list(tree(root))
    return (sum(_proportional_bytes(pid) for pid in pids) + _file_bytes(pids)) / MIB


def held_mb(pids: list[int], allowed_mb: float) -> float:
    """Return the memory of processes in MB, with shared pages counted once where it may be more than is allowed."""
    files = _file_bytes(pids)
    quick = (sum(map(_private_bytes, pids)) + files) / MIB
    return quick if quick <= allowed_mb else (sum(map(_proportional_bytes, pids)) + files) / MIB


def memory_over(root: int, limit_mb: float, usage: Usage) -> bool:
    """Tell whether the tree is really over its limit, asking the costly question only when it may be."""
    return usage.memory_mb > limit_mb and exact_memory_mb(root) > limit_mb


def tasks_of_user(uid: int) -> int:
    """Return how many threads a user has: the kernel counts them together with a sandbox of the same uid."""
    tasks = 0
    for entry in os.scandir("/proc"):
        with contextlib.suppress(OSError):
            if entry.name.isdigit() and entry.stat().st_uid == uid:
                tasks += _cpu_and_threads(int(entry.name))[1]
    return tasks


def stopped_tree(root: int) -> list[int]:
    """Stop `root` and all below it, and return them: a tree that stands cannot grow while it is killed."""
    stopped: dict[int, None] = {}
    while fresh := [pid for pid in tree(root) if pid not in stopped]:
        for pid in fresh:
            stopped[pid] = None
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGSTOP)
    return list(stopped)


def stop_below(root: int) -> bool:
    """Stop all below `root`, but not it; False if something still goes on, because it may not be stopped.

    Processes may wake each other until the last of them has its signal: so it is looked at until all stand at once.
    """
    for _ in range(STOP_ROUNDS):
        below = [pid for pid in tree(root) if pid != root]
        if all(map(_stands, below)):
            return True
        for pid in below:  # all of them: one that stood may have been woken since
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGSTOP)
    return False


def _stands(pid: int) -> bool:
    """Tell whether a process is stopped, or will run none of its own code before it is."""
    try:
        lines = _read(f"/proc/{pid}/status").splitlines()
    except OSError:  # gone
        return True
    fields = dict(line.split(b":\t", 1) for line in lines if b":\t" in line)
    pending = int(fields.get(b"ShdPnd", b"0"), 16)
    return fields.get(b"State", b"X")[:1] in STANDING or bool(pending >> (signal.SIGSTOP - 1) & 1)


def first_victim(pid: int) -> None:
    """Make a process the kernel's first victim when memory is short; raising the score needs no right."""
    with contextlib.suppress(OSError), open(f"/proc/{pid}/oom_score_adj", "w") as file:
        file.write("1000")


class LastInLine:
    """Puts a tree's sessions behind everybody else's: in a session of its own `nice` means nothing
    (autogroup, sched(7)), and bubblewrap's `--new-session` makes one.

    The kernel takes one write per 0.1 s from an ordinary user; what it refused is tried again next time.
    """

    def __init__(self) -> None:
        self._done = {os.getsid(0)}  # bubblewrap itself is in our own session, which must stay in front

    def settle(self, root: int) -> None:
        """Let the process that waits for code have of processor and disk what nobody else wants, and all it starts.

        Without it many guests outweigh one owner where there are no autogroups. From outside: the code's own
        system calls are filtered by then. The supervisor stays as it is: it has to be quick.
        """
        import psutil

        for pid in tree(root):
            with contextlib.suppress(OSError, psutil.Error):
                if os.getpriority(os.PRIO_PROCESS, pid) == NICEST:
                    os.sched_setscheduler(pid, os.SCHED_IDLE, os.sched_param(0))
                    psutil.Process(pid).ionice(psutil.IOPRIO_CLASS_IDLE)

    def push_back(self, root: int) -> None:
        """Push back all sessions that appeared since the last call."""
        for pid in tree(root):
            with contextlib.suppress(OSError):
                session = os.getsid(pid)
                if session not in self._done:
                    with open(f"/proc/{pid}/autogroup", "w") as file:
                        file.write("19")
                    self._done.add(session)


def children(pid: int) -> list[int]:
    """Return a process's children; none if it is gone."""
    found: list[int] = []
    with contextlib.suppress(OSError):
        for task in os.listdir(f"/proc/{pid}/task"):
            with contextlib.suppress(OSError):
                found.extend(map(int, _read(f"/proc/{pid}/task/{task}/children").split()))
    return found


def _cpu_and_threads(pid: int) -> tuple[float, int]:
    with contextlib.suppress(OSError, ValueError, IndexError):
        words = _read(f"/proc/{pid}/stat").rpartition(b")")[2].split()
        # utime, stime, those of reaped children, num_threads: proc(5)
        return sum(map(int, words[11:15])) * TICK, int(words[17])
    return 0.0, 0


def _private_bytes(pid: int) -> int:
    with contextlib.suppress(OSError, ValueError, IndexError):
        words = _read(f"/proc/{pid}/statm").split()
        return (int(words[1]) - int(words[2])) * PAGE  # resident without file and shared pages
    return 0


def _proportional_bytes(pid: int) -> int:
    with contextlib.suppress(OSError):
        return _pss(_read(f"/proc/{pid}/smaps_rollup"))
    return _private_bytes(pid)


def _pss(text: bytes) -> int:
    """Return the anonymous part of the proportional set size, in bytes."""
    for line in text.splitlines():
        if line.startswith(b"Pss_Anon:"):
            return int(line.split()[1]) * 1024
    return 0


def _file_bytes(pids: list[int]) -> int:
    """Return what the tree's private file systems hold: no process's memory shows it."""
    return next(filter(None, map(_tmpfs_bytes, pids[1:])), 0)


def _tmpfs_bytes(pid: int) -> int:
    if not _has_own_root(pid):
        return 0
    used = 0
    for folder in ("work", "dev/shm"):
        with contextlib.suppress(OSError):
            usage = os.statvfs(f"/proc/{pid}/root/{folder}")
            used += (usage.f_blocks - usage.f_bfree) * usage.f_frsize
    return used


def _has_own_root(pid: int) -> bool:
    """Tell whether the process sees another root than ours: else its /work would be the owner's."""
    with contextlib.suppress(OSError):
        return os.stat(f"/proc/{pid}/root").st_dev != os.stat("/").st_dev
    return False


def _read(path: str) -> bytes:
    with open(path, "rb", buffering=0) as file:
        return file.read()
