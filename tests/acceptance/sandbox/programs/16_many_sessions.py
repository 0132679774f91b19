"""Eight that spin, each of which wants a session of its own, and a chain that forks and ends all the time."""

import contextlib
import os
import time

from tries import attempt

LIFE_SECONDS = 15


def spin(end):
    while time.monotonic() < end:
        pass
    os._exit(0)


def chain(end):
    while time.monotonic() < end:
        with contextlib.suppress(OSError):
            if os.fork():
                os._exit(0)


end = time.monotonic() + LIFE_SECONDS
for number in range(8):
    if not os.fork():
        attempt(f"setsid {number}", lambda: os.setsid() or "a session of its own")
        spin(end)
if not os.fork():
    chain(end)
    os._exit(0)
time.sleep(LIFE_SECONDS)
