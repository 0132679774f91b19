"""A grid of several coordinators as it is installed: nginx with the shipped configuration before two of them, one
PostgreSQL, one Redis, the processes beside them, and nodes that know nothing but nginx.
"""

import contextlib
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from .grids import AWAY, SHORT_TIMES, Caller, Json, Program, Redis, clean_environment, eventually, free_port, slot_uids

DEPLOY = Path(__file__).resolve().parents[2] / "deploy"
COORDINATORS = 2
NODES = 3
SLOTS = 2
POLL_SECONDS = 20
"""How long the polls that the tests hold open wait."""
WITH_WORK = 250
"""Bytes of an answer to a poll from which on there is an attempt in it; an empty one has about 60."""


class Nginx(Program):
    """Debian's nginx with the configuration of `deploy/`, on other ports."""

    def __init__(self, folder: Path, port: int, upstreams: list[int]) -> None:
        program = shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
        if program is None:
            pytest.skip("no nginx (Debian: apt install nginx-light)")
        self.prefix = folder / "nginx"
        self.prefix.mkdir()
        (self.prefix / "nginx.conf").write_text(rendered(port, upstreams))
        argv = [program, "-p", str(self.prefix), "-c", str(self.prefix / "nginx.conf"), "-e", "stderr"]
        # Its workers would become nobody, who has no way into a temporary folder.
        super().__init__("nginx", folder, [*argv, "-g", "user root;"] if os.geteuid() == 0 else argv)

    def accesses(self) -> list[dict[str, str]]:
        """What it has noted of each call: path, bytes of the answer, and which coordinator gave it."""
        line = re.compile(
            r"\S+ \S+ (?P<method>\S+) (?P<path>\S+) (?P<status>\d+) (?P<bytes>\d+) .*upstream=(?P<to>\S+)"
        )
        log = self.prefix / "access.log"
        return [found.groupdict() for found in map(line.match, log.read_text().splitlines()) if found]


def rendered(port: int, upstreams: list[int]) -> str:
    """The shipped configuration with these ports on loopback."""
    text = (DEPLOY / "nginx.conf").read_text()
    for number, upstream in enumerate(upstreams, 1):
        text, count = re.subn(rf"server coordinator-{number}:\d+", f"server 127.0.0.1:{upstream}", text)
        assert count == 1
    text, count = re.subn(r"listen \d+;", f"listen 127.0.0.1:{port};", text)
    assert count == 1
    return text


class Poll:
    """A node that the test plays, with a poll open at one coordinator."""

    def __init__(self, at: Caller, name: str, answer: "Future[Json]") -> None:
        self.at, self.name, self._answer = at, name, answer

    @property
    def is_open(self) -> bool:
        return not self._answer.done()

    def answer(self) -> Json:
        return self._answer.result(2 * POLL_SECONDS)


