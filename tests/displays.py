"""A real X server without a screen, for what looks at keyboard and pointer."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

ENDS_S = 45.0


@contextmanager
def virtual_display() -> Iterator[str]:
    """The name of its display, as DISPLAY has it; skips the test where there is no Xvfb or no xdotool."""
    if shutil.which("Xvfb") is None or shutil.which("xdotool") is None:
        pytest.skip("needs Xvfb and xdotool")
    ours, theirs = os.pipe()
    command = ["Xvfb", "-displayfd", str(theirs), "-screen", "0", "320x200x8", "-nolisten", "tcp"]
    server = subprocess.Popen(command, pass_fds=[theirs], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    os.close(theirs)
    try:
        with open(ours) as told:
            name = f":{told.readline().strip()}"
        yield name
    finally:
        server.terminate()
        server.wait(ENDS_S)
