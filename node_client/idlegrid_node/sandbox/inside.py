"""The program that runs inside a sandbox: a small supervisor, and its child that runs the code.

It is handed to the interpreter by `program.py`, so that no file of the node has to be visible inside. Every
import costs start time: nothing here may import `json`, `signal` or `threading`.

Arguments: the descriptors of `report` and `control`, a limit in bytes for a folder that has none of its own
(else 0), the folder of more packages (or empty), and the modules to import beforehand, separated by commas.
The child imports them, says `ready`, and waits.
On stdin it gets one job: a line of integers (lengths of code and parameters, then the limits in the order of
`idlegrid_node.sandbox.job`), the code, the parameters as JSON text.
On `control` come single bytes as orders: `s` stops all processes, `c` continues them; its end means that the
node is gone.
On `report` go lines: `ready`, `begun`, `stopped`, `continued`, `full` (more disk than allowed), and
`exit WAITSTATUS CPU_SECONDS MAX_RSS_KB`. Then come the files that the code left in `./out`, each as
`file SIZE LENGTH_OF_NAME`, its name and its bytes; then `end LEFT_OUT`, which is the last line.
"""

import _ctypes
import _signal  # type: ignore[import-not-found] # what `signal` is made of, without its enums
import _thread
import atexit
import os
import resource
import stat
import sys
import time

MAX_FILES = 100
MAX_FILE_BYTES = 50 * 2**20
MAX_ENTRIES = 10_000
"""Folders and files looked at in `./out`, and how deep: a run may leave more, it is left out."""
MAX_DEPTH = 16
CHUNK = 2**18
DISK_SECONDS = 0.2
ORDERS = {b"s": (_signal.SIGSTOP, b"stopped\n"), b"c": (_signal.SIGCONT, b"continued\n")}
PR_SET_DUMPABLE, PR_SET_CHILD_SUBREAPER = 4, 36  # linux/prctl.h


def prctl(option: int, value: int) -> int:
    """Call the kernel's prctl without the package ctypes: its import takes longer than all the rest."""
    address = _ctypes.dlsym(_ctypes.dlopen(None, 0), "prctl")  # type: ignore[arg-type] # None: what is loaded
    return int(_ctypes.call_function(address, (option, value, 0, 0, 0)))


def read_exactly(count: int) -> bytes:
    """Return the next `count` bytes of stdin."""
    parts = []
    while count:
        part = os.read(0, count)
        if not part:
            os._exit(70)
        parts.append(part)
        count -= len(part)
    return b"".join(parts)


def read_line() -> bytes:
    """Return the next line of stdin; byte by byte, because what follows it is not ours to read."""
    line = b""
    while not line.endswith(b"\n"):
        line += read_exactly(1)
    return line


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


def prepare(packages: str, preload: str) -> None:
    """Make this process what the code expects of an interpreter, as far as that needs no job."""
    os.setpgid(0, 0)
    os.nice(19)
    # Others may look into this process as into any: what it holds is the code's own.
    prctl(PR_SET_DUMPABLE, 1)
    if packages:
        sys.path.append(packages)
    sys.path.insert(0, os.getcwd())
    for name in ("exit", "quit"):  # site's, which -S leaves out
        setattr(sys.modules["builtins"], name, sys.exit)
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]
    for module in filter(None, preload.split(",")):
        __import__(module)


def set_limits(processes: int, files: int, file_size: int, address_space: int, cpu_seconds: int) -> None:
    """Bound this process and all it will start; 0 leaves a limit as it is."""
    # 1 and not 0: a core_pattern that pipes to a crash handler ignores 0 (core(5)).
    for limit, value in (
        (resource.RLIMIT_CORE, 1),
        (resource.RLIMIT_NPROC, processes),
        (resource.RLIMIT_NOFILE, files),
        (resource.RLIMIT_FSIZE, file_size),
        (resource.RLIMIT_AS, address_space),
        (resource.RLIMIT_CPU, cpu_seconds),
    ):
        ceiling = resource.getrlimit(limit)[1]
        if value and (ceiling == resource.RLIM_INFINITY or value < ceiling):
            resource.setrlimit(limit, (value, value))


def become_the_code(report: int, place: Place, packages: str, preload: str) -> None:
    """Wait for the job and run its code as `__main__`; never returns."""
    prepare(packages, preload)
    place.shut()
    os.write(report, b"ready\n")
    code_length, parameters_length, *limits = (int(word) for word in read_line().split())
    code, parameters = read_exactly(code_length), read_exactly(parameters_length)
    os.write(report, b"begun\n")
    os.close(report)
    null = os.open("/dev/null", os.O_RDONLY)
    os.dup2(null, 0)
    os.close(null)
    os.environ["IDLEGRID_PARAMETERS"] = parameters.decode()
    path = os.path.join(os.getcwd(), "main.py")
    with open(path, "wb") as file:
        file.write(code)
    set_limits(*limits)
    module = type(sys)("__main__")
    module.__dict__.update(__file__=path, __builtins__=__builtins__)
    sys.modules["__main__"] = module
    sys.argv[:] = [path]
    leave(run(code, path, module), module)


def run(code: bytes, path: str, module: object) -> int:
    """Run the code as Python would run a script; returns its exit status."""
    try:
        exec(compile(code, path, "exec"), module.__dict__)  # noqa: S102 - running the code is the purpose
    except SystemExit as stop:
        if stop.code is None or isinstance(stop.code, int):
            return (stop.code or 0) & 0xFF
        print(stop.code, file=sys.stderr)
        return 1
    except BaseException as error:  # noqa: BLE001 - whatever the code raises is shown without our own frame
        trace = error.__traceback__
        sys.excepthook(type(error), error.with_traceback(trace and trace.tb_next), error.__traceback__)
        return 1
    return 0


def leave(status: int, module: object) -> None:
    """Do what an interpreter's end promises (threads, atexit, files), but not its 4 ms of tidying up."""
    try:
        if "threading" in sys.modules:
            sys.modules["threading"]._shutdown()
        atexit._run_exitfuncs()
        module.__dict__.clear()
        sys.stdout.flush()
        sys.stderr.flush()
    except BaseException:  # noqa: BLE001 - a full disk or a closed stream; Python's own status for it is 120
        os._exit(120)
    os._exit(status)


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


def main(place: Place) -> None:
    """Start the child that waits for the job, and watch over it."""
    report, control, disk = (int(word) for word in sys.argv[1:4])
    packages, preload = sys.argv[4:6]
    # The code must not reach our descriptors through /proc/1/fd: it could answer orders in our name.
    prctl(PR_SET_DUMPABLE, 0)
    place.enter()
    warm_up()
    child = os.fork()
    if not child:
        os.close(control)
        become_the_code(report, place, packages, preload)
    place.child = child
    _signal.signal(_signal.SIGINT, _signal.SIG_IGN)  # the code may not end its supervisor
    for fd in (0, 1, 2):
        os.close(fd)
    _thread.start_new_thread(obey, (report, control, place))
    if disk:
        _thread.start_new_thread(watch_disk, (report, place, disk))
    supervise(report, child, place)
