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
        """Look now. Raises AbsentError where no display is named, OSError when it does not answer."""
        if not os.environ.get("DISPLAY"):
            raise AbsentError("no DISPLAY is set")
        return Reading(int(self._child.ask()) / 1000.0, "X11", time.monotonic())

    def close(self) -> None:
        """End the child."""
        self._child.close()
