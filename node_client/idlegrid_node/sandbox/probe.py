"""A hostile program: it tries to get out of the sandbox that the self-test runs it in, and says what came of it.

Runs inside, never on the host. Each line printed is a check's name and `held`, or what was reached. What it looks
for comes as parameters: `canary` (a file outside), `tcp` and `udp` (ports on 127.0.0.1), `abstract` (a socket's
name), `pid` (of the node), `level`, `processes` (the limit), `disk` (bytes) and `allowed` (names in its environment).
"""

import ctypes
import errno
import json
import os
import platform
import resource
import socket
import sys
from collections.abc import Callable, Sequence

P = json.loads(os.environ["IDLEGRID_PARAMETERS"])
ISOLATED = P["level"] >= 3
READ, WRITE = -1, -1
libc = ctypes.CDLL(None, use_errno=True)
NUMBERS = {
    "x86_64": {"mount": 165, "ptrace": 101, "keyctl": 250, "bpf": 321, "io_uring": 425, "perf": 298, "vm": 310},
    "aarch64": {"mount": 40, "ptrace": 117, "keyctl": 219, "bpf": 280, "io_uring": 425, "perf": 241, "vm": 270},
}.get(platform.machine(), {})
CLONE_NEWUSER = 0x10000000
PTRACE_PEEKTEXT = 1
"""Asks for nothing: after a PTRACE_TRACEME that was let through the next signal would stop us for good."""
SHARED = "/dev/shm"  # noqa: S108 - a folder that only this sandbox sees
SMALL_PIDS = 64
"""A namespace of its own numbers its processes from 1: a node with such a pid could be taken for one of them."""
PLACES = ("/", "/usr", "/proc", "/dev", "/work", "/python", "/packages")
BELOW = ("/usr/", "/proc/", "/dev/", "/python/", "/packages/", "/etc/")
"""Where bubblewrap mounts what it was told to, and below what the machine may have mounted more."""
PR_GET_SECCOMP, PR_GET_NO_NEW_PRIVS = 21, 39


def refused(action: Callable[..., object], *arguments: object) -> str:
    """Return `held` when an action fails, else what it gave."""
    try:
        return f"reached: {action(*arguments)!r}"[:80]
    except OSError:
        return "held"


def called(name: str, *arguments: int) -> str:
    """Return `held` when a system call is refused with EPERM."""
    result = libc.syscall(NUMBERS[name], *arguments)
    code = ctypes.get_errno()
    return "held" if result < 0 and code == errno.EPERM else f"answered {result} {errno.errorcode.get(code)}"


def connected(family: int, kind: int, address: object) -> object:
    """Connect and say something."""
    with socket.socket(family, kind) as one:
        one.settimeout(1)
        one.connect(address)  # type: ignore[arg-type] # a name or a pair, by its family
        one.send(b"out")
        return address


def opened(path: str, flags: int) -> int:
    """Open a path."""
    return os.open(path, flags)


def seen() -> list[str]:
    """Return the places that must not be there, or not be readable, but are."""
    return [path for path in ("/home", "/root", "/etc/passwd", "/sys", "/run", "/boot") if readable(path)]


def readable(path: str) -> bool:
    """Tell whether anything can be learnt from a path."""
    try:
        return bool(os.listdir(path) if os.path.isdir(path) else opened(path, os.O_RDONLY))
    except OSError:
        return False


def mounts() -> list[str]:
    """Return the places at which something of the machine is shown that was not meant to be."""
    with open("/proc/self/mountinfo") as file:
        points = [line.split()[4] for line in file]
    return [point for point in points if point not in PLACES and not point.startswith(BELOW)]


def forks() -> int:
    """Start processes until it is refused; returns how many there were."""
    children: list[int] = []
    try:
        while len(children) < 4 * P["processes"]:
            child = os.fork()
            if not child:
                os.close(WRITE)
                os.read(READ, 1)
                os._exit(0)
            children.append(child)
    except OSError:
        pass
    os.close(WRITE)
    for child in children:
        os.waitpid(child, 0)
    return len(children)


def environ_of_init() -> list[str]:
    """Return names in the environment of the first process that are not ours."""
    try:
        with open("/proc/1/environ", "rb") as file:
            names = {entry.partition(b"=")[0].decode() for entry in file.read().split(b"\0") if entry}
    except OSError:
        return []
    return sorted(names - set(P["allowed"]))


def own_environment() -> list[str]:
    """Return names in our environment that are not ours."""
    return sorted(set(os.environ) - set(P["allowed"]))


