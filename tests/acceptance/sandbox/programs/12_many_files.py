"""Empty files weigh nothing and still fill the kernel's memory."""

import time

from tries import say

MOST, MOST_SECONDS = 100_000, 0.3

end, count = time.monotonic() + MOST_SECONDS, 0
try:
    while count < MOST and time.monotonic() < end:
        open(f"{count}", "x").close()
        count += 1
except OSError:
    pass
say("empty files", f"HELD {count}" if count < MOST else f"LEAK {count}")
