"""A real X server without a screen, for what looks at keyboard and pointer."""

import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

ENDS_S = 45.0


class Display:
    """`name` is as DISPLAY has it."""

    def __init__(self, name: str, server: "subprocess.Popen[bytes]") -> None:
        self.name = name
        self._server = server

    def hang(self) -> None:
        """Let the server answer nobody, as one does that is stuck."""
        self._server.send_signal(signal.SIGSTOP)

    def go_on(self) -> None:
        """Let it answer again."""
        self._server.send_signal(signal.SIGCONT)


@contextmanager
def virtual_display() -> Iterator[str]:
    """The name of its display; see `x_server`."""
    with x_server() as display:
        yield display.name


@contextmanager
def x_server() -> Iterator[Display]:
    """Skips the test where there is no Xvfb or no xdotool."""
    if shutil.which("Xvfb") is None or shutil.which("xdotool") is None:
        pytest.skip("needs Xvfb and xdotool")
    ours, theirs = os.pipe()
    command = ["Xvfb", "-displayfd", str(theirs), "-screen", "0", "320x200x8", "-nolisten", "tcp"]
    server = subprocess.Popen(command, pass_fds=[theirs], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    os.close(theirs)
    try:
        with open(ours) as told:
            name = f":{told.readline().strip()}"
        yield Display(name, server)
    finally:
        server.send_signal(signal.SIGCONT)
        server.terminate()
        server.wait(ENDS_S)
