"""Become root."""

import ctypes
import os
import subprocess

from tries import attempt, done, syscall


def status(field):
    with open("/proc/self/status") as file:
        return next(line.split()[1] for line in file if line.startswith(f"{field}:"))


def su():
    """With an empty password, or as whoever it is."""
    done = subprocess.run(["su", "-c", "id -u"], stdin=subprocess.DEVNULL, capture_output=True, check=False, timeout=5)
    return done.stdout if done.returncode == 0 else None


attempt("setuid 0", lambda: done(os.setuid(0)))
attempt("setgid 0", lambda: done(os.setgid(0)))
attempt("setgroups", lambda: done(os.setgroups([0])))
attempt("setresuid to nobody's neighbour", lambda: done(os.setresuid(1, 1, 1)))
attempt("su", su)
attempt("capset", lambda: done(syscall("capset", (ctypes.c_uint32 * 2)(0x20080522, 0), b"\xff" * 24)))
attempt("no_new_privs", status, "NoNewPrivs", found="HELD")
attempt("capabilities", status, "CapEff", found="HELD")
attempt("filter", status, "Seccomp", found="HELD")
