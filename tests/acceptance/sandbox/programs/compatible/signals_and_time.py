"""Signals of its own, alarms, clocks, terminal size, locale."""

import locale
import os
import shutil
import signal
import time

heard = []
signal.signal(signal.SIGALRM, lambda *_: heard.append(1))
signal.setitimer(signal.ITIMER_REAL, 0.05)
while not heard:
    time.sleep(0.01)
os.kill(os.getpid(), signal.SIGALRM)
assert len(heard) == 2
assert time.localtime().tm_year > 2020
assert shutil.get_terminal_size().columns > 0
locale.setlocale(locale.LC_ALL, "C.UTF-8")
print("ok")
