"""A million calls deep."""

import sys

from tries import say

sys.setrecursionlimit(10**6)


def down(number):
    return down(number + 1) if number < 10**6 else number


say("recursion", "HELD for now")
try:
    down(0)
except (RecursionError, MemoryError) as error:
    say("recursion", f"HELD {type(error).__name__}")
