"""Children that fork in turn, for as long as they are let. They end by themselves should nobody end them."""

import os
import time

LIFE_SECONDS = 15

end = time.monotonic() + LIFE_SECONDS
print("storm: HELD for now", flush=True)
while time.monotonic() < end:
    try:
        os.fork()
    except OSError:
        time.sleep(0.001)