class Coordinators:
    """The grid. `one` and `other` call a coordinator each, `front` calls nginx; all with the operator's key."""

    def __init__(self, folder: Path, database_url: str) -> None:
        self.folder = folder
        self.redis = Redis(folder / "redis")
        ports = [free_port() for _ in range(COORDINATORS)]
        self.front_url = f"http://127.0.0.1:{free_port()}"
        self.settings = SHORT_TIMES | {
            # Nodes that the test plays send one heartbeat each, and must not be lost for that.
            "IDLEGRID_LEASE_SECONDS": "60",
            "IDLEGRID_FAILED_AUTH_LIMIT": "100000/minute",
            "IDLEGRID_REDIS_URL": self.redis.url,
            "IDLEGRID_DATABASE_URL": database_url,
            "IDLEGRID_AUTH": "required",
            "IDLEGRID_TRUSTED_PROXIES": "127.0.0.1",
            "IDLEGRID_TOKEN_KEY_FILE": str(folder / "token.key"),
        }
        self.programs = [self._coordinator(number, port) for number, port in enumerate(ports, 1)]
        self.nginx = Nginx(folder, int(self.front_url.rpartition(":")[2]), ports)
        self.workers = [
            self._beside("control", "idlegrid_server.queue.workers", "control"),
            self._beside("webhooks", "idlegrid_server.queue.workers", "webhooks"),
            self._beside("waker", "idlegrid_server.queue.waker"),
        ]
        self.nodes: list[Program] = []
        self.urls = [f"http://127.0.0.1:{port}" for port in ports]
        self.pool = ThreadPoolExecutor(32)

    def _coordinator(self, number: int, port: int) -> Program:
        words = ("idlegrid", "serve", "--port", str(port), "--data", str(self.folder / f"data-{number}"))
        return self._beside(f"coordinator-{number}", *words)

    def _beside(self, name: str, *module: str) -> Program:
        return Program(name, self.folder, [sys.executable, "-m", *module], self.settings)

    def start(self) -> "Coordinators":
        """All parts; returns when each answers."""
        self.redis.start()
        self.key = self.keys("create", "--name", "operator", "--scope", "admin")
        self.one, self.other = (Caller(url, self.key) for url in self.urls)
        self.front = Caller(self.front_url, self.key)
        for program in (*self.programs, self.nginx, *self.workers):
            program.start()
        for program, caller in (*zip(self.programs, (self.one, self.other), strict=True), (self.nginx, self.front)):
            self.wait_for(program, caller)
        self._start_nodes()
        return self

    def wait_for(self, program: Program, caller: Caller) -> None:
        def look() -> bool:
            assert program.runs, f"{program.name} has ended:\n{program.printed()[-2000:]}"
            return caller.answers()

        eventually(look, f"{program.name} answers")

    def keys(self, *words: str) -> str:
        """A key as an operator makes the first ones: by the command, whose last word it is."""
        command = [sys.executable, "-m", "idlegrid", "keys", *words, "--data", str(self.folder / "data-1")]
        environment = clean_environment() | self.settings
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout.split()[-1]

    def _start_nodes(self) -> None:
        token = self.keys("join", "--uses", str(NODES))
        for number in range(1, NODES + 1):
            self.nodes.append(self._node(f"node-{number}", token))
            self.nodes[-1].start()
        names = {node.name for node in self.nodes}
        eventually(lambda: names <= {w["id"] for w in self.front.nodes() if w["status"] == "active"}, "all nodes join")

    def _node(self, name: str, token: str) -> Program:
        argv = [sys.executable, "-m", "idlegrid", "node", "--server", self.front_url, "--profile", "always"]
        argv += ["--name", name, "--data", str(self.folder / "nodes" / name), "--slots", str(SLOTS), "--labels", name]
        return Program(
            name, self.folder, argv, {"IDLEGRID_NODE_SLOT_UID": str(next(slot_uids)), "IDLEGRID_JOIN": token}
        )

    def close(self) -> None:
        with contextlib.ExitStack() as stack:
            stack.callback(self.redis.kill)
            stack.callback(self.pool.shutdown)
            for program in (self.nginx, *self.programs, *self.workers, *self.nodes):
                stack.callback(program.close)

    # --- what the tests ask ---

    def leader(self) -> Program:
        """Which coordinator says last that it keeps house."""

        def look() -> Program | None:
            return next((program for program in self.programs if program.runs and keeps_house(program)), None)

        return eventually(look, "a coordinator keeps house")

    def leases_by_coordinator(self) -> dict[str, int]:
        """How many answers with work nodes had from each."""
        counted: dict[str, int] = {}
        for access in self.nginx.accesses():
            if access["path"] in ("/internal/task", "/internal/result") and int(access["bytes"]) >= WITH_WORK:
                counted[access["to"]] = counted.get(access["to"], 0) + 1
        return counted

    def joined(self, at: Caller, name: str) -> None:
        """A node that the test plays sends a heartbeat, which carries its name as a label."""
        words = {"node_id": name, "status": "idle", "hostname": name, "slots": 1, "labels": [name], "joins": True}
        more = {"resources": {"cpu_cores": 1, "memory_mb": 1024}, "sandbox": {"level": 4}, "task_types": ["python"]}
        at.get("/internal/heartbeat", words | more)

    def poll(self, at: Caller, name: str, slots: int = 1) -> Poll:
        """Its poll, which is open when this returns: it was ended by, or has ended, another one there."""
        self.joined(at, name)
        path = f"/internal/task?node_id={name}&wait={POLL_SECONDS}&slots={slots}"

        def open_one() -> Poll | None:
            """Of two polls of a node the one that came later stays; both end when its terms have just changed."""
            two = [self.pool.submit(at.get, path) for _ in range(2)]
            eventually(lambda: any(poll.done() for poll in two), "one poll ends the other")
            return next((Poll(at, name, poll) for poll in two if not poll.done()), None)

        return eventually(open_one, f"{name} has a poll open")

    def take(self, at: Caller, name: str, wait: int = 0) -> list[Json]:
        """What it is given within so many seconds."""
        return list(at.get(f"/internal/task?node_id={name}&wait={wait}&slots=1")["attempts"])

    def report(self, at: Caller, name: str, attempt: Json) -> Json:
        """It says that the attempt has completed."""
        words = {"run": attempt["run"], "lease_id": attempt["lease_id"], "outcome": "completed", "result": name}
        return at.get("/internal/result", {"node_id": name, **words, "exit_code": 0, "sandbox": 4})


def keeps_house(program: Program) -> bool:
    """Whether the last thing that it said of it is that it does."""
    said = [line for line in program.printed().splitlines() if '"action": "lead"' in line]
    return bool(said) and bool(json.loads(said[-1])["leads"])


def patient(ask: Callable[[], tuple[int, Any]]) -> Callable[[], Any]:
    """The good answer of a call, or None while the grid is in trouble."""

    def once() -> Any:
        try:
            status, answer = ask()
        except (*AWAY, json.JSONDecodeError):
            return None
        return answer if status in (200, 201) else None

    return once
