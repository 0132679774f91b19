"""The real processes that are measured: Redis, coordinator, node. Each is stopped by who started it."""

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import psutil
import redis

from benchlib.http11 import Address

START_SECONDS = 60.0
"""How long a process may take until it is ready: migrations and cold imports on a slow machine."""

SETTLE_SECONDS = 2.0
"""How long a coordinator that answers is left alone: on a new Redis it fills the queue from the record first."""

STOP_SECONDS = 10.0
"""How long a process may take to stop, as `idlegrid up` promises."""


class NotReady(Exception):
    """A process ended or stayed silent instead of becoming ready; the message holds the end of its log."""


@dataclass(frozen=True)
class Grid:
    """A running grid: a Redis of its own and one coordinator over SQLite."""

    host: str
    port: int
    redis_url: str
    data: Path
    coordinator: psutil.Process
    redis: psutil.Process

    @property
    def url(self) -> str:
        """The coordinator's address."""
        return f"http://{self.host}:{self.port}"

    def address(self, submit_key: str = "", node_key: str = "") -> Address:
        """The same for the load, with the keys that it is to show."""
        return Address(self.host, self.port, submit_key, node_key)


@contextmanager
def grid(
    below: Path | None = None, fill: Callable[[Path], None] | None = None, env: Mapping[str, str] | None = None
) -> Iterator[Grid]:
    """Start Redis (AOF, every second) and a coordinator, in a new folder that is removed afterwards.

    `fill` is given the coordinator's data folder before that is started, `env` are settings of the coordinator.
    """
    with ExitStack() as stack:
        data = stack.enter_context(folder(below))
        redis_url, server = stack.enter_context(redis_server(data))
        if fill is not None:
            (data / "grid").mkdir(mode=0o700)
            fill(data / "grid")
        settings = {"IDLEGRID_REDIS_URL": redis_url, **(env or {})}
        coordinator, port = stack.enter_context(serve(data, "grid", settings))
        time.sleep(SETTLE_SECONDS)
        yield Grid("127.0.0.1", port, redis_url, data, coordinator, server)


@contextmanager
def folder(below: Path | None = None) -> Iterator[Path]:
    """A new folder that is removed afterwards."""
    with TemporaryDirectory(prefix="idlegrid-bench-", dir=below) as name:
        yield Path(name)


@contextmanager
def serve(data: Path, name: str, settings: Mapping[str, str]) -> Iterator[tuple[psutil.Process, int]]:
    """Start a coordinator whose data folder is `name` below `data`; the process and its port."""
    port = free_port()
    argv = [*idlegrid("serve"), "--port", str(port), "--data", str(data / name)]
    with process(name, argv, data, lambda: answers(f"http://127.0.0.1:{port}/health"), settings) as started:
        yield started, port


@contextmanager
def node(grid: Grid) -> Iterator[psutil.Process]:
    """Start a real node whose owner is always away; ready when the coordinator counts it as idle."""
    argv = [*idlegrid("node"), "--server", grid.url, "--profile", "always", "--data", str(grid.data / "node")]
    with process("node", argv, grid.data, lambda: '"idle":1' in text(f"{grid.url}/stats")) as started:
        yield started


@contextmanager
def process(
    name: str,
    argv: list[str],
    data: Path,
    ready: Callable[[], bool],
    env: Mapping[str, str] | None = None,
    **who: Any,
) -> Iterator[psutil.Process]:
    """Start a process, wait until `ready()`, and stop it and its children at the end.

    `who` are further words of `subprocess.Popen`: as whom it runs.
    """
    log = data / f"{name}.log"
    with log.open("wb") as out:
        child = subprocess.Popen(
            argv,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            env={**os.environ, **(env or {})},
            start_new_session=True,
            **who,
        )
    try:
        _await(name, child, ready, log)
        yield psutil.Process(child.pid)
    finally:
        _stop(child)


def free_port() -> int:
    """A port of the loopback interface that is free now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def answers(url: str) -> bool:
    """Whether a GET is answered with success."""
    return bool(text(url))


def tree(root: psutil.Process) -> list[psutil.Process]:
    """A process and all below it."""
    return [root, *root.children(recursive=True)]


def text(url: str) -> str:
    """Return the body of a successful GET without its spaces, else nothing."""
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return str(answer.read().decode()).replace(" ", "")
    except (urllib.error.URLError, ConnectionError, TimeoutError):
        return ""


def cpu_seconds(part: psutil.Process) -> float:
    """CPU that a process has used by itself."""
    times = part.cpu_times()
    return float(times.user + times.system)


def tree_cpu_seconds(root: psutil.Process) -> float:
    """CPU of a process and all below it, children that have ended and were waited for included."""
    times = [process.cpu_times() for process in tree(root)]
    return float(sum(t.user + t.system + t.children_user + t.children_system for t in times))


@contextmanager
def redis_server(data: Path) -> Iterator[tuple[str, psutil.Process]]:
    """Start a Redis (AOF, every second) on a free port; its URL and the process."""
    server = shutil.which("redis-server") or shutil.which("valkey-server")
    if server is None:
        raise NotReady("no redis-server or valkey-server on PATH: apt-get install redis-server")
    port = free_port()
    (data / "redis").mkdir()
    options = {"port": port, "bind": "127.0.0.1", "dir": data / "redis", "save": ""}
    options |= {"appendonly": "yes", "appendfsync": "everysec"}
    argv = [server, *(text for name, value in options.items() for text in (f"--{name}", str(value)))]
    url = f"redis://127.0.0.1:{port}/0"
    with process("redis", argv, data, lambda: _pings(url)) as started:
        yield url, started


def _pings(url: str) -> bool:
    with redis.Redis.from_url(url) as connection:
        try:
            return bool(connection.ping())
        except redis.ConnectionError:
            return False


def idlegrid(command: str) -> list[str]:
    """The words of an `idlegrid` command."""
    return [sys.executable, "-m", "idlegrid", command]


def _await(name: str, child: subprocess.Popen[bytes], ready: Callable[[], bool], log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while not ready():
        if child.poll() is not None or time.monotonic() > deadline:
            tail = log.read_text(errors="replace")[-2000:]
            raise NotReady(f"{name} is not ready (exit status {child.returncode}); it last wrote:\n{tail}")
        time.sleep(0.05)


def _stop(child: subprocess.Popen[bytes]) -> None:
    """Ask, then insist; what it started and left behind goes with it."""
    below = psutil.Process(child.pid).children(recursive=True) if child.poll() is None else []
    child.terminate()
    try:
        child.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()
    for left in psutil.wait_procs(below, timeout=2)[1]:
        left.kill()
