"""Ignore every signal that can be ignored."""

import signal
import time

from tries import say

for number in set(signal.Signals) - {signal.SIGKILL, signal.SIGSTOP}:
    signal.signal(number, signal.SIG_IGN)
say("deaf", "HELD for now")
time.sleep(30)
