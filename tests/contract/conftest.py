"""A real coordinator process over a real Redis, and the two kinds of callers it has: submitters and spare machines."""

import http.client
import json
import os
import secrets
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

import pytest
import requests
from websockets.sync.client import ClientConnection, connect

Json = dict[str, Any]
PATIENCE = 30.0
"""Seconds after which an answer counts as missing; nothing here takes a tenth of it."""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Coordinator:
    """`idlegrid serve` as a process of its own; `settings` are its environment without the prefix."""

    def __init__(self, data: Path, redis_url: str, wait_until: Callable[..., Any], **settings: object) -> None:
        self.data, self._wait_until = data, wait_until
        self._host = str(settings.pop("host", "127.0.0.1"))
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._environment = {"IDLEGRID_REDIS_URL": redis_url}
        self._environment |= {f"IDLEGRID_{name.upper()}": str(value) for name, value in settings.items()}
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("IDLEGRID_")}
        command = [sys.executable, "-m", "idlegrid", "serve", "--host", self._host, "--port", str(self.port)]
        command += ["--data", str(self.data)]
        self.data.mkdir(parents=True, exist_ok=True)
        with (self.data / "serve.log").open("ab") as log:
            self._process = subprocess.Popen(command, env=kept | self._environment, stdout=log, stderr=log)
        self._wait_until(self._serves, f"the coordinator serves; its log is {self.data / 'serve.log'}", 60)

    def _serves(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, (self.data / "serve.log").read_text()
        with suppress(requests.ConnectionError):
            return requests.get(f"{self.url}/livez", timeout=PATIENCE).ok
        return False

    @property
    def pid(self) -> int:
        """Of the process that serves."""
        assert self._process is not None
        return self._process.pid

    def stop(self) -> None:
        if self._process is not None:
            self._process.send_signal(signal.SIGTERM)
            self._process.wait(PATIENCE)


class OpenPoll:
    """A node's `GET /internal/task` that is on its way: sent, not yet answered."""

    def __init__(self, grid: "Grid", node_id: str, wait: float, slots: int) -> None:
        query = urlencode({"node_id": node_id, "wait": wait, "slots": slots})
        self._connection = http.client.HTTPConnection(urlsplit(grid.url).netloc, timeout=PATIENCE)
        self._connection.request("GET", f"/internal/task?{query}")
        grid.get("/livez")  # the coordinator has read on since

    def answer(self) -> Json:
        """Wait for the answer; fails when none comes."""
        with self._connection.getresponse() as response:
            assert response.status == 200
            return dict(json.load(response))

    def close(self) -> None:
        self._connection.close()


class SpareMachine:
    """A node as the protocol sees it; it runs nothing, the test says what it found."""

    def __init__(self, grid: "Grid", node_id: str = "", **facts: object) -> None:
        self.grid, self.id = grid, node_id or f"test-{secrets.token_hex(6)}"
        self._facts: Json = {
            "status": "idle",
            "reason": "owner_away",
            "hostname": "lab-07",
            "slots": 4,
            "resources": {"cpu_cores": 8, "memory_mb": 16384},
            "sandbox": {"level": 3, "backend": "bubblewrap"},
            **facts,
        }

    def beat(self, *held: Json, **words: object) -> Json:
        """A heartbeat that lists `held`."""
        body = {"node_id": self.id, "attempts": held, **self._facts, **words}
        return self.grid.post("/internal/heartbeat", body).json()

    def poll(self, wait: float = 0, slots: int = 1, **room: object) -> Json:
        """One look for work."""
        return self.grid.get("/internal/task", node_id=self.id, wait=wait, slots=slots, **room).json()

    def lease(self) -> Json:
        """The next attempt; fails when there is none. A poll may end early, empty: then a node opens another."""
        given = next(filter(None, (self.poll(wait=20)["attempts"] for _ in range(5))), [])
        assert len(given) == 1
        return dict(given[0])

    def open_poll(self, wait: float = 60, slots: int = 1) -> OpenPoll:
        """A poll that stays open while the test goes on."""
        return self.grid.closing(OpenPoll(self.grid, self.id, wait, slots))

    def report(self, attempt: Json, outcome: str = "completed", **words: object) -> requests.Response:
        """One flat report."""
        return self.grid.post("/internal/result", {"node_id": self.id, **self.said(attempt, outcome, **words)})

    def report_many(self, *reports: Json, **words: object) -> requests.Response:
        """Several reports at once."""
        return self.grid.post("/internal/result", {"node_id": self.id, "results": reports, **words})

    @staticmethod
    def said(attempt: Json, outcome: str = "completed", **words: object) -> Json:
        """The words of a report."""
        usual = {"result": "1", "exit_code": 0} if outcome == "completed" else {}
        return {"run": attempt["run"], "lease_id": attempt["lease_id"], "outcome": outcome, **usual, **words}

    @staticmethod
    def holding(attempt: Json, state: str = "running", **words: object) -> Json:
        """An entry of a heartbeat's `attempts`."""
        return {"run": attempt["run"], "lease_id": attempt["lease_id"], "state": state, **words}


class Grid:
    """A coordinator as its callers see it, with a key when it asks for one. What a test leaves open is ended after."""

    def __init__(self, url: str, key: str = "") -> None:
        self.url, self.key = url, key
        self._machines: list[SpareMachine] = []
        self._open = ExitStack()

    def ask(self, method: str, path: str, **words: Any) -> requests.Response:
        headers = {"Authorization": f"Bearer {self.key}"} if self.key else {}
        headers |= words.pop("headers", None) or {}
        return requests.request(method, self.url + path, headers=headers, timeout=PATIENCE, **words)

    def get(self, path: str, **query: object) -> requests.Response:
        return self.ask("GET", path, params=query)

    def post(self, path: str, body: object = None, **words: Any) -> requests.Response:
        return self.ask("POST", path, json=body, **words)

    def submit(self, code: str = "print(1)", **words: object) -> int:
        answer = self.post("/submit", {"code": code, **words})
        assert answer.status_code == 200, answer.text
        return int(answer.json()["task_id"])

    def status(self, run: int, **query: object) -> Json:
        return dict(self.get(f"/status/{run}", **query).json())

    def run(self, run: int) -> Json:
        """The run as the task API shows it."""
        return dict(self.get(f"/api/runs/{run}").json()["data"])

    def worker(self, node_id: str) -> Json:
        """The node as the task API shows it."""
        items = self.get("/api/workers").json()["data"]["items"]
        return next(item for item in items if item["id"] == node_id)

    def task_count(self) -> int:
        return int(self.get("/").json()["task_count"])

    def machine(self, node_id: str = "", **facts: object) -> SpareMachine:
        """A node that has joined."""
        machine = SpareMachine(self, node_id, **facts)
        machine.beat()
        self._machines.append(machine)
        return machine

    def listen(self) -> ClientConnection:
        """A listener on `/ws/updates`."""
        address = self.url.replace("http", "ws", 1) + "/ws/updates"
        connection = connect(address + (f"?api_key={self.key}" if self.key else ""))
        return self._open.enter_context(connection)

    def closing(self, thing: Any) -> Any:
        """Closed when the test is over."""
        self._open.callback(thing.close)
        return thing

    def newest(self) -> int:
        items = self.get("/api/runs", size=1).json()["data"]["items"]
        return items[0]["id"] if items else 0

    def clean(self, after: int) -> None:
        """End the runs above `after` and let the nodes leave, so that the next test starts with an empty queue."""
        self._open.close()
        for machine in self._machines:
            machine.beat(status="offline")
        for status in ("pending", "running"):
            for item in self.get("/api/runs", status=status, size=200).json()["data"]["items"]:
                if item["id"] > after:
                    self.post(f"/api/runs/{item['id']}/abort")


@pytest.fixture(scope="session")
def start_coordinator(session_redis, tmp_path_factory, eventually) -> Iterator[Callable[..., Coordinator]]:
    """`start_coordinator(**settings)`: one of its own, with a queue of its own, until the session ends."""
    started: list[Coordinator] = []

    def start(**settings: Any) -> Coordinator:
        redis_url = settings.pop("redis_url", f"{session_redis.url}?db={len(started)}")
        data = settings.pop("data", None) or tmp_path_factory.mktemp("grid")
        started.append(Coordinator(data, redis_url, eventually, **settings))
        started[-1].start()
        return started[-1]

    yield start
    for coordinator in started:
        coordinator.stop()


@pytest.fixture(scope="session")
def _shared_coordinator(start_coordinator) -> Coordinator:
    return start_coordinator()


@pytest.fixture(scope="session")
def _hasty_coordinator(start_coordinator) -> Coordinator:
    return start_coordinator(lease_seconds=1, listing_seconds=0.5, start_grace_seconds=0, tick_seconds=0.05)


def _visit(url: str, key: str = "") -> Iterator[Grid]:
    grid = Grid(url, key)
    before = grid.newest()
    yield grid
    grid.clean(before)


@pytest.fixture
def grid(_shared_coordinator) -> Iterator[Grid]:
    """A coordinator with the usual times, shared; the test finds its queue empty."""
    yield from _visit(_shared_coordinator.url)


@pytest.fixture
def hasty_grid(_hasty_coordinator) -> Iterator[Grid]:
    """The same with short times: leases of 1 s, half a second until an attempt must be listed."""
    yield from _visit(_hasty_coordinator.url)


@pytest.fixture(scope="session")
def visit() -> Callable[..., Grid]:
    """`visit(url, key)`: a Grid that cleans nothing up."""
    return Grid


@pytest.fixture(scope="session")
def assert_like() -> Callable[[Any, Any], None]:
    """`assert_like(actual, example)`: the same keys and the same JSON types all the way down."""

    def check(actual: Any, example: Any, place: str = "$") -> None:
        if isinstance(example, dict):
            assert isinstance(actual, dict), place
            assert set(actual) == set(example), place
            for name, value in example.items():
                check(actual[name], value, f"{place}.{name}")
        elif isinstance(example, list):
            assert isinstance(actual, list), place
            for number, item in enumerate(actual):
                check(item, example[0], f"{place}[{number}]")
        else:
            assert _kind(actual) == _kind(example), place

    return check


def _kind(value: Any) -> str:
    if isinstance(value, bool) or value is None:
        return repr(value)
    return "number" if isinstance(value, int | float) else type(value).__name__
