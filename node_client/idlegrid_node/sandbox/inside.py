"""The program that runs inside a sandbox: a small supervisor, and its child (`child.py`) that runs the code.

It is handed to the interpreter by `program.py`, so that no file of the node has to be visible inside. Every
import costs start time: nothing here may import `json`, `signal` or `threading`.

Arguments: the descriptors of `report` and `control`, a limit in bytes for a folder that has none of its own
(else 0), the folder of more packages (or empty), and the modules to import beforehand, separated by commas.
The child imports them, says `ready`, and waits for its job on stdin.
On `control` come single bytes as orders: `s` stops all processes, `c` continues them; its end means that the
node is gone.
On `report` go lines: `ready`, `begun`, `stopped`, `continued`, `full` (more disk than allowed), and
`exit WAITSTATUS CPU_SECONDS MAX_RSS_KB`. Then come the files that the code left in `./out`, each as
`file SIZE LENGTH_OF_NAME`, its name and its bytes; then `end LEFT_OUT`, which is the last line.
"""

import _signal  # type: ignore[import-not-found] # what `signal` is made of, without its enums
import _thread
import os
import stat
import sys
import time

from idlegrid_node.sandbox.child import CHUNK, PR_SET_DUMPABLE, become_the_code, prctl, prepare

MAX_FILES = 100
MAX_FILE_BYTES = 50 * 2**20
MAX_ENTRIES = 10_000
"""Folders and files looked at in `./out`, and how deep: a run may leave more, it is left out."""
MAX_DEPTH = 16
DISK_SECONDS = 0.2
ORDERS = {b"s": (_signal.SIGSTOP, b"stopped\n"), b"c": (_signal.SIGCONT, b"continued\n")}


def write_all(fd: int, data: bytes) -> None:
    """Write `data`, however often it takes."""
    view = memoryview(data)
    while view:
        view = view[os.write(fd, view) :]


def tell(report: int, line: bytes) -> None:
    """Say something, though perhaps nobody listens any more."""
    try:  # noqa: SIM105 - contextlib costs a millisecond of each start
        os.write(report, line)
    except BrokenPipeError:
        pass


class Place:
    """Where the sandbox stands: here in namespaces of its own. `confine.py` has those without."""

    child = 0

    def __init__(self) -> None:
        self.running = _thread.allocate_lock()
        self.leaving = _thread.allocate_lock()

    def enter(self) -> None:
        """What the supervisor does before its child exists."""

    def shut(self) -> None:
        """What the child does before it takes the job: after it nothing may be open to it."""

    def signal_all(self, number: int) -> None:
        """Send a signal to everything but this process.

        As the first process of a PID namespace `kill(-1)` reaches exactly the sandbox, atomically. Anywhere
        else it would reach the owner's own processes.
        """
        if os.getpid() != 1:
            os._exit(72)
        try:  # noqa: SIM105 - contextlib costs a millisecond of each start
            os.kill(-1, number)
        except ProcessLookupError:
            pass

    def disk_used(self) -> float:
        """Return the bytes that the code takes in a folder without a size of its own; 0: it has one."""
        return 0

    def before_collecting(self) -> None:
        """What the supervisor does before it opens files that the code made."""

    def leave(self) -> None:
        """What the supervisor does last."""

    def depart(self) -> None:
        """Leave, in one of our threads alone: the other waits here until the process ends."""
        self.leaving.acquire()
        self.leave()


def obey(report: int, control: int, place: Place) -> None:
    """Carry out orders until their end, which is also the end of everything."""
    while True:
        order = os.read(control, 1)
        if not order:
            place.signal_all(_signal.SIGKILL)
            reap()
            place.depart()
            os._exit(71)
        if place.running.acquire(False):
            number, answer = ORDERS[order]
            place.signal_all(number)
            tell(report, answer)
            place.running.release()


def follow(child: int, place: Place) -> "tuple[int, float, int]":
    """Reap everything until the child itself has ended; returns its status, CPU seconds and peak memory (KB)."""
    cpu, peak = 0.0, 0
    while True:
        try:
            pid, status, usage = os.wait4(-1, 0)
        except ChildProcessError:  # the other thread, which ends everything, was quicker
            place.depart()
            os._exit(71)
        cpu += usage.ru_utime + usage.ru_stime
        peak = max(peak, usage.ru_maxrss)
        # A child that asked to be traced is also reported when it stops.
        if pid == child and not os.WIFSTOPPED(status):
            return status, cpu, peak


