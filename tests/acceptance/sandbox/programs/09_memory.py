"""10 GB at once, then step by step, each page touched."""

import mmap

from tries import attempt, say

STEP = 8 * 2**20
FAR_TOO_MUCH = 2**30

kept = []
attempt("10 GB reserved", lambda: kept.append(mmap.mmap(-1, 10 * 2**30)))
while len(kept) * STEP < FAR_TOO_MUCH:
    kept.append(bytearray(b"x") * STEP)
say("1 GB in steps", "LEAK all of it")
