"""The child in a sandbox: it waits for a job, takes it in, and becomes the code.

Loaded before `inside.py`, and by its rules: every import costs start time.

On stdin it gets one job: a line of integers (the lengths of code, parameters and words, the number of files, then
the limits in the order of `idlegrid_node.sandbox.job`), the code, the parameters as JSON text, the words (which way
to run it, and its argv; marshalled), and each file as a line `SIZE LENGTH_OF_NAME`, its name and its bytes.
"""

import _ctypes
import _signal  # type: ignore[import-not-found] # what `signal` is made of, without its enums
import atexit
import errno
import marshal
import os
import resource
import sys

CHUNK = 2**18
PR_SET_DUMPABLE = 4  # linux/prctl.h
LIBRARY = ".idlegrid"
"""The folder of what submitted code may import of ours, beside its own files: other interpreters that the code
starts from its `sys.path` find it there, too."""
CHECKPOINT = "checkpoint"
"""The folder in it that outlives an attempt."""
CHECKPOINT_VARIABLE = "IDLEGRID_CHECKPOINT_DIR"
SHELL = "/bin/sh"
USAGE_ERROR = 2
"""What Python itself ends with when it cannot open its script."""
CANNOT_EXECUTE = 126
"""What a shell says of a command that is there and cannot be run."""


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


def read_numbers() -> "list[int]":
    """Return the integers of the next line of stdin."""
    return [int(word) for word in read_line().split()]


def prepare(packages: str, preload: str, library: str) -> None:
    """Make this process what the code expects of an interpreter, as far as that needs no job."""
    os.setpgid(0, 0)
    os.nice(19)
    # Others may look into this process as into any: what it holds is the code's own.
    prctl(PR_SET_DUMPABLE, 1)
    if packages:
        sys.path.append(packages)
    sys.path.insert(0, os.getcwd())
    offer(library)
    for name in ("exit", "quit"):  # site's, which -S leaves out
        setattr(sys.modules["builtins"], name, sys.exit)
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]
    for module in filter(None, preload.split(",")):
        __import__(module)


def offer(library: str) -> None:
    """Let the code import `idlegrid`; after the packages: who shows it the whole library means that one.

    And tell it where its checkpoints go; the folders are there (`keeper.py`).
    """
    folder = os.path.join(os.getcwd(), LIBRARY)
    os.environ[CHECKPOINT_VARIABLE] = os.path.join(folder, CHECKPOINT)
    write_file(os.path.join(folder, "idlegrid.py"), library.encode())
    sys.path.append(folder)


def write_file(path: str, content: bytes) -> None:
    """Write a whole file."""
    with open(path, "wb") as file:
        file.write(content)


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


def become_the_code(report: int) -> None:
    """Wait for the job and become what it asks for; never returns."""
    os.write(report, b"ready\n")
    code_length, parameters_length, words_length, file_count, *limits = read_numbers()
    code, parameters = read_exactly(code_length), read_exactly(parameters_length)
    way, *argv = marshal.loads(read_exactly(words_length))  # noqa: S302 - the node's own words
    # From here on whatever fails is the run's, and told on its own error stream.
    os.write(report, b"begun\n")
    os.close(report)
    for _ in range(file_count):
        lay_file(*read_numbers())
    null = os.open("/dev/null", os.O_RDONLY)
    os.dup2(null, 0)
    os.close(null)
    os.environ["IDLEGRID_PARAMETERS"] = parameters.decode()
    set_limits(*limits)
    if way == "shell":
        become_a_shell(argv)
    else:
        become_python(code, argv, from_file=way == "file")


def lay_file(size: int, name_length: int) -> None:
    """Write the next file of stdin into the working folder; executable, because nobody could make it so before."""
    name = read_exactly(name_length).decode()
    path = os.path.join(os.getcwd(), name)
    try:
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as file:
            while size:
                size -= file.write(read_exactly(min(size, CHUNK)))
        os.chmod(path, 0o755)  # noqa: S103 - seen in this sandbox alone
    except OSError as error:
        give_up(f"the file {name} cannot be laid: {error.strerror}", 1)


def become_a_shell(argv: "list[str]") -> None:
    """Hand this process over to a shell, for which `python3` is the interpreter that Python code would have."""
    for number in (_signal.SIGPIPE, _signal.SIGXFSZ):  # Python ignores them, and what is ignored stays so
        _signal.signal(number, _signal.SIG_DFL)
    os.environ["PATH"] = os.path.dirname(sys.executable) + ":" + os.environ["PATH"]
    try:
        os.execv(SHELL, ["sh", "-c", argv[0], "sh", *argv[1:]])  # noqa: S606 - it is a shell
    except (OSError, ValueError) as error:
        give_up(f"the command cannot be given to a shell: {error}", CANNOT_EXECUTE)


def become_python(code: bytes, argv: "list[str]", *, from_file: bool) -> None:
    """Run code as `__main__`, from a file of the working folder or as it came; never returns."""
    if from_file:
        path = os.path.abspath(argv[0])
        code = content_of(path, argv[0])
        sys.path[0] = os.path.dirname(path)
    else:
        path = free_path("main.py")
        write_file(path, code)
    module = type(sys)("__main__")
    module.__dict__.update(__file__=path, __builtins__=__builtins__)
    sys.modules["__main__"] = module
    sys.argv[:] = argv
    leave(run(code, path, module), module)


def content_of(path: str, name: str) -> bytes:
    """Return a file's bytes; without it there is nothing to run."""
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError as error:
        if error.errno != errno.ENOENT:
            give_up(f"{name} cannot be read: {error.strerror}", USAGE_ERROR)
        give_up(f"no such file: {name}", USAGE_ERROR)
    return b""


def free_path(name: str) -> str:
    """Return a path in the working folder where nothing is: code is kept for tracebacks, not in a file's place."""
    while os.path.lexists(name):
        name = "_" + name
    return os.path.join(os.getcwd(), name)


def give_up(complaint: str, status: int) -> None:
    """Say what is wrong and end."""
    os.write(2, complaint.encode("utf-8", "replace") + b"\n")
    os._exit(status)


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
