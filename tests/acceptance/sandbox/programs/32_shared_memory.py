"""Find the owner's shared memory, semaphores and message queues."""

import ctypes
import os

from tries import GIVEN, attempt, libc, read, syscall

SHM_RDONLY = 0o10000
O_CREAT_RDWR = 0o102
libc.shmat.restype = ctypes.c_void_p


def attached():
    address = libc.shmat(GIVEN["shm_id"], None, SHM_RDONLY)
    if address in (None, ctypes.c_void_p(-1).value):
        raise OSError(ctypes.get_errno(), "shmat")
    return ctypes.string_at(address, 7)


def listed():
    with open("/proc/sysvipc/shm") as file:
        return [line for line in file if str(GIVEN["shm_key"]) in line.split()]


attempt("segment by key", lambda: f"id {syscall('shmget', GIVEN['shm_key'], 0, 0)}")
attempt("segment by id", attached)
attempt("state of the segment", lambda: f"stat {syscall('shmctl', GIVEN['shm_id'], 2, bytes(256))}")
attempt("list of segments", listed)
attempt("POSIX segment", read, f"/dev/shm/{GIVEN['posix_shm']}")
attempt("all POSIX segments", lambda: [name for name in os.listdir("/dev/shm") if name == GIVEN["posix_shm"]])
attempt("removal of the segment", lambda: f"removed {syscall('shmctl', GIVEN['shm_id'], 0, None)}")
attempt("queue by key", lambda: f"id {syscall('msgget', GIVEN['shm_key'], 0)}")
attempt("semaphores by key", lambda: f"id {syscall('semget', GIVEN['shm_key'], 1, 0)}")
attempt("POSIX queue", lambda: f"fd {syscall('mq_open', str(GIVEN['shm_key']).encode(), O_CREAT_RDWR, 0o600, None)}")
