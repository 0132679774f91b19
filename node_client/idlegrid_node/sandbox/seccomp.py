"""The system-call filter: what code may not even ask the kernel for.

A deny-list on the pattern of Flatpak's: what no computation needs is refused with EPERM, all else is allowed.
Written in classic BPF here, because a library for it costs more start time than the whole sandbox.

The filter sees arguments as 64 bits and looks at the lower half of them: the kernel takes each of those that are
looked at for an `int`, or has no flag above, so that bits in the upper half change nothing (CVE-2019-10063 was a
filter that thought otherwise).
"""

import errno
import functools
import platform
import struct
from collections.abc import Iterable, Iterator
from enum import StrEnum
from typing import NamedTuple

from idlegrid_node.sandbox.syscalls import ARCHITECTURES, NEWEST, Architecture


class Profile(StrEnum):
    """What surrounds the filter, and so what is left for it to do."""

    ISOLATED = "isolated"
    """In namespaces of its own (levels 4 and 3)."""
    CONFINED = "confined"
    """Behind Landlock only (level 2): the owner's processes, sockets and shared memory are within reach."""


_DENIED = (
    # The machine and its clock. Most need rights that the code lacks: a bug in one of them must not matter.
    "acct", "delete_module", "finit_module", "init_module", "ioperm", "iopl", "kexec_file_load", "kexec_load",
    "lookup_dcookie", "nfsservctl", "quotactl", "quotactl_fd", "reboot", "setdomainname", "sethostname",
    "swapoff", "swapon", "syslog", "uselib", "vhangup",
    "adjtimex", "clock_adjtime", "clock_settime", "settimeofday",
    # File systems and namespaces, and the ways to a file that go round its path.
    "chroot", "fsconfig", "fsmount", "fsopen", "fspick", "mount", "mount_setattr", "move_mount",
    "name_to_handle_at", "open_by_handle_at", "open_tree", "open_tree_attr", "pivot_root", "setns", "umount2",
    "unshare",
    # Keys belong to a user, not to a namespace.
    "add_key", "keyctl", "request_key",
    # Other processes.
    "kcmp", "pidfd_getfd", "process_madvise", "process_vm_readv", "process_vm_writev", "ptrace",
    # The kernel's larger machines, where most of its escapes were found. io_uring also opens sockets that the
    # rules for `socket` never see.
    "bpf", "io_uring_enter", "io_uring_register", "io_uring_setup", "modify_ldt", "perf_event_open",
    "userfaultfd",
    "get_mempolicy", "mbind", "migrate_pages", "move_pages", "set_mempolicy", "set_mempolicy_home_node",
    # Memory that no process shows, and what the whole machine or the owner's user has only so many of.
    "memfd_create", "memfd_secret", "mq_open", "shmget",
    "fanotify_init", "fanotify_mark", "inotify_init", "inotify_init1", "io_setup",
    # Its place behind the owner's work. In a session of its own (autogroup, sched(7)) `nice` means nothing: twenty
    # sessions take the machine from its owner.
    "ioprio_set", "sched_setaffinity", "sched_setattr", "sched_setparam", "sched_setscheduler", "setsid",
)  # fmt: skip
_DENIED_CONFINED = (
    # The network. The unnamed pairs that `socketpair` still gives must not become anything else.
    "bind", "connect", "socket",
    # What is left without namespaces to disturb the owner's processes, or to hide from who stops the code's.
    "pidfd_open", "setpgid", "setpriority",
    # System V and POSIX objects of the owner: their numbers can be guessed, and what can be attached can be removed.
    "mq_unlink", "msgctl", "msgget", "msgrcv", "msgsnd", "semctl", "semget", "semop", "semtimedop", "shmat",
    "shmctl",
)  # fmt: skip

_WORD = 0xFFFFFFFF
_NEW_NAMESPACES = 0x7E020000  # CLONE_NEW* of linux/sched.h; CLONE_NEWTIME is no flag of `clone`
_TIOCSTI, _TIOCLINUX = 0x5412, 0x541C  # asm-generic/ioctls.h: type into, or ask of, a terminal
_PR_SET_DUMPABLE = 4  # linux/prctl.h
_AF_UNIX, _AF_INET, _AF_INET6, _AF_NETLINK = 1, 2, 10, 16
_SOCK_STREAM, _SOCK_SEQPACKET, _SOCK_TYPE_MASK = 1, 5, 0xF  # linux/net.h

_ALLOW, _KILL_PROCESS, _ERRNO = 0x7FFF0000, 0x80000000, 0x00050000  # linux/seccomp.h
_ANSWERS = {
    "kill": _KILL_PROCESS,
    "not permitted": _ERRNO | errno.EPERM,
    "not there": _ERRNO | errno.ENOSYS,
    "no such family": _ERRNO | errno.EAFNOSUPPORT,
}


class _Check(NamedTuple):
    """One argument, after `mask`, must be one of `values`, or (`among` is false) none of them."""

    argument: int
    values: tuple[int, ...]
    mask: int = _WORD
    among: bool = True
    refusal: str = "not permitted"