def supervise(report: int, child: int, place: Place) -> None:
    """Wait until the child has ended; then end the rest, say how it went, and leave."""
    status, cpu, peak = follow(child, place)
    # Held from here on: an order's answer in the middle of a file would be taken for a part of it.
    place.running.acquire()
    place.signal_all(_signal.SIGKILL)
    tell(report, b"exit %d %.6f %d\n" % (status, cpu, peak))
    left_out = finish(report, place)
    place.depart()
    tell(report, b"end %d\n" % left_out)
    os._exit(0)


def finish(report: int, place: Place) -> int:
    """Send the files; returns how many were left out."""
    reap()
    if not os.path.lexists("out"):
        return 0
    place.before_collecting()
    try:
        return collect(report)
    except BrokenPipeError:
        return 0


def reap() -> None:
    """Wait until no process is left: what still runs could change a file while it is read."""
    try:
        while True:
            os.wait()
    except ChildProcessError:
        pass


class Collection:
    """Sends the regular files below `./out`, within bounds. `left_out` counts what may not go or did not fit.

    No symbolic link is followed, and nothing but a regular file is ever opened for reading.
    """

    def __init__(self, report: int) -> None:
        self.report = report
        self.files = self.bytes = self.seen = self.left_out = 0

    def folder(self, prefix: bytes, fd: int, depth: int) -> None:
        """Send what is in an open folder, and in those below."""
        for name in sorted(os.fsencode(name) for name in os.listdir(fd)):
            self.seen += 1
            entry, mode, size = inspect(name, fd)
            if entry < 0 or self.seen > MAX_ENTRIES or depth > MAX_DEPTH:
                self.left_out += 1
            elif stat.S_ISDIR(mode):
                self.folder(prefix + name + b"/", entry, depth + 1)
            else:
                self.file(prefix + name, entry, size)
            if entry >= 0:
                os.close(entry)

    def file(self, name: bytes, fd: int, size: int) -> None:
        """Send one file, if it still fits."""
        if self.files >= MAX_FILES or self.bytes + size > MAX_FILE_BYTES:
            self.left_out += 1
            return
        self.files += 1
        self.bytes += size
        send(self.report, name, fd, size)


def collect(report: int) -> int:
    """Send the files; returns how many things were left out."""
    collection = Collection(report)
    out = open_at(b"out", os.O_DIRECTORY, None)
    if out < 0:
        return 1
    collection.folder(b"", out, 1)
    return collection.left_out


def inspect(name: bytes, folder: int) -> "tuple[int, int, int]":
    """Open a file or folder and return (descriptor, mode, size); the descriptor is -1 for anything else."""
    try:
        mode = os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode
        if stat.S_ISDIR(mode):
            return open_at(name, os.O_DIRECTORY, folder), mode, 0
        if not stat.S_ISREG(mode):
            return -1, mode, 0
        fd = open_at(name, os.O_NONBLOCK, folder)
        return fd, mode, os.fstat(fd).st_size if fd >= 0 else 0
    except OSError:
        return -1, 0, 0


def open_at(name: bytes, flags: int, folder: "int | None") -> int:
    """Open for reading what is no symbolic link; -1 when that is not possible."""
    try:
        return os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | flags, dir_fd=folder)
    except OSError:
        return -1


def send(report: int, name: bytes, fd: int, size: int) -> None:
    """Send one file, exactly `size` bytes of it: zeros for what cannot be read any more."""
    write_all(report, b"file %d %d\n" % (size, len(name)) + name)
    while size:
        data = os.read(fd, min(size, CHUNK)) or bytes(min(size, CHUNK))
        write_all(report, data)
        size -= len(data)


def watch_disk(report: int, place: Place, limit: int) -> None:
    """Tell when the code takes more disk than it may, where no file system of its own bounds it."""
    while place.disk_used() <= limit:
        time.sleep(DISK_SECONDS)
    os.write(report, b"full\n")


def warm_up() -> None:
    """Do now what the first program compiled would have to wait for: 2 ms for the types of the syntax tree."""
    compile("pass", "", "exec")


def main(place: Place, library: str) -> None:
    """Start the child that waits for the job, and watch over it. `library` is what it may import of ours."""
    report, control, disk = (int(word) for word in sys.argv[1:4])
    packages, preload = sys.argv[4:6]
    # The code must not reach our descriptors through /proc/1/fd: it could answer orders in our name.
    prctl(PR_SET_DUMPABLE, 0)
    place.enter()
    warm_up()
    child = os.fork()
    if not child:
        os.close(control)
        prepare(packages, preload, library)
        place.shut()
        become_the_code(report)
    place.child = child
    _signal.signal(_signal.SIGINT, _signal.SIG_IGN)  # the code may not end its supervisor
    for fd in (0, 1, 2):
        os.close(fd)
    _thread.start_new_thread(obey, (report, control, place))
    if disk:
        _thread.start_new_thread(watch_disk, (report, place, disk))
    supervise(report, child, place)
