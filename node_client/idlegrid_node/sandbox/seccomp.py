"""The system-call filter: so far it denies one call, `setsid`.

A session of its own would put a program into a scheduling group of its own (autogroup, sched(7)), in which
`nice` means nothing: twenty of them take the machine from its owner. Written in classic BPF by hand, because
a library costs more start time than the whole sandbox.
"""

import platform
import struct

_LOAD_WORD, _EQUAL, _RETURN = 0x20, 0x15, 0x06  # linux/bpf_common.h: LD|W|ABS, JMP|JEQ|K, RET|K
_NUMBER_AT, _ARCH_AT = 0, 4  # struct seccomp_data
_ALLOW = 0x7FFF0000  # linux/seccomp.h
_EPERM = 0x00050001
_ARCHITECTURES = {
    # machine: (AUDIT_ARCH of linux/audit.h, number of setsid)
    "x86_64": (0xC000003E, 112),
    "aarch64": (0xC00000B7, 157),
}
X32_BIT = 0x40000000


def program(machine: str = platform.machine()) -> bytes:
    """Return the filter for `bwrap --seccomp`; empty for a machine whose numbers are not known here.

    Calls of a foreign architecture (32-bit programs) are denied altogether: their numbers mean other calls.
    """
    if machine not in _ARCHITECTURES:
        return b""
    arch, setsid = _ARCHITECTURES[machine]
    return b"".join(
        struct.pack("=HBBI", *step)
        for step in (
            (_LOAD_WORD, 0, 0, _ARCH_AT),
            (_EQUAL, 0, 4, arch),
            (_LOAD_WORD, 0, 0, _NUMBER_AT),
            (_EQUAL, 2, 0, setsid),
            (_EQUAL, 1, 0, setsid | X32_BIT),
            (_RETURN, 0, 0, _ALLOW),
            (_RETURN, 0, 0, _EPERM),
        )
    )
