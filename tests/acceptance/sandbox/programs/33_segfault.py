"""Crash the interpreter."""

import ctypes

from tries import say

say("crash", "HELD for now")
ctypes.string_at(0)
