"""What every tier may use: waiting on a predicate, and real servers (Redis, PostgreSQL), each in a temporary folder."""

import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import redis

from .postgres import PostgresProcess, require_programs

Eventually = Callable[..., Any]


def wait_until(predicate: Callable[[], Any], description: str, seconds: float = 30.0) -> Any:
    """The predicate's value as soon as that is true; fail with the description when it is not in time.

    The longer it has waited the more seldom it looks: most looks are requests, and what they cost is taken from those
    who are waited for.
    """
    began = time.monotonic()
    while not (value := predicate()):
        waited = time.monotonic() - began
        if waited > seconds:
            pytest.fail(f"waited {seconds:g} s in vain: {description}")
        time.sleep(min(max(0.01, waited / 20), 0.2))
    return value


class RedisProcess:
    """A real redis-server on a unix socket, with an append-only file like the embedded one."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.socket = folder / "redis.sock"
        self.url = f"unix://{self.socket}"
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def client(self) -> redis.Redis:
        return redis.Redis.from_url(self.url)

    def start(self) -> None:
        program = shutil.which("redis-server") or shutil.which("valkey-server")
        if program is None:
            pytest.skip("no redis-server on PATH (Debian: apt install redis-server)")
        options = ["--port", "0", "--unixsocket", str(self.socket), "--dir", str(self.folder)]
        options += ["--save", "", "--appendonly", "yes", "--databases", "64"]
        self._process = subprocess.Popen([program, *options], stdout=subprocess.DEVNULL)
        wait_until(self._answers, "redis-server answers")

    def freeze(self) -> None:
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self._signal(signal.SIGCONT)

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def _signal(self, number: signal.Signals) -> None:
        assert self._process is not None
        self._process.send_signal(number)

    def _answers(self) -> bool:
        try:
            with self.client as client:
                return bool(client.ping())
        except redis.ConnectionError:
            return False


@pytest.fixture(scope="session")
def eventually() -> Eventually:
    """`eventually(predicate, description, seconds)`: waits until it holds, and answers what it returned."""
    return wait_until


def _started() -> Iterator[RedisProcess]:
    with tempfile.TemporaryDirectory(prefix="grid-redis-") as folder:
        server = RedisProcess(Path(folder))
        try:
            server.start()
            yield server
        finally:
            server.kill()


@pytest.fixture(scope="session")
def _shared_redis() -> Iterator[RedisProcess]:
    yield from _started()


@pytest.fixture(scope="session")
def session_redis() -> Iterator[RedisProcess]:
    """A Redis that stays as it is for the whole session: coordinators that many tests share keep their queues there."""
    yield from _started()


@pytest.fixture
def redis_server(_shared_redis: RedisProcess) -> RedisProcess:
    """The session's Redis, empty."""
    with _shared_redis.client as client:
        client.flushall()
    return _shared_redis


@pytest.fixture
def private_redis() -> Iterator[RedisProcess]:
    """A Redis of this test's own, to be killed."""
    yield from _started()


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresProcess]:
    """One PostgreSQL for the session."""
    found = require_programs()
    with tempfile.TemporaryDirectory(prefix="grid-postgres-") as folder:
        server = PostgresProcess(found, Path(folder))
        try:
            server.start()
            wait_until(server.answers, "PostgreSQL answers")
            yield server
        finally:
            server.stop()
