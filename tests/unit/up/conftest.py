"""Supervisors over small programs, as processes of their own."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

GRID = Path(__file__).with_name("grid_of_scripts.py")


def wait_until(condition: Callable[[], Any], description: str, seconds: float = 20.0) -> Any:
    """What `condition` returns once that is true; fails with `description` after so many seconds."""
    deadline = time.monotonic() + seconds
    while not (result := condition()):
        if time.monotonic() > deadline:
            pytest.fail(f"waited {seconds:g} s in vain until {description}")
        time.sleep(0.01)
    return result


def is_alive(pid: int) -> bool:
    """Whether the process is there and no zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def whole_lines(path: Path) -> list[str]:
    """The complete lines of a log; none while it is not there, which it is not for a moment when it is rotated."""
    try:
        return path.read_text().split("\n")[:-1]
    except FileNotFoundError:
        return []


class ScriptGrid:
    """A running supervisor; `lines` is what it has said so far."""

    def __init__(self, logs: Path, scripts: list[dict[str, Any]]) -> None:
        self.logs = logs
        self.lines: list[str] = []
        argv = [sys.executable, str(GRID), str(logs), json.dumps(scripts)]
        self.popen = subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.popen.stdout is not None
        for line in self.popen.stdout:
            self.lines.append(line.rstrip())

    def said(self, words: str) -> str:
        """Wait for a line that holds `words`, and return it."""
        found = wait_until(
            lambda: [line for line in self.lines if words in line], f"it says {words!r}, not just {self.lines}"
        )
        return str(found[0])

    def log(self, name: str, at_least: int = 1) -> list[str]:
        """Wait for so many lines in a child's log, and return them."""
        path = self.logs / f"{name}.log"
        return list(
            wait_until(
                lambda: len(got := whole_lines(path)) >= at_least and got, f"{name} has printed {at_least} lines"
            )
        )

    def signal(self, number: signal.Signals) -> None:
        self.popen.send_signal(number)

    def wait(self, seconds: float = 20.0) -> int:
        """The exit status; fails if it does not end."""
        status = self.popen.wait(seconds)
        self._reader.join(seconds)
        return status

    def close(self) -> None:
        self.popen.kill()
        self.wait()
        assert self.popen.stdout is not None
        self.popen.stdout.close()


@pytest.fixture
def script_grid(tmp_path: Path) -> Iterator[Callable[..., ScriptGrid]]:
    """Starts a supervisor over the given scripts; it is killed at the end, and nothing of it may be left."""
    started: list[ScriptGrid] = []

    def start(*scripts: dict[str, Any]) -> ScriptGrid:
        started.append(ScriptGrid(tmp_path / "logs", list(scripts)))
        return started[-1]

    yield start
    for grid in started:
        grid.close()
    wait_until(lambda: not _mentioning(str(tmp_path)), f"no process of {tmp_path} is left")


def _mentioning(text: str) -> list[str]:
    """Command lines of live processes in which `text` stands, or that were told so by their environment."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid() and is_alive(int(entry.name)):
            try:
                line = (entry / "cmdline").read_bytes().decode(errors="replace")
            except OSError:
                continue
            if text in line:
                found.append(line)
    return found


@pytest.fixture
def until() -> Callable[..., Any]:
    return wait_until


@pytest.fixture
def alive() -> Callable[[int], bool]:
    return is_alive
