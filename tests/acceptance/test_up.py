"""`idlegrid up` as people use it: one real process, its real children, the signals that a terminal sends."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest

from .grids import eventually

STOP_SECONDS = 10
"""What the grid promises."""

START_SECONDS = 60


def command_line(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except (psutil.NoSuchProcess, psutil.ZombieProcess):
        return []


class Up:
    """A running `idlegrid up`; `lines` is what it has printed so far."""

    def __init__(self, data: Path, *arguments: str, **environment: str) -> None:
        argv = [sys.executable, "-m", "idlegrid", "up", "--port", "0", "--data", str(data), *arguments]
        env = {name: value for name, value in os.environ.items() if not name.startswith("IDLEGRID_")}
        self.data = data
        self.lines: list[str] = []
        self.popen = subprocess.Popen(
            argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=env | environment
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.popen.stdout is not None
        for line in self.popen.stdout:
            self.lines.append(line.rstrip())

    def said(self, pattern: str) -> re.Match[str]:
        """Wait for a line in which `pattern` is found."""

        def found() -> re.Match[str] | None:
            return next(filter(None, (re.search(pattern, line) for line in self.lines)), None)

        return eventually(lambda: found() or self._over(), f"it says {pattern!r}, not just {self.lines}")

    def _over(self) -> None:
        if self.popen.poll() is not None:
            pytest.fail(f"it has ended: {self.lines}")

    @property
    def url(self) -> str:
        return self.said(r"Coordinator +(http://\S+)")[1]

    def ask(self, path: str, body: Any = None, key: str = "") -> Any:
        headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {key}"} if key else {})
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data=data, headers=headers)
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.load(answer)

    def submit(self, code: str) -> int:
        return int(self.ask("/submit", {"code": code})["task_id"])

    def result(self, run: int) -> Any:
        """Wait for the end of a run, and return its status."""
        ended = {"completed", "failed"}
        return eventually(lambda: (got := self.ask(f"/status/{run}"))["status"] in ended and got, f"run {run} ends")

    def processes(self) -> list[psutil.Process]:
        """The supervisor and everything below it."""
        supervisor = psutil.Process(self.popen.pid)
        return [supervisor, *supervisor.children(recursive=True)]

    def child(self, *words: str) -> psutil.Process | None:
        """The child whose command line holds all `words`, if it runs."""
        children = psutil.Process(self.popen.pid).children()
        return next((c for c in children if set(words) <= set(command_line(c))), None)

    def stop(self, number: signal.Signals = signal.SIGINT) -> float:
        """End it and return how many seconds that took; nothing of it may be left."""
        before = self.processes()
        began = time.monotonic()
        self.popen.send_signal(number)
        self.popen.wait(START_SECONDS)
        took = time.monotonic() - began
        self._reader.join(START_SECONDS)
        assert [process for process in before if process.is_running()] == []
        return took

    def close(self) -> None:
        if self.popen.poll() is None:
            self.popen.kill()
        self.popen.wait(START_SECONDS)
        self._reader.join(START_SECONDS)
        assert self.popen.stdout is not None
        self.popen.stdout.close()


@contextmanager
def running(data: Path, *arguments: str, **environment: str) -> Iterator[Up]:
    grid = Up(data, *arguments, **environment)
    try:
        grid.said("The grid is up")
        yield grid
    finally:
        grid.close()


@pytest.fixture(scope="module")
def grid(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    """A whole grid with one node and the console."""
    with running(tmp_path_factory.mktemp("grid"), "--console-port", "0") as up:
        yield up


def test_when_it_says_so_everything_answers_and_a_run_gets_its_result(grid):
    assert grid.ask("/health")["status"] == "healthy"
    console = grid.said(r"Console +(http://\S+)")[1]
    with urllib.request.urlopen(f"{console}/_stcore/health", timeout=10) as answer:
        assert answer.read() == b"ok"
    assert grid.result(grid.submit("print(6 * 7)"))["result"] == "42"


def test_a_killed_part_is_started_again_and_said_so(grid):
    waker = grid.child("idlegrid_server.queue.waker")
    waker.kill()
    grid.said("waker was ended by SIGKILL, starting it again in 1 s")
    successor = eventually(lambda: grid.child("idlegrid_server.queue.waker"), "there is a new waker")
    assert successor != waker


def test_a_second_up_on_the_same_folder_is_refused_and_told_who_holds_it(grid):
    second = Up(grid.data, "--no-console")
    assert second.popen.wait(START_SECONDS) == 1
    assert re.search(rf"in use by .* \(process {grid.popen.pid}\)", second.said("in use").string)
    second.close()


@pytest.mark.parametrize("option", ["--port", "--console-port"])
def test_a_taken_port_is_named_and_nothing_is_started(option, tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as holder:
        port = str(holder.getsockname()[1])
        argv = [sys.executable, "-m", "idlegrid", "up", "--port", "0", "--console-port", "0", option, port]
        done = subprocess.run(
            [*argv, "--data", str(tmp_path / "data")],
            capture_output=True,
            text=True,
            check=False,
            timeout=START_SECONDS,
        )
    assert done.returncode == 2
    assert f"127.0.0.1:{port}: address already in use" in done.stderr
    assert option in done.stderr
    assert not (tmp_path / "data").exists()


def test_ctrl_c_ends_everything_in_time_and_loses_no_run(tmp_path):
    marker = "print('done once')"
    with running(tmp_path, "--no-console") as first:
        run = first.submit(f"import time; time.sleep(2); {marker}")
        queued = [first.submit(marker) for _ in range(5)]
        eventually(lambda: first.ask(f"/api/runs/{run}")["data"]["status"] == "running", "the run runs")
        assert first.stop(signal.SIGINT) < STOP_SECONDS
        assert first.popen.returncode == 0
        assert first.lines[-1] == "Stopped."
    with running(tmp_path, "--no-console") as second:
        assert [second.result(one)["result"] for one in [run, *queued]] == ["done once"] * 6


def test_a_killed_supervisor_takes_its_children_along_and_the_grid_starts_again(tmp_path):
    with running(tmp_path, "--no-console", "--nodes", "0") as first:
        run = first.submit("print('still here')")
        before = first.processes()
        first.popen.kill()
        eventually(
            lambda: not any(p.is_running() and p.status() != "zombie" for p in before[1:]), "its children are gone"
        )
    with running(tmp_path, "--no-console") as second:
        assert second.result(run)["result"] == "still here"


def test_a_grid_with_keys_prints_lines_that_work_and_hides_them_from_other_users(tmp_path):
    with running(tmp_path / "grid", "--no-console", IDLEGRID_AUTH="required") as up:
        join = up.said(r"idlegrid node --server http://\S+ --join (\S+)")[1]
        submit = up.said(r'api_key="([^"]+)"')[1]
        with pytest.raises(urllib.error.HTTPError, match="401"):
            up.ask("/submit", {"code": "print(1)"})
        assert up.ask("/submit", {"code": "print(1)"}, key=submit)["task_id"]
        seen = " ".join(word for process in up.processes() for word in command_line(process))
        assert join not in seen
        assert submit not in seen
        assert up.stop(signal.SIGTERM) < STOP_SECONDS
    with running(tmp_path / "grid", "--no-console", "--nodes", "0", IDLEGRID_AUTH="required") as again:
        assert join in again.said("--join").string


WHEELS = Path(sys.prefix) / "share" / "idlegrid" / "dist"