_CHECKED = {
    "clone": (_Check(0, (0,), mask=_NEW_NAMESPACES),),
    "ioctl": (_Check(1, (_TIOCSTI, _TIOCLINUX), among=False),),
    "personality": (_Check(0, (0,)),),
    "prlimit64": (_Check(0, (0,)),),  # 0: its own limits; else another process's
}
_FAMILIES = _Check(0, (_AF_UNIX, _AF_INET, _AF_INET6, _AF_NETLINK), refusal="no such family")
_CHECKED_ISOLATED = {
    # A network namespace has no hold on the others: AF_VSOCK talks to the hypervisor.
    "socket": (_FAMILIES,),
    "socketpair": (_FAMILIES,),
}
_CHECKED_CONFINED = {
    # Its supervisor counts files that have no name any more by its descriptors: it may not hide them.
    "prctl": (_Check(0, (_PR_SET_DUMPABLE,), among=False),),
    # A pair of datagram sockets can `sendto` any socket that has a path: the owner's session, the system's log.
    "socketpair": (
        _Check(0, (_AF_UNIX,), refusal="no such family"),
        _Check(1, (_SOCK_STREAM, _SOCK_SEQPACKET), mask=_SOCK_TYPE_MASK),
    ),
}


@functools.cache
def program(profile: Profile = Profile.ISOLATED, machine: str = platform.machine()) -> bytes:
    """Return the filter as an array of `struct sock_filter`, for `bwrap --seccomp` and `prctl(PR_SET_SECCOMP)`.

    Empty for a machine whose numbers are not known here. A call of a foreign architecture (32-bit programs, x32)
    ends the process, for its number means another call.
    """
    if machine not in ARCHITECTURES:
        return b""
    return _assembled(_filter(profile, ARCHITECTURES[machine]))


_LOAD_WORD, _AND, _RETURN = 0x20, 0x54, 0x06  # linux/bpf_common.h: LD|W|ABS, ALU|AND|K, RET|K
_EQUAL, _ABOVE, _AT_LEAST = 0x15, 0x25, 0x35  # JMP|JEQ|K, JMP|JGT|K, JMP|JGE|K
_NUMBER_AT, _ARCHITECTURE_AT, _ARGUMENTS_AT = 0, 4, 16  # struct seccomp_data; both machines are little-endian
_X32_BIT = 0x40000000
_NEXT = ""


class _Step(NamedTuple):
    """One instruction; `then` and `otherwise` are the labels to go on at when a comparison holds or fails."""

    code: int
    operand: int
    then: str = _NEXT
    otherwise: str = _NEXT


def _filter(profile: Profile, architecture: Architecture) -> Iterator[_Step | str]:
    """Yield the program: steps, and labels before the step that they name."""
    confined = profile is Profile.CONFINED
    yield _Step(_LOAD_WORD, _ARCHITECTURE_AT)
    yield _Step(_EQUAL, architecture.audit, otherwise="kill")
    yield _Step(_LOAD_WORD, _NUMBER_AT)
    yield _Step(_AT_LEAST, _X32_BIT, then="kill")
    # Nobody has looked at what newer kernels add; programs know how to do without. Before Linux 5.4 the calls of
    # x32 were there too, without their bit, at 512 and above.
    yield _Step(_ABOVE, NEWEST, then="not there")
    # The flags of `clone3` lie behind a pointer, where no filter sees them; the C library falls back to `clone`.
    yield _Step(_EQUAL, architecture.numbers["clone3"], then="not there")
    for call in _DENIED + (_DENIED_CONFINED if confined else ()):
        if call not in architecture.absent:
            yield _Step(_EQUAL, architecture.numbers[call], then="not permitted")
    for call, checks in {**_CHECKED, **(_CHECKED_CONFINED if confined else _CHECKED_ISOLATED)}.items():
        yield from _checked(call, architecture.numbers[call], checks)
    yield _Step(_RETURN, _ALLOW)
    for label, action in _ANSWERS.items():
        yield from (label, _Step(_RETURN, action))


def _checked(call: str, number: int, checks: tuple[_Check, ...]) -> Iterator[_Step | str]:
    yield _Step(_EQUAL, number, otherwise=f"not {call}")
    for turn, check in enumerate(checks):
        yield from _check(check, passed=f"{call} passed {turn}")
    yield _Step(_RETURN, _ALLOW)
    yield f"not {call}"


def _check(check: _Check, passed: str) -> Iterator[_Step | str]:
    yield _Step(_LOAD_WORD, _ARGUMENTS_AT + 8 * check.argument)
    if check.mask != _WORD:
        yield _Step(_AND, check.mask)
    listed, other = (passed, check.refusal) if check.among else (check.refusal, passed)
    *values, last = check.values
    for value in values:
        yield _Step(_EQUAL, value, then=listed)
    yield _Step(_EQUAL, last, then=listed, otherwise=other)
    yield passed


def _assembled(lines: Iterable[_Step | str]) -> bytes:
    """Return the bytes of a program. Raises struct.error for a jump backwards or over more than 255 steps."""
    steps: list[_Step] = []
    places: dict[str, int] = {}
    for line in lines:
        if isinstance(line, str):
            places[line] = len(steps)
        else:
            steps.append(line)

    def distance(here: int, label: str) -> int:
        return places[label] - here - 1 if label else 0

    return b"".join(
        struct.pack("=HBBI", code, distance(here, then), distance(here, otherwise), operand)
        for here, (code, operand, then, otherwise) in enumerate(steps)
    )
