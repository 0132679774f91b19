"""Leave a daemon behind, by the book and without a session; the parent ends."""

import os
import signal
import subprocess
import time

from tries import GIVEN, attempt, say

LIFE_SECONDS = 20


def daemon(leave):
    if os.fork():
        return
    leave()
    if os.fork():
        os._exit(0)
    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
        signal.signal(number, signal.SIG_IGN)
    time.sleep(LIFE_SECONDS)
    os._exit(0)


def try_setsid():
    attempt("setsid", lambda: os.setsid() or "a session of its own")


daemon(try_setsid)
os.wait()
daemon(lambda: None)
os.wait()
subprocess.Popen(["/bin/sh", "-c", f"sleep {LIFE_SECONDS}; : {GIVEN['mark']}"])
say("parent", "HELD and ends")
