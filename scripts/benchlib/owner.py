"""A synthetic owner of this machine: a keyboard at a screen that nobody sees, and programs of one's own."""

import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from benchlib.processes import NotReady

SPIN = "while True: pass"
TYPING_SECONDS = 0.3
"""Between two keys of somebody who stays."""
ANSWER_SECONDS = 20.0


@dataclass(frozen=True)
class Owner:
    """Somebody at the X server `display`."""

    display: str

    @property
    def environment(self) -> dict[str, str]:
        """What programs need to look at the display."""
        return {"DISPLAY": self.display}

    def press(self) -> None:
        """Press a key."""
        words = ["xdotool", "key", "a"]
        subprocess.run(words, env={**os.environ, **self.environment}, check=True, timeout=ANSWER_SECONDS)

    @contextmanager
    def typing(self) -> Iterator[None]:
        """Press one key after the other."""
        over = threading.Event()

        def type_on() -> None:
            self.press()
            while not over.wait(TYPING_SECONDS):
                self.press()

        thread = threading.Thread(target=type_on)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()


@contextmanager
def owner() -> Iterator[Owner]:
    """An X server and its owner. Raises `NotReady` where there is no Xvfb or no xdotool."""
    if shutil.which("Xvfb") is None or shutil.which("xdotool") is None:
        raise NotReady("no Xvfb or no xdotool on PATH: apt-get install xvfb xdotool")
    ours, theirs = os.pipe()
    words = ["Xvfb", "-displayfd", str(theirs), "-screen", "0", "320x200x8", "-nolisten", "tcp"]
    server = subprocess.Popen(words, pass_fds=[theirs], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    os.close(theirs)
    try:
        with open(ours) as told:
            yield Owner(f":{told.readline().strip()}")
    finally:
        server.terminate()
        server.wait(ANSWER_SECONDS)


@contextmanager
def programs(count: int, code: str = SPIN) -> Iterator[list["subprocess.Popen[bytes]"]]:
    """So many programs of the owner's, each a process in a session of its own; what is left of them is ended."""
    words = [sys.executable, "-I", "-S", "-c", code]
    started = [subprocess.Popen(words, start_new_session=True) for _ in range(count)]
    try:
        yield started
    finally:
        for program in started:
            program.kill()
            program.wait()
