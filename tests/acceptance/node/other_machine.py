"""`other_machine.py with|without PYTHON -m MODULE …`: a node as on another machine.

It looks every moment, not every minute, whether a lost sandbox is back. `without` makes the kernel as one that
has no Landlock: a filter of system calls, for this process and all that it starts, answers ENOSYS.
"""

import ctypes
import errno
import runpy
import struct
import sys

from idlegrid_node import agent

RETEST_SECONDS = 0.2
CREATE_RULESET = 444  # landlock_create_ruleset(2), on every architecture
PR_SET_SECCOMP, PR_SET_NO_NEW_PRIVS, SECCOMP_MODE_FILTER = 22, 38, 2  # linux/prctl.h
LOAD, JUMP_IF_EQUAL, RETURN = 0x20, 0x15, 0x06  # linux/bpf_common.h
ALLOW, ERRNO = 0x7FFF0000, 0x00050000  # linux/seccomp.h


def forget_landlock() -> None:
    """Let the kernel answer as if it had never heard of it."""
    program = b"".join(
        struct.pack("=HBBI", *instruction)
        for instruction in (
            (LOAD, 0, 0, 0),
            (JUMP_IF_EQUAL, 0, 1, CREATE_RULESET),
            (RETURN, 0, 0, ERRNO | errno.ENOSYS),
            (RETURN, 0, 0, ALLOW),
        )
    )
    kept = ctypes.create_string_buffer(program, len(program))
    pointer = ctypes.c_char_p(struct.pack("=HxxxxxxQ", len(program) // 8, ctypes.addressof(kept)))
    libc = ctypes.CDLL(None, use_errno=True)
    for words in ((PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), (PR_SET_SECCOMP, SECCOMP_MODE_FILTER, pointer, 0, 0)):
        if libc.prctl(*words) != 0:
            raise OSError(ctypes.get_errno(), "the filter was refused")


def main() -> None:
    """See the module."""
    landlock, _python, _minus_m, module, *arguments = sys.argv[1:]
    if landlock == "without":
        forget_landlock()
    agent.RETEST_SECONDS = RETEST_SECONDS
    sys.argv[:] = [module, *arguments]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
