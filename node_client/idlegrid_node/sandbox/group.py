"""One control group of the kernel: limits, use, stopping and killing of everything in it; in v1 and in v2."""

import contextlib
import os
import signal
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path

from idlegrid_node.sandbox.floor import swap_free_mb
from idlegrid_node.sandbox.meter import MIB, Usage

LOWEST_SHARES = 15
"""The weight of nice 19: a guest has the same share with control groups and without."""
PERIOD_US = 100_000
"""The kernel's own default for a CPU quota's period, in microseconds."""
SMALLEST_QUOTA_US = 1_000
"""The kernel refuses less."""
KILL_SECONDS = 2.0
"""How long `kill` waits at most; 50 busy processes took 16 ms."""
REMOVE_SECONDS = 1.0
RETRY_SECONDS = 0.002
V1_SWAPPINESS = 100
"""Memory of programs goes as readily as page cache."""
V2 = ""
"""The name that /proc/self/cgroup gives the v2 hierarchy; beside v1 controllers it still freezes and kills."""

Folders = Mapping[str, Path]


class Group:
    """One control group: a folder of each controller (in v2 all the same one). Not for use by several threads."""

    def __init__(self, folders: Folders) -> None:
        self._folders = folders
        self._places = list(dict.fromkeys(folders.values()))

    def limit(self, memory_mb: float, processes: int, cpu: float) -> None:
        """Set the limits: MB without swap, processes and threads together, cores. May be called again.

        Raises `OSError` where the kernel refuses, in v1 also for less memory than is in use.
        """
        raise NotImplementedError

    def hold_cpu(self, cpu: float) -> None:
        """Let it have so many cores from now on, where the kernel holds them; `limit` says the same with the rest."""
        raise NotImplementedError

    def usage(self) -> Usage:
        """Return the CPU time also of what ended, anonymous and shared memory now (no page cache), and tasks."""
        raise NotImplementedError

    @property
    def peak_memory_mb(self) -> float:
        """The most memory that was in use, in MB, by the kernel's count: page cache included."""
        raise NotImplementedError

    @property
    def out_of_memory(self) -> bool:
        """Whether the kernel killed something in here for memory; in v1 it kills one process, not the group."""
        raise NotImplementedError

    @property
    def refused_forks(self) -> int:
        """How often a process or thread was refused."""
        return _counts(self._folders["pids"] / "pids.events").get("max", 0)

    def add(self, pids: Iterable[int]) -> None:
        """Move processes in with all their threads; one that is gone is skipped. Their memory so far is not moved.

        A child forked meanwhile may stay outside: move a process before it forks, or call again.
        """
        for pid in pids:
            for place in self._places:
                with contextlib.suppress(ProcessLookupError):
                    write(place / "cgroup.procs", pid)

    def processes(self) -> list[int]:
        """Return the pids of what lives in the group."""
        found: set[int] = set()
        for place in self._places:
            with contextlib.suppress(OSError):  # removed meanwhile
                found.update(map(int, read(place / "cgroup.procs").split()))
        # 0 stands for a process of another pid namespace: kill(0) would be our own process group.
        return sorted(found - {0, os.getpid()})

    def freeze(self) -> bool:
        """Ask the kernel to stop everything in the group; False where it cannot. `frozen` tells when it is done."""
        return self._freeze(1)

    def thaw(self) -> bool:
        """Let the group go on; False where it cannot be frozen."""
        return self._freeze(0)

    @property
    def frozen(self) -> bool:
        """Whether everything in the group stands."""
        return V2 in self._folders and _counts(self._folders[V2] / "cgroup.events").get("frozen") == 1

    def reclaim(self, mb: float) -> float:
        """Ask the kernel to take so many MB back, wait for it, and return how many it took, page cache included.

        Into swap only where the machine has that much of it free, and only for this call: the limits, which
        allow none, are as before when it returns. May be called by another thread than the rest.
        """
        before = self._charged_mb()
        with self._swapping(mb) if swap_free_mb() >= mb else contextlib.nullcontext():
            self._take_back(mb)
        return max(0.0, before - self._charged_mb())

    def kill(self) -> bool:
        """Kill everything in the group, frozen or not; False if something lives after `KILL_SECONDS`."""
        with contextlib.suppress(OSError):
            write(self._folders["pids"] / "pids.max", 0)  # what forks faster than it is killed would never end
        with contextlib.suppress(OSError, KeyError):
            write(self._folders[V2] / "cgroup.kill", 1)
        return _until(self._killed, KILL_SECONDS)

    def remove(self) -> bool:
        """Remove the group; False if it is still there after `REMOVE_SECONDS`, as when something lives in it."""
        return _until(self._removed, REMOVE_SECONDS)

    def _charged_mb(self) -> float:
        raise NotImplementedError

    def _take_back(self, mb: float) -> None:
        raise NotImplementedError

    def _swapping(self, mb: float) -> contextlib.AbstractContextManager[None]:
        raise NotImplementedError

    def _tasks(self) -> int:
        return _number(self._folders["pids"] / "pids.current")

    def _freeze(self, value: int) -> bool:
        with contextlib.suppress(OSError, KeyError):
            write(self._folders[V2] / "cgroup.freeze", value)
            return True
        return False

    def _killed(self) -> bool:
        pids = self.processes()
        for pid in pids:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)
        return not pids

    def _removed(self) -> bool:
        for place in self._places:
            with contextlib.suppress(OSError):  # the kernel may list a dying process for some milliseconds
                place.rmdir()
        return not any(place.exists() for place in self._places)


