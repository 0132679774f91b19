"""Seconds since the last input at an X server, asked in a child process: the library hangs with the server.

As a module (`python -m idlegrid_node.probes.x11`) it is that child: each line on stdin asks, each line on
stdout answers in milliseconds. XScreenSaver's counter covers keyboard and mouse of the whole display.
"""

import ctypes
import ctypes.util
import selectors
import subprocess
import sys
from collections.abc import Iterator

PATIENCE_S = 0.25


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


class X11Signal:
    """Asks the child; one that does not answer in PATIENCE_S is replaced at the next look."""

    def __init__(self) -> None:
        self._child: subprocess.Popen[bytes] | None = None

    def __call__(self, _now: float) -> float | None:
        """Return the seconds since the last input, or None."""
        try:
            child = self._child = self._child or _start()
            assert child.stdin is not None and child.stdout is not None  # noqa: S101, PT018 - for mypy
            child.stdin.write(b"?\n")
            line = child.stdout.readline() if _readable(child.stdout) else b""
            return int(line) / 1000.0
        except (OSError, ValueError):
            self.close()
            return None

    def close(self) -> None:
        """End the child."""
        child, self._child = self._child, None
        if child is not None:
            child.kill()
            child.communicate()


def _start() -> "subprocess.Popen[bytes]":
    return subprocess.Popen([sys.executable, "-m", __name__], stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0)


def _readable(pipe: object) -> bool:
    with selectors.DefaultSelector() as selector:
        selector.register(pipe, selectors.EVENT_READ)  # type: ignore[arg-type] # a pipe has a fileno
        return bool(selector.select(PATIENCE_S))


def idle_milliseconds() -> Iterator[int]:
    """Yield the display's idle time each time it is asked for. Raises OSError without library or display."""
    x11 = ctypes.CDLL(ctypes.util.find_library("X11") or "libX11.so.6")
    saver = ctypes.CDLL(ctypes.util.find_library("Xss") or "libXss.so.1")
    x11.XOpenDisplay.restype = ctypes.c_void_p
    x11.XDefaultRootWindow.restype = ctypes.c_ulong
    saver.XScreenSaverAllocInfo.restype = ctypes.POINTER(XScreenSaverInfo)
    display = ctypes.c_void_p(x11.XOpenDisplay(None))
    if display.value is None:
        raise OSError("no X display can be opened")
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
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
