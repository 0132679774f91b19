"""Change the machine itself. The arguments are such that a success would change nothing."""

import ctypes
import socket
import time

from tries import attempt, done, syscall

ADJ_STATUS = 0x0010


class Time(ctypes.Structure):
    _fields_ = (("seconds", ctypes.c_long), ("fraction", ctypes.c_long))


def now(parts):
    whole, fraction = divmod(time.time_ns(), 10**9)
    return ctypes.byref(Time(whole, fraction * parts // 10**9))


def adjusted():
    words = (ctypes.c_uint * 64)(0)
    syscall("adjtimex", words)
    words[0] = ADJ_STATUS
    return done(syscall("adjtimex", words))


name = socket.gethostname().encode()
attempt("clock_settime", lambda: done(syscall("clock_settime", 0, now(10**9))))
attempt("settimeofday", lambda: done(syscall("settimeofday", now(10**6), None)))
attempt("adjtimex", adjusted)
attempt("sethostname", lambda: done(syscall("sethostname", name, len(name))))
attempt("swapon", lambda: done(syscall("swapon", b"/nowhere", 0)))
attempt("init_module", lambda: done(syscall("init_module", b"x", 1, b"")))
attempt("finit_module", lambda: done(syscall("finit_module", 0, b"", 0)))
attempt("kexec_load", lambda: done(syscall("kexec_load", 0, 0, None, 0)))
attempt("reboot", lambda: done(syscall("reboot", 0, 0, 0, None)))
attempt("acct", lambda: done(syscall("acct", b"/nowhere")))
attempt("syslog", lambda: done(syscall("syslog", 3, ctypes.create_string_buffer(100), 100)))
