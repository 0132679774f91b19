"""Get more of the machine than the owner does."""

import ctypes
import os

from tries import attempt, done, syscall

IOPRIO_PROCESS, IOPRIO_REALTIME = 1, 1 << 13


def scheduled(policy, priority):
    return done(os.sched_setscheduler(0, policy, os.sched_param(priority)))


def deadline():
    words = (ctypes.c_uint32 * 14)(56, 6, 0, 0, 0, 0, 10**7, 0, 10**7, 0, 10**7, 0)
    return done(syscall("sched_setattr", 0, words, 0))


attempt("nice -20", lambda: done(os.setpriority(os.PRIO_PROCESS, 0, -20)))
attempt("nice 0", lambda: done(os.setpriority(os.PRIO_PROCESS, 0, 0)))
attempt("first in, first out", scheduled, os.SCHED_FIFO, 1)
attempt("round robin", scheduled, os.SCHED_RR, 1)
attempt("back to normal", scheduled, os.SCHED_OTHER, 0)
attempt("deadline", deadline)
attempt("real-time disk", lambda: done(syscall("ioprio_set", IOPRIO_PROCESS, 0, IOPRIO_REALTIME | 4)))
attempt("all of its user", lambda: os.setpriority(os.PRIO_USER, 0, 19))
attempt("all cores", lambda: done(os.sched_setaffinity(0, range(os.cpu_count()))), found="SEEN")
