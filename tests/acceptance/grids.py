"""A grid as people run it, for tests that break it: whole under `idlegrid up`, or its parts as processes apart.

Every program is real. A test may end exactly one of them, at any time and in any way, and start it again; when the
test is over all of them are ended, and nothing that any of them started may be left.
"""

import contextlib
import itertools
import json
import os
import random
import re
import shutil
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import psutil
import pytest

from ..conftest import RedisProcess, wait_until
from ..parts import lay_record

PATIENCE = 90.0
"""Seconds after which something that must happen has not; far more than it takes, for machines under load."""

FINAL = frozenset({"completed", "failed"})
"""The idle API's words for a run that has ended."""

FINAL_EVENTS = frozenset({"complete", "fail", "time_out", "cancel", "abandon"})
"""The events of a run's story after which it never changes again."""

AWAY = (urllib.error.URLError, ConnectionError, TimeoutError)
"""What a caller sees of a coordinator that is not there; `http.client` raises the second in the midst of an answer."""

SHORT_TIMES = {
    "IDLEGRID_LEASE_SECONDS": "3",
    "IDLEGRID_LISTING_SECONDS": "3",
    "IDLEGRID_HEARTBEAT_SECONDS": "0.5",
    "IDLEGRID_START_GRACE_SECONDS": "2",
    "IDLEGRID_OUTBOX_SECONDS": "0.5",
    "IDLEGRID_TICK_SECONDS": "0.2",
}
"""The protocol's times, a tenth of what they are by default."""

slot_uids = itertools.count(100_000 + os.getpid() % 10_000 * 10)
"""A node started as root counts its processes by uid: other nodes on this machine must not share it."""

Json = dict[str, Any]


def eventually(condition: Callable[[], Any], description: str, seconds: float = PATIENCE) -> Any:
    """Wait for the condition's first true value, and return it."""
    return wait_until(condition, description, seconds)


def free_port() -> int:
    """A port below those that outgoing connections get: while its listener is down nobody else may come by it."""
    for port in random.sample(range(20_000, 32_000), 100):
        with contextlib.suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return port
    pytest.fail("no free port is to be found")


def alive(processes: Iterable[psutil.Process]) -> list[psutil.Process]:
    """Those that still run; a zombie does not."""
    return [process for process in processes if _runs(process)]


