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

import psutil
import redis

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


@contextmanager
def grid(below: Path | None = None, fill: Callable[[Path], None] | None = None) -> Iterator[Grid]:
    """Start Redis (AOF, every second) and a coordinator, in a new folder that is removed afterwards.

    `fill` is given the coordinator's data folder before that is started.
    """
    with ExitStack() as stack:
        data = Path(stack.enter_context(TemporaryDirectory(prefix="idlegrid-bench-", dir=below)))
        redis_url, server = stack.enter_context(_redis(data))
        if fill is not None:
            (data / "grid").mkdir(mode=0o700)
            fill(data / "grid")
        port = free_port()
        argv = [*_idlegrid("serve"), "--port", str(port), "--data", str(data / "grid")]
        env = {"IDLEGRID_REDIS_URL": redis_url}
        ready = lambda: answers(f"http://127.0.0.1:{port}/health")  # noqa: E731 - named for the call below
        coordinator = stack.enter_context(process("coordinator", argv, data, ready, env))
        time.sleep(SETTLE_SECONDS)
        yield Grid("127.0.0.1", port, redis_url, data, coordinator, server)


@contextmanager
def node(grid: Grid) -> Iterator[psutil.Process]:
    """Start a real node whose owner is always away; ready when the coordinator counts it as idle."""
    argv = [*_idlegrid("node"), "--server", grid.url, "--profile", "always", "--data", str(grid.data / "node")]
    with process("node", argv, grid.data, lambda: '"idle":1' in text(f"{grid.url}/stats")) as started:
        yield started


@contextmanager
def process(
    name: str, argv: list[str], data: Path, ready: Callable[[], bool], env: Mapping[str, str] | None = None
) -> Iterator[psutil.Process]:
    """Start a process, wait until `ready()`, and stop it and its children at the end."""
    log = data / f"{name}.log"
    with log.open("wb") as out:
        child = subprocess.Popen(
            argv,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            env={**os.environ, **(env or {})},
            start_new_session=True,
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


@contextmanager
def _redis(data: Path) -> Iterator[tuple[str, psutil.Process]]:
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


def _idlegrid(command: str) -> list[str]:
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
