"""20 children, none of which takes much by itself."""

import os
import time

from tries import say

CHILDREN, EACH, STEP = 20, 48 * 2**20, 2**20

children = []
for _ in range(CHILDREN):
    child = os.fork()
    if child:
        children.append(child)
        continue
    kept = [bytearray(b"x") * STEP for _ in range(EACH // STEP)]
    time.sleep(3)
    os._exit(0)
for child in children:
    os.waitpid(child, 0)
say("960 MB among children", "LEAK all of it")
