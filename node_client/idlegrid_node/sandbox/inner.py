"""The program that runs inside the sandbox: a small supervisor, and its child that runs the code.

It is handed to the interpreter as a string (`python -I -S -c`), so that no file of the node has to be
visible inside. Every import costs start time: nothing here may import `json`, `signal` or `threading`.

On stdin comes one job: a line of integers (lengths of code and parameters, then the limits in the order of
`idlegrid_node.sandbox.job`), the code, the parameters as JSON text. After it, single bytes are orders:
`s` stops all processes, `c` continues them; the end of stdin means that the node is gone.
On the file descriptor given as argument come lines: `ready`, `stopped`, `continued`, and
`exit WAITSTATUS CPU_SECONDS MAX_RSS_KB`, which is the last.
"""

import _signal  # type: ignore[import-not-found] # what `signal` is made of, without its enums
import _thread
import os
import sys


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


def set_limits(processes: int, files: int, file_size: int, address_space: int) -> None:
    """Bound this process and all it will start; 0 leaves a limit as it is."""
    import resource

    # 1 and not 0: a core_pattern that pipes to a crash handler ignores 0 (core(5)).
    for limit, value in (
        (resource.RLIMIT_CORE, 1),
        (resource.RLIMIT_NPROC, processes),
        (resource.RLIMIT_NOFILE, files),
        (resource.RLIMIT_FSIZE, file_size),
        (resource.RLIMIT_AS, address_space),
    ):
        ceiling = resource.getrlimit(limit)[1]
        if value and (ceiling == resource.RLIM_INFINITY or value < ceiling):
            resource.setrlimit(limit, (value, value))


def become_the_code(report: int, code: bytes, parameters: bytes, limits: list[int]) -> None:
    """Run the code as `__main__`; never returns."""
    os.close(report)
    os.setpgid(0, 0)
    null = os.open("/dev/null", os.O_RDONLY)
    os.dup2(null, 0)
    os.close(null)
    os.nice(19)
    os.environ["IDLEGRID_PARAMETERS"] = parameters.decode()
    path = os.path.join(os.getcwd(), "main.py")
    with open(path, "wb") as file:
        file.write(code)
    set_limits(*limits)
    module = type(sys)("__main__")
    module.__dict__.update(__file__=path, __builtins__=__builtins__)
    sys.modules["__main__"] = module
    sys.argv[:] = [path]
    sys.path.insert(0, os.getcwd())
    for name in ("exit", "quit"):  # site's, which -S leaves out
        setattr(sys.modules["builtins"], name, sys.exit)
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]
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
    import atexit

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


def signal_all(child: int, number: int) -> None:
    """Send a signal to everything but this process.

    As the first process of a PID namespace `kill(-1)` reaches exactly the sandbox, atomically. Anywhere
    else it would reach the owner's own processes: there only the child's process group is meant.
    """
    try:
        if os.getpid() == 1:
            os.kill(-1, number)
        else:
            os.killpg(child, number)
    except ProcessLookupError:
        pass


def obey(report: int, child: int) -> None:
    """Carry out the orders on stdin until it ends."""
    while True:
        order = os.read(0, 1)
        if order == b"s":
            signal_all(child, _signal.SIGSTOP)
            os.write(report, b"stopped\n")
        elif order == b"c":
            signal_all(child, _signal.SIGCONT)
            os.write(report, b"continued\n")
        elif not order:
            signal_all(child, _signal.SIGKILL)
            os._exit(71)


def supervise(report: int, child: int) -> None:
    """Reap everything until the child itself has ended, report how, and leave."""
    cpu, peak = 0.0, 0
    while True:
        pid, status, usage = os.wait4(-1, 0)
        cpu += usage.ru_utime + usage.ru_stime
        peak = max(peak, usage.ru_maxrss)
        if pid == child:
            os.write(report, b"exit %d %.6f %d\n" % (status, cpu, peak))
            signal_all(child, _signal.SIGKILL)
            os._exit(0)


def main() -> None:
    """Take the job, start the code, watch it."""
    report = int(sys.argv[1])
    code_length, parameters_length, *limits = (int(word) for word in read_line().split())
    code, parameters = read_exactly(code_length), read_exactly(parameters_length)
    child = os.fork()
    if not child:
        become_the_code(report, code, parameters, limits)
    _signal.signal(_signal.SIGINT, _signal.SIG_IGN)  # the code may not end its supervisor
    os.write(report, b"ready\n")
    for fd in (1, 2):
        os.close(fd)
    _thread.start_new_thread(obey, (report, child))
    supervise(report, child)


if __name__ == "__main__":
    main()
