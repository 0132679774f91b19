"""Calls that hardly any program needs and that have had holes."""

import ctypes
import os

from tries import attempt, done, syscall

NO_RANDOMIZE = 0x0040000

attempt("io_uring", lambda: done(syscall("io_uring_setup", 1, ctypes.create_string_buffer(120))))
attempt("bpf map", lambda: done(syscall("bpf", 0, (ctypes.c_uint32 * 12)(1, 4, 4, 1), 48)))
attempt("perf", lambda: done(syscall("perf_event_open", (ctypes.c_uint32 * 32)(1, 128), 0, -1, -1, 0)))
attempt("userfaultfd", lambda: done(syscall("userfaultfd", 1)))
attempt("memfd_secret", lambda: done(syscall("memfd_secret", 0)))
attempt("personality", lambda: done(syscall("personality", NO_RANDOMIZE)))
attempt("kcmp", lambda: done(syscall("kcmp", os.getpid(), os.getppid(), 0, 0, 0)))
attempt("move_pages", lambda: done(syscall("move_pages", os.getppid(), 0, None, None, None, 0)))
