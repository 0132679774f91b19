"""What every hostile program uses: one line for each thing it tries, `name: verdict`.

The verdict is the name of the error that held it (`EPERM`), `HELD` and why, `SEEN` for what may be seen, or `LEAK`
and what came of it. It travels with the program, as a module of its own; nothing of the node's is used.
"""

import ctypes
import errno
import json
import os
import platform

GIVEN = json.loads(os.environ.get("IDLEGRID_PARAMETERS", "{}"))
"""Where the canaries are, as the test knows and an attacker might guess."""

SIGURG_IS_HARMLESS = 23
PR_SET_NAME = 15
libc = ctypes.CDLL(None, use_errno=True)

NUMBERS = {
    # name: (x86_64, aarch64), from asm/unistd.h
    "ioctl": (16, 29),
    "ptrace": (101, 117),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "pidfd_open": (434, 434),
    "pidfd_getfd": (438, 438),
    "pidfd_send_signal": (424, 424),
    "add_key": (248, 217),
    "request_key": (249, 218),
    "keyctl": (250, 219),
    "mount": (165, 40),
    "umount2": (166, 39),
    "pivot_root": (155, 41),
    "chroot": (161, 51),
    "fsopen": (430, 430),
    "open_tree": (428, 428),
    "move_mount": (429, 429),
    "mount_setattr": (442, 442),
    "open_by_handle_at": (304, 265),
    "unshare": (272, 97),
    "setns": (308, 268),
    "clone": (56, 220),
    "clone3": (435, 435),
    "clock_settime": (227, 112),
    "settimeofday": (164, 170),
    "adjtimex": (159, 171),
    "sethostname": (170, 161),
    "swapon": (167, 224),
    "init_module": (175, 105),
    "finit_module": (313, 273),
    "syslog": (103, 116),
    "reboot": (169, 142),
    "acct": (163, 89),
    "kexec_load": (246, 104),
    "sched_setscheduler": (144, 119),
    "sched_setattr": (314, 274),
    "ioprio_set": (251, 30),
    "inotify_init1": (294, 26),
    "fanotify_init": (300, 262),
    "io_uring_setup": (425, 425),
    "bpf": (321, 280),
    "perf_event_open": (298, 241),
    "userfaultfd": (323, 282),
    "memfd_secret": (447, 447),
    "personality": (135, 92),
    "kcmp": (312, 272),
    "mbind": (237, 235),
    "move_pages": (279, 239),
    "shmget": (29, 194),
    "shmat": (30, 196),
    "shmctl": (31, 195),
    "msgget": (68, 186),
    "semget": (64, 190),
    "mq_open": (240, 180),
    "setuid": (105, 146),
    "setresuid": (117, 147),
    "capset": (126, 91),
    "prlimit64": (302, 261),
}


def syscall(name: str, *arguments: object) -> int:
    """Make a system call that a library might not offer. Raises OSError; `ENOSYS` where its number is not known."""
    column = {"x86_64": 0, "aarch64": 1}.get(platform.machine())
    if column is None:
        raise OSError(errno.ENOSYS, name)
    words = [ctypes.c_long(word) if isinstance(word, int) else word for word in arguments]
    ctypes.set_errno(0)
    answer = libc.syscall(ctypes.c_long(NUMBERS[name][column]), *words)
    if answer < 0:
        raise OSError(ctypes.get_errno(), name)
    return answer


def say(name: str, verdict: str) -> None:
    """Print a try's line at once: the next try may be the last."""
    print(f"{name}: {verdict}", flush=True)


def attempt(name: str, function, *arguments, found: str = "LEAK") -> None:
    """Try something; what it returns is the loot, and nothing (`None`, 0, empty) means there was none."""
    try:
        loot = function(*arguments)
    except OSError as error:
        say(name, errno.errorcode.get(error.errno or 0, f"HELD {type(error).__name__}"))
    except (ValueError, RuntimeError, MemoryError, EOFError, OverflowError) as error:
        say(name, f"HELD {type(error).__name__}")
    else:
        say(name, f"{found} {loot!r}"[:200] if loot else "HELD nothing")


def read(path: str, size: int = 200) -> bytes:
    """The first bytes of a file."""
    with open(path, "rb") as file:
        return file.read(size)


def write(path: str, content: bytes = b"") -> str:
    """Open a file for writing, and write; says where it could."""
    with open(path, "r+b" if os.path.exists(path) else "wb", buffering=0) as file:
        file.write(content)
    return f"wrote {path}"


def done(answer: object) -> str:
    """For attacks whose success returns nothing of worth."""
    return f"done {answer}"


if "mark" in GIVEN:
    libc.prctl(PR_SET_NAME, GIVEN["mark"].encode(), 0, 0, 0)