class GroupV2(Group):
    """A group of the unified hierarchy."""

    def __init__(self, folders: Folders) -> None:
        super().__init__(folders)
        self._folder = folders[V2]
        self._seen_mb = 0.0

    def limit(self, memory_mb: float, processes: int, cpu: float) -> None:
        """See `Group.limit`."""
        attempt(self._folder / "memory.swap.max", 0)
        attempt(self._folder / "memory.oom.group", 1)
        write(self._folder / "memory.max", int(memory_mb * MIB))
        write(self._folder / "pids.max", processes)
        if "cpu" in self._folders:
            write(self._folder / "cpu.max", f"{_quota_us(cpu)} {PERIOD_US}")
            attempt(self._folder / "cpu.weight", 1)

    def hold_cpu(self, cpu: float) -> None:
        """See `Group.hold_cpu`."""
        if "cpu" in self._folders:
            attempt(self._folder / "cpu.max", f"{_quota_us(cpu)} {PERIOD_US}")

    def usage(self) -> Usage:
        """See `Group.usage`."""
        stat = _counts(self._folder / "memory.stat")
        memory = (stat.get("anon", 0) + stat.get("shmem", 0)) / MIB
        cpu = _counts(self._folder / "cpu.stat").get("usage_usec", 0) / 1e6
        self._seen_mb = max(self._seen_mb, memory)
        return Usage(cpu, memory, self._tasks())

    @property
    def peak_memory_mb(self) -> float:
        """See `Group.peak_memory_mb`. Before Linux 5.19, without memory.peak, the most that `usage` saw must do."""
        return _number(self._folder / "memory.peak") / MIB or self._seen_mb

    @property
    def out_of_memory(self) -> bool:
        """See `Group.out_of_memory`; here the whole group was killed."""
        return _counts(self._folder / "memory.events").get("oom_kill", 0) > 0

    def _charged_mb(self) -> float:
        return _number(self._folder / "memory.current") / MIB

    def _take_back(self, mb: float) -> None:
        # EAGAIN says that it was less; before Linux 5.19 there is no such file.
        attempt(self._folder / "memory.reclaim", int(mb * MIB))

    def _swapping(self, mb: float) -> contextlib.AbstractContextManager[None]:
        swapped = _number(self._folder / "memory.swap.current")
        return _for_now(self._folder / "memory.swap.max", swapped + int(mb * MIB))


