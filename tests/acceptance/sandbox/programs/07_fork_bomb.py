"""Children until the limit; all are left behind."""

import os
import time

from tries import say

LIFE_SECONDS = 20
FAR_TOO_MANY = 400

count = 0
while count < FAR_TOO_MANY:
    try:
        child = os.fork()
    except OSError:
        break
    if not child:
        time.sleep(LIFE_SECONDS)
        os._exit(0)
    count += 1
say("children", f"HELD {count}" if count < FAR_TOO_MANY else f"LEAK {count}")
