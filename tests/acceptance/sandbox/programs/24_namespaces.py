"""Make or join namespaces: each is a way to be root somewhere."""

import ctypes
import os

from tries import attempt, done, syscall

FLAGS = {
    "user": 0x10000000,
    "mount": 0x00020000,
    "pid": 0x20000000,
    "net": 0x40000000,
    "ipc": 0x08000000,
    "uts": 0x04000000,
    "cgroup": 0x02000000,
    "time": 0x00000080,
}
SIGCHLD = 17


def cloned(flags):
    pid = syscall("clone", flags | SIGCHLD, 0, 0, 0, 0)
    if not pid:
        os._exit(0)
    return f"child {pid}"


def cloned3(flags):
    arguments = (ctypes.c_uint64 * 11)(flags, 0, 0, 0, SIGCHLD)
    pid = syscall("clone3", arguments, ctypes.sizeof(arguments))
    if not pid:
        os._exit(0)
    return f"child {pid}"


def joined(path):
    fd = os.open(path, os.O_RDONLY)
    return done(syscall("setns", fd, 0))


for name, flag in FLAGS.items():
    attempt(f"unshare {name}", lambda flag=flag: done(syscall("unshare", flag)))
    attempt(f"clone with a new {name}", cloned, flag if name != "time" else FLAGS["user"])
attempt("clone3 with a new user", cloned3, FLAGS["user"])
attempt("clone3 plain", cloned3, 0, found="SEEN")
attempt("join its own", joined, "/proc/self/ns/user")
attempt("join the first process's", joined, "/proc/1/ns/mnt")