def _runs(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def clean_environment() -> dict[str, str]:
    """The tests' own without any setting of the product."""
    return {name: value for name, value in os.environ.items() if not name.startswith("IDLEGRID_")}


class Program:
    """One program of a grid; what it prints goes to `log`. It may be started again after its end."""

    def __init__(self, name: str, folder: Path, argv: list[str], environment: dict[str, str] | None = None) -> None:
        self.name, self.log = name, folder / f"{name}.log"
        self._argv = argv
        self._environment = clean_environment() | {"PYTHONUNBUFFERED": "1"} | (environment or {})
        self._popen: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with self.log.open("ab") as log:
            self._popen = subprocess.Popen(
                self._argv, env=self._environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )

    @property
    def runs(self) -> bool:
        return self._popen is not None and self._popen.poll() is None

    @property
    def pid(self) -> int:
        assert self._popen is not None
        return self._popen.pid

    def below(self) -> list[psutil.Process]:
        """All processes that it has started, and theirs."""
        try:
            return alive(psutil.Process(self.pid).children(recursive=True))
        except psutil.NoSuchProcess:
            return []

    def kill(self) -> None:
        """`kill -9`: this process alone."""
        if self._popen is not None:
            self._popen.kill()
            self._popen.wait()

    def freeze(self) -> None:
        """Let it hang."""
        os.kill(self.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        os.kill(self.pid, signal.SIGCONT)

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Ask it to end; returns its exit status."""
        assert self._popen is not None
        self._popen.send_signal(number)
        return self._popen.wait(PATIENCE)

    def close(self) -> None:
        """End it, and fail if anything it has started outlives it."""
        if not self.runs:
            return
        below = self.below()
        try:
            self.stop()
        except subprocess.TimeoutExpired:
            self.kill()
        eventually(lambda: not alive(below), f"nothing of {self.name} is left but {alive(below)}")

    def printed(self) -> str:
        return self.log.read_text(errors="replace") if self.log.exists() else ""

    def said(self, pattern: str) -> "re.Match[str]":
        """Wait until it has printed something that matches, and return the match."""

        def look() -> "re.Match[str] | None":
            found = re.search(pattern, self.printed(), re.MULTILINE)
            assert found or self.runs, f"{self.name} has ended:\n{self.printed()[-2000:]}"
            return found

        return eventually(look, f"{self.name} says {pattern!r}")


def started_node(url: str, name: str, folder: Path, *words: str, **environment: str) -> Program:
    """A node whose owner is never there, unless `words` say more; it keeps its data in `folder/nodes/NAME`."""
    argv = [sys.executable, "-m", "idlegrid", "node", "--server", url, "--profile", "always", "--name", name]
    argv += ["--data", str(folder / "nodes" / name), *words]
    node = Program(name, folder, argv, {"IDLEGRID_NODE_SLOT_UID": str(next(slot_uids))} | environment)
    node.start()
    return node


_direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
"""Nothing here is to go through a proxy of the machine's."""


class Caller:
    """Someone who calls a coordinator over HTTP; `key` is their API key."""

    def __init__(self, url: str, key: str = "") -> None:
        self.url, self._key = url, key

    def ask(
        self, path: str, body: Any = None, seconds: float = 30.0, method: str | None = None, **headers: str
    ) -> tuple[int, Any]:
        """The status and the answer, errors too; a body of bytes is sent as it is. Raises what is in AWAY."""
        sent = {"Content-Type": "application/json"} | {name.replace("_", "-"): value for name, value in headers.items()}
        if self._key:
            sent["Authorization"] = f"Bearer {self._key}"
        data = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data=data, headers=sent, method=method)
        try:
            with _direct.open(request, timeout=seconds) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as error:
            with error:
                return error.code, json.load(error)

    def tries(self, path: str, body: Any, seconds: float = 5.0, **headers: str) -> Any:
        """A good answer; None when the coordinator is away or cannot take it now."""
        try:
            status, answer = self.ask(path, body, seconds, **headers)
        except AWAY:
            return None
        assert status in (200, 503), f"{path}: {status} {answer}"
        return answer if status == 200 else None

    def get(self, path: str, body: Any = None) -> Any:
        """A good answer."""
        status, answer = self.ask(path, body)
        assert status == 200, f"{path}: {status} {answer}"
        return answer

    def submit(self, code: str, **more: Any) -> int:
        return int(self.get("/submit", {"code": code, **more})["task_id"])

    def status(self, run: int) -> Json:
        return self.get(f"/status/{run}")

    def whole(self, run: int) -> Json:
        """All that is recorded about a run."""
        return self.get(f"/api/runs/{run}")["data"]

    def ends_of(self, run: Json) -> list[str]:
        """The events with which a run, as `whole` gives it, has ended: exactly one, if all is well."""
        return [line["event"] for line in run["events"] if line["event"] in FINAL_EVENTS]

    def nodes(self) -> list[Json]:
        return self.get("/api/workers")["data"]["items"]

    def ended(self, run: int, seconds: float = PATIENCE) -> Json:
        """Wait for the end of a run, and return its status."""

        def look() -> Json | None:
            status = self.status(run)
            return status if status["status"] in FINAL else None

        return eventually(look, f"run {run} ends", seconds)

    def settled(self, runs: Iterable[int]) -> list[Json]:
        """Wait for the end of all these runs and return all that is recorded about each."""
        wanted = sorted(set(runs))
        left = wanted[:]

        def look() -> bool:
            while left and self.status(left[0])["status"] in FINAL:
                del left[0]
            return not left

        eventually(look, "all these runs end, too")
        return [self.whole(run) for run in wanted]

    def answers(self) -> bool:
        try:
            return self.ask("/health")[0] in (200, 503)
        except AWAY:
            return False

    def takes(self, run: int) -> bool:
        """Whether a run is on a node now."""
        return self.status(run)["status"] == "running"


class Redis(RedisProcess):
    """The tests' Redis as one of the programs of a grid."""

    name = "redis"

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        super().__init__(folder)

    def lose_data(self) -> None:
        """Remove all that it holds; only while it is down."""
        shutil.rmtree(self.folder / "appendonlydir")


class Apart(Caller):
    """Redis, a coordinator and nodes, each a process of its own, started by the test."""

    def __init__(self, folder: Path, data: Path, **environment: str) -> None:
        port = free_port()
        super().__init__(f"http://127.0.0.1:{port}")
        self.folder, self.node_folders = folder, folder / "nodes"
        self.redis = Redis(folder / "redis")
        argv = [sys.executable, "-m", "idlegrid", "serve", "--port", str(port), "--data", str(data)]
        self._settings = SHORT_TIMES | {"IDLEGRID_REDIS_URL": self.redis.url} | environment
        self.coordinator = Program("coordinator", folder, argv, self._settings)
        self.every_node: list[Program] = []
        self._others: list[Program] = []
        self._data = data

    def start(self, nodes: int = 1, slots: int = 2) -> "Apart":
        """All parts; returns when each answers. An empty record is laid there: that one is made, other tests show."""
        if "IDLEGRID_DATABASE_URL" not in self._settings:
            self._data.mkdir(parents=True, exist_ok=True)
            lay_record(self._data)
        self.redis.start()
        self.coordinator.start()
        for _ in range(nodes):
            self.add_node(slots)
        self.wait_for_coordinator()
        for node in self.every_node:
            self.wait_for_node(node)
        return self

    def add_node(self, slots: int = 2) -> Program:
        name = f"node-{len(self.every_node) + 1}"
        self.every_node.append(started_node(self.url, name, self.folder, "--slots", str(slots)))
        return self.every_node[-1]

    def add_coordinator(self) -> Caller:
        """Another one over the same record and Redis; returns who calls it, when it answers."""
        port = free_port()
        self.add("coordinator-2", "idlegrid", "serve", "--port", str(port), "--data", str(self._data))
        caller = Caller(f"http://127.0.0.1:{port}")
        eventually(caller.answers, "the other coordinator answers")
        return caller

    def add(self, name: str, *module: str) -> Program:
        """Start one of the processes beside the coordinator, with its settings: `python -m` these words."""
        self._others.append(Program(name, self.folder, [sys.executable, "-m", *module], self._settings))
        self._others[-1].start()
        return self._others[-1]

    @property
    def node(self) -> Program:
        return self.every_node[0]

    def wait_for_coordinator(self) -> None:
        def look() -> bool:
            assert self.coordinator.runs, f"the coordinator has ended:\n{self.coordinator.printed()[-2000:]}"
            return self.answers()

        eventually(look, "the coordinator answers")

    def wait_for_node(self, node: Program) -> None:
        def look() -> bool:
            assert node.runs, f"{node.name} has ended:\n{node.printed()[-2000:]}"
            return any(w["id"] == node.name and w["status"] == "active" for w in self.nodes())

        eventually(look, f"{node.name} has joined")

    def spooled(self, node: Program) -> list[Path]:
        """The reports that a node keeps until it can deliver them."""
        return sorted((self.node_folders / node.name / "spool").glob("*/*.json"))

    def close(self) -> None:
        for program in (*self.every_node, *self._others, self.coordinator):
            program.close()
        self.redis.kill()


class Up(Program):
    """`idlegrid up` on a data folder."""

    def __init__(self, folder: Path, *arguments: str, data: Path | None = None, **environment: str) -> None:
        self.data = data or folder / "grid"
        argv = [sys.executable, "-m", "idlegrid", "up", "--port", str(free_port()), "--no-console"]
        uid = {"IDLEGRID_NODE_SLOT_UID": str(next(slot_uids))}
        super().__init__("up", folder, [*argv, "--data", str(self.data), *arguments], uid | environment)

    def start(self) -> "Up":  # type: ignore[override]
        """Start it and wait until it says that the grid is up."""
        self.log.unlink(missing_ok=True)
        super().start()
        self.said("The grid is up")
        return self

    def caller(self, key: str = "") -> Caller:
        return Caller(self.said(r"Coordinator +(http://\S+)")[1], key)

    @property
    def redis_url(self) -> str:
        return f"unix://{self.data}/run/redis.sock"
