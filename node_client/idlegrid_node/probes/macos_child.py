"""The child process that asks the window server of macOS: each line on stdin asks, each on stdout answers in seconds.

EXPERIMENTAL, as `macos.py`. From a daemon, and after a switch to another user, the counter means nothing: then there
is nothing to ask (Technical Note TN2083; SessionGetInfo in the Security framework).
"""

import ctypes
import sys
from collections.abc import Iterator

FRAMEWORKS = "/System/Library/Frameworks"
CALLER, HAS_GRAPHIC_ACCESS = -1, 0x0010  # AuthSession.h
COMBINED_SESSION, ANY_INPUT = 0, 0xFFFFFFFF  # CGEventTypes.h


def idle_seconds() -> Iterator[str]:
    """Yield the session's idle time each time it is asked for. Raises OSError without the frameworks."""
    services = ctypes.CDLL(f"{FRAMEWORKS}/ApplicationServices.framework/ApplicationServices")
    security = ctypes.CDLL(f"{FRAMEWORKS}/Security.framework/Security")
    since = services.CGEventSourceSecondsSinceLastEventType
    since.restype, since.argtypes = ctypes.c_double, [ctypes.c_int32, ctypes.c_uint32]
    while True:
        attributes = ctypes.c_uint32()
        failed = security.SessionGetInfo(ctypes.c_int32(CALLER), None, ctypes.byref(attributes))
        graphical = not failed and attributes.value & HAS_GRAPHIC_ACCESS
        yield f"{since(COMBINED_SESSION, ANY_INPUT):f}" if graphical else "-the node is not in a graphical session"


def main() -> int:
    """Answer the lines on stdin until it ends."""
    try:
        answers = idle_seconds()
        for _ in sys.stdin:
            print(next(answers), flush=True)
    except (OSError, AttributeError) as error:
        print(f"!{error}", flush=True)
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
