"""Look into, write into and limit processes that are not its own."""

import ctypes
import os
import resource

from tries import GIVEN, attempt, done, syscall, write

PTRACE_ATTACH, PTRACE_SEIZE = 16, 0x4206
CHILD_OF_OTHERS = {"the first process": 1, "the parent": os.getppid(), "the node": GIVEN["node_pid"]}


class Vector(ctypes.Structure):
    _fields_ = (("base", ctypes.c_void_p), ("length", ctypes.c_size_t))


def vm(name, pid):
    buffer = ctypes.create_string_buffer(16)
    own = Vector(ctypes.addressof(buffer), 16)
    return syscall(name, pid, ctypes.byref(own), 1, ctypes.byref(own), 1, 0)


def stolen(pid):
    return syscall("pidfd_getfd", syscall("pidfd_open", pid, 0), 0, 0) or "descriptor 0"


for whose, pid in CHILD_OF_OTHERS.items():
    attempt(f"ptrace {whose}", lambda pid=pid: done(syscall("ptrace", PTRACE_ATTACH, pid, 0, 0)))
    attempt(f"seize {whose}", lambda pid=pid: done(syscall("ptrace", PTRACE_SEIZE, pid, 0, 0)))
    attempt(f"write into {whose}", vm, "process_vm_writev", pid)
    attempt(f"read from {whose}", vm, "process_vm_readv", pid)
    attempt(f"steal a descriptor of {whose}", stolen, pid)
    attempt(f"limit {whose}", lambda pid=pid: done(resource.prlimit(pid, resource.RLIMIT_CORE, (0, 0))))
    attempt(f"memory file of {whose}", write, f"/proc/{pid}/mem", b"")