def descriptors() -> list[object]:
    """Return open descriptors beyond the three, and those of the first process that can be opened."""
    extra: list[object] = []
    for fd in range(3, 64):
        try:
            os.fstat(fd)
            extra.append(fd)
        except OSError:
            continue
    try:
        return extra + os.listdir("/proc/1/fd")
    except OSError:
        return extra


def empty(things: Sequence[object]) -> str:
    """Return `held` when there is nothing."""
    return "held" if not things else f"found {things!r}"[:80]


def udp() -> str:
    """A datagram needs no connection: the other side counts it."""
    refused(connected, socket.AF_INET, socket.SOCK_DGRAM, ("127.0.0.1", P["udp"]))
    return "held"


def sparse() -> str:
    """Make a file of a terabyte."""
    with open("sparse", "wb") as file:
        file.truncate(2**40)
    return "made"


def bounded(path: str) -> str:
    """Return `held` when a file system holds no more than a run may write."""
    space = os.statvfs(path)
    size = space.f_blocks * space.f_frsize  # 0 is without bounds
    return "held" if 0 < size <= P["disk"] else f"{size} bytes"


CHECKS: dict[str, Callable[[], str]] = {
    "canary": lambda: refused(opened, P["canary"], os.O_RDONLY),
    "places": lambda: empty(seen()),
    "environment": lambda: empty(own_environment()),
    "environment_of_init": lambda: empty(environ_of_init()),
    "descriptors": lambda: empty(descriptors()),
    "memory_of_init": lambda: refused(opened, "/proc/1/mem", os.O_RDONLY),
    "tcp": lambda: refused(connected, socket.AF_INET, socket.SOCK_STREAM, ("127.0.0.1", P["tcp"])),
    "udp": udp,
    "abstract": lambda: refused(connected, socket.AF_UNIX, socket.SOCK_STREAM, "\0" + P["abstract"]),
    "packet": lambda: refused(socket.socket, 17, socket.SOCK_RAW),
    "vsock": lambda: refused(socket.socket, 40, socket.SOCK_STREAM),
    "signal": lambda: refused(os.kill, P["pid"], 0) if P["pid"] > SMALL_PIDS else "held",
    "write_usr": lambda: refused(opened, "/usr/idlegrid-probe", os.O_CREAT | os.O_WRONLY),
    "write_root": lambda: refused(opened, "/idlegrid-probe", os.O_CREAT | os.O_WRONLY),
    "core_pattern": lambda: refused(opened, "/proc/sys/kernel/core_pattern", os.O_WRONLY),
    "setsid": lambda: refused(os.setsid),
    "unshare": lambda: empty([0] if libc.unshare(CLONE_NEWUSER) == 0 else []),
    "mount": lambda: called("mount", 0, 0, 0, 0, 0),
    "ptrace": lambda: called("ptrace", PTRACE_PEEKTEXT, os.getpid(), 0, 0),
    "keyring": lambda: called("keyctl", 0, -3, 0, 0, 0),
    "bpf": lambda: called("bpf", 0, 0, 0),
    "io_uring": lambda: called("io_uring", 1, 0),
    "perf": lambda: called("perf", 0, 0, 0, 0, 0),
    "other_memory": lambda: called("vm", P["pid"], 0, 0, 0, 0, 0),
    "filter": lambda: "held" if libc.prctl(PR_GET_SECCOMP, 0, 0, 0, 0) == 2 else "no filter",
    "no_new_privileges": lambda: "held" if libc.prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1 else "may gain privileges",
    "big_file": lambda: refused(sparse),
    "processes": lambda: "held" if forks() <= P["most"] else "no limit",
    "core_dumps": lambda: "held" if resource.getrlimit(resource.RLIMIT_CORE)[1] <= 1 else "allowed",
}
ONLY_ISOLATED: dict[str, Callable[[], str]] = {
    "mounts": lambda: empty(mounts()),
    "one_user": lambda: "held" if os.getuid() == 65534 else f"uid {os.getuid()}",
    "shared_memory": lambda: bounded(SHARED),
    "own_folder": lambda: bounded("."),
    "few_processes": lambda: empty([pid for pid in os.listdir("/proc") if pid.isdigit() and int(pid) > SMALL_PIDS]),
}


print("version", ".".join(map(str, sys.version_info[:2])))
for name, check in {**CHECKS, **(ONLY_ISOLATED if ISOLATED else {})}.items():
    if name == "processes":
        READ, WRITE = os.pipe()
    try:
        print(name, check(), flush=True)
    except Exception as error:  # noqa: BLE001 - whatever a check meets, the next must run
        print(name, f"broke: {error!r}"[:100], flush=True)
