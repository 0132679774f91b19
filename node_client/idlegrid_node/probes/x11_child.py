"""The child process that talks to an X server: each line on stdin asks, each on stdout answers in milliseconds.

XScreenSaver's counter covers keyboard and mouse of the whole display. Imports little: it stays for as long as
the node, and every module would be memory.
"""

import ctypes
import sys
from collections.abc import Iterator


class XScreenSaverInfo(ctypes.Structure):
    """The library's answer (X11/extensions/scrnsaver.h)."""

    _fields_ = [
        ("window", ctypes.c_ulong),
        ("state", ctypes.c_int),
        ("kind", ctypes.c_int),
        ("til_or_since", ctypes.c_ulong),
        ("idle", ctypes.c_ulong),
        ("event_mask", ctypes.c_ulong),
    ]


def idle_milliseconds() -> Iterator[int | str]:
    """Yield the display's idle time each time it is asked for, for Xwayland why it cannot be told.

    Raises OSError without library or display.
    """
    x11 = ctypes.CDLL("libX11.so.6")
    saver = ctypes.CDLL("libXss.so.1")
    x11.XOpenDisplay.restype = ctypes.c_void_p
    x11.XDefaultRootWindow.restype = ctypes.c_ulong
    saver.XScreenSaverAllocInfo.restype = ctypes.POINTER(XScreenSaverInfo)
    display = ctypes.c_void_p(x11.XOpenDisplay(None))
    if display.value is None:
        raise OSError("no X display can be opened")
    if x11.XQueryExtension(display, b"XWAYLAND", *(ctypes.byref(ctypes.c_int()) for _ in range(3))):
        while True:  # the extension is there for clients to know it by (Xwayland 23.1)
            yield "-the X server is inside a Wayland desktop and does not see its input"
    root = ctypes.c_ulong(x11.XDefaultRootWindow(display))
    info = saver.XScreenSaverAllocInfo()
    while True:
        if not saver.XScreenSaverQueryInfo(display, root, info):
            raise OSError("the X server has no screen saver extension")
        yield int(info.contents.idle)


def main() -> int:
    """Answer the lines on stdin until it ends."""
    try:
        answers = idle_milliseconds()
        for _ in sys.stdin:
            print(next(answers), flush=True)
    except OSError as error:
        print(f"!{error}", flush=True)
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
