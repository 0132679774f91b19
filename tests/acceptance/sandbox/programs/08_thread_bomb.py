"""Threads until the limit."""

import os
import threading
import time

from tries import say

FAR_TOO_MANY = 400

count = 0
while count < FAR_TOO_MANY:
    try:
        threading.Thread(target=time.sleep, args=(20,), daemon=True).start()
    except RuntimeError:
        break
    count += 1
say("threads", f"HELD {count}" if count < FAR_TOO_MANY else f"LEAK {count}")
os._exit(0)