class GroupV1(Group):
    """A group of the same name in each of the v1 controllers."""

    def limit(self, memory_mb: float, processes: int, cpu: float) -> None:
        """See `Group.limit`."""
        memory, bytes_ = self._folders["memory"], int(memory_mb * MIB)
        attempt(
            memory / "memory.memsw.limit_in_bytes", -1
        )  # it must never be the lower of the two, even between writes
        write(memory / "memory.limit_in_bytes", bytes_)
        attempt(memory / "memory.memsw.limit_in_bytes", bytes_)
        attempt(memory / "memory.swappiness", 0)  # where swap is not accounted
        write(self._folders["pids"] / "pids.max", processes)
        write(self._folders["cpu"] / "cpu.cfs_period_us", PERIOD_US)
        write(self._folders["cpu"] / "cpu.cfs_quota_us", _quota_us(cpu))
        attempt(self._folders["cpu"] / "cpu.shares", LOWEST_SHARES)

    def hold_cpu(self, cpu: float) -> None:
        """See `Group.hold_cpu`."""
        attempt(self._folders["cpu"] / "cpu.cfs_quota_us", _quota_us(cpu))

    def usage(self) -> Usage:
        """See `Group.usage`."""
        stat = _counts(self._folders["memory"] / "memory.stat")
        memory = (stat.get("rss", 0) + stat.get("shmem", 0)) / MIB
        cpu = _number(self._folders["cpuacct"] / "cpuacct.usage") / 1e9
        return Usage(cpu, memory, self._tasks())

    @property
    def peak_memory_mb(self) -> float:
        """See `Group.peak_memory_mb`."""
        return _number(self._folders["memory"] / "memory.max_usage_in_bytes") / MIB

    @property
    def out_of_memory(self) -> bool:
        """See `Group.out_of_memory`."""
        return _counts(self._folders["memory"] / "memory.oom_control").get("oom_kill", 0) > 0

    def _charged_mb(self) -> float:
        return _number(self._folders["memory"] / "memory.usage_in_bytes") / MIB

    def _take_back(self, mb: float) -> None:
        attempt(self._folders["memory"] / "memory.force_empty", 0)  # v1 takes all that it can, or nothing

    def _swapping(self, mb: float) -> contextlib.AbstractContextManager[None]:
        return _for_now(self._folders["memory"] / "memory.swappiness", V1_SWAPPINESS)


@contextlib.contextmanager
def _for_now(path: Path, value: object) -> Iterator[None]:
    """Hold a file of the kernel's at another value; where it cannot be read or written, do without."""
    try:
        before = read(path)
    except OSError:
        yield
        return
    attempt(path, value)
    try:
        yield
    finally:
        attempt(path, before.strip())


def _quota_us(cpu: float) -> int:
    return max(SMALLEST_QUOTA_US, int(cpu * PERIOD_US))


def _until(done: Callable[[], bool], seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while not done():
        if time.monotonic() > deadline:
            return False
        time.sleep(RETRY_SECONDS)
    return True


def _counts(path: Path) -> dict[str, int]:
    """Return a file of `name value` lines; empty if it cannot be read."""
    with contextlib.suppress(OSError, ValueError):
        pairs = (line.split() for line in read(path).splitlines())
        return {pair[0]: int(pair[1]) for pair in pairs if len(pair) == 2}
    return {}


def _number(path: Path) -> int:
    with contextlib.suppress(OSError, ValueError):
        return int(read(path))
    return 0


def read(path: Path) -> str:
    """Return a file of the kernel's. Raises `OSError`."""
    return path.read_text("utf-8", "replace")


def write(path: Path, value: object) -> None:
    """Write to a file of the kernel's; never makes one. Raises `OSError`."""
    fd = os.open(path, os.O_WRONLY | os.O_TRUNC | os.O_CLOEXEC)
    try:
        os.write(fd, str(value).encode())
    finally:
        os.close(fd)


def attempt(path: Path, value: object) -> None:
    """Write where the kernel takes it: the file came with a later kernel, or belongs to an option it lacks."""
    with contextlib.suppress(OSError):
        write(path, value)
