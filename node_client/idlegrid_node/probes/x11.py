"""Seconds since the last input at an X server, asked in a child process: the library hangs with the server."""

import os
import time

from idlegrid_node.probes.child import Child
from idlegrid_node.probes.reading import AbsentError, Reading

CHILD = "idlegrid_node.probes.x11_child"


class X11Probe:
    """Answers with the seconds since the last input at $DISPLAY."""

    def __init__(self, module: str = CHILD) -> None:
        self._child = Child(module)

    def __call__(self) -> Reading:
        """Look now. Raises AbsentError where no display is named, OSError when it does not answer.

        An X server inside a Wayland desktop is nobody to ask: it sees the input of its own windows only.
        """
        display = os.environ.get("DISPLAY")
        if not display:
            raise AbsentError("no DISPLAY is set")
        if os.environ.get("WAYLAND_DISPLAY"):
            raise AbsentError(f"the X server {display} is inside a Wayland desktop and does not see its input")
        return Reading(int(self._child.ask()) / 1000.0, "X11", time.monotonic())

    def close(self) -> None:
        """End the child."""
        self._child.close()
