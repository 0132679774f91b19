"""A stand-in coordinator that speaks the node protocol over real HTTP, and a real node process beside it.

For tests of the node alone: it leases what it is given, remembers what it is told, and answers long polls
like the real one (a newer poll ends the older).
"""

import contextlib
import hashlib
import json
import os
import signal
import subprocess
import sys
import threading
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import psutil

from .grids import eventually

Json = dict[str, Any]
TASK_FILES = "/internal/task-files/"
CHECKPOINTS = "/internal/checkpoints/"


class StandIn:
    """The coordinator's side. `heartbeats` and `reports` are what came, in order; `files` what each run sent.

    `task_files` is what each run brings, `fetched` the names of those that the node has asked for; so many of the
    next requests for them as `away_for_files` says are not answered. The orders in `always` go with every answer.
    `checkpoints` are those that each run sent, `kept` the one that each run's next attempt gets; `came` says in which
    order checkpoints and reports came.
    """

    def __init__(self) -> None:
        self.server_id = "5eed0001"
        self.heartbeats: list[Json] = []
        self.reports: list[Json] = []
        self.asked: list[tuple[str, int]] = []
        self.files: dict[str, dict[str, bytes]] = {}
        self.task_files: dict[str, dict[str, bytes]] = {}
        self.fetched: list[str] = []
        self.checkpoints: dict[str, list[bytes]] = {}
        self.kept: dict[str, bytes] = {}
        self.came: list[tuple[str, str]] = []
        self.away_for_files = 0
        self.heartbeat_seconds = 2.0
        self.orders: list[Json] = []
        self.always: list[Json] = []
        self.conflicts: set[str] = set()
        self.failing = False
        self.lease_always = False
        self._queue: list[Json] = []
        self._changed = threading.Condition()
        self._poll = 0
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        self.port = self._server.server_port
        self.url = f"http://127.0.0.1:{self.port}"
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def end_polls(self) -> None:
        """Answer the open polls, empty."""
        with self._changed:
            self._poll += 1
            self._changed.notify_all()

    def close(self) -> None:
        self.end_polls()
        self._server.shutdown()
        self._server.server_close()

    def submit(
        self,
        code: str,
        timeout: float = 30.0,
        memory: int = 512,
        *,
        files: Mapping[str, bytes] | None = None,
        served: Mapping[str, bytes] | None = None,
        checkpoint: bytes | None = None,
        **more: Any,
    ) -> Json:
        """Queue a run; returns the attempt as it will be leased.

        `files` are its task's, `served` what is there instead when the node asks for them; `checkpoint` is what an
        earlier attempt left.
        """
        attempt = {
            "task_id": 1,
            "run": str(uuid.uuid4()),
            "lease_id": uuid.uuid4().hex,
            "number": 1,
            "task_type": "python",
            "code": code,
            "parameters": {},
            "timeout": timeout,
            "resources": {"cpu": 1.0, "memory": memory},
            "submitter": "",
            "lease_seconds": 30,
            "files": [_described(name, content) for name, content in (files or {}).items()],
            **more,
        }
        if checkpoint is not None:
            attempt["checkpoint"] = {**_described("", checkpoint), "attempt": 1}
            self.kept.setdefault(attempt["run"], checkpoint)
        self.task_files[attempt["run"]] = dict((files or {}) if served is None else served)
        with self._changed:
            self._queue.append(attempt)
            self._changed.notify_all()
        return attempt

    def order(self, kind: str, attempt: Json | None = None, reason: str = "") -> None:
        """Give an order with the next answer of any kind."""
        named = {name: attempt[name] for name in ("run", "lease_id")} if attempt else {}
        with self._changed:
            self.orders.append({"kind": kind, "reason": reason, **named})
            self._changed.notify_all()

    wait = staticmethod(eventually)

    def report_of(self, attempt: Json, timeout: float = 60.0) -> Json:
        """Wait for an attempt's report."""
        with self._changed:
            found = self._changed.wait_for(lambda: self._found(attempt), timeout)
        assert found, f"waited {timeout:g} s in vain for the report of {attempt['code'][:60]!r}"
        return found

    def run(self, code: str, timeout: float = 30.0, memory: int = 512, **more: Any) -> Json:
        return self.report_of(self.submit(code, timeout, memory, **more), timeout + 60.0)

    def wait_for_status(self, status: str, timeout: float = 45.0) -> Json:
        """Wait until the node's last heartbeat says `status`."""
        return eventually(
            lambda: self.heartbeats and self.heartbeats[-1].get("status") == status and self.heartbeats[-1],
            f"a heartbeat that says {status} (last: {self.heartbeats and self.heartbeats[-1].get('status')})",
            timeout,
        )

    def states_of(self, attempt: Json) -> list[str]:
        """Return what the heartbeats said of an attempt, in order."""
        return [
            held["state"]
            for beat in self.heartbeats
            for held in beat.get("attempts", ())
            if held["lease_id"] == attempt["lease_id"]
        ]

    def logged(self, attempt: Json) -> str:
        """Return the standard output that heartbeats carried for an attempt, each piece once."""
        pieces = {
            piece["seq"]: piece["text"]
            for beat in list(self.heartbeats)
            for held in beat.get("attempts", ())
            if held["lease_id"] == attempt["lease_id"]
            for piece in held.get("logs", ())
            if piece["stream"] == "stdout"
        }
        return "".join(pieces[seq] for seq in sorted(pieces))

    def answer(self, method: str, path: str, query: Json, body: Json) -> tuple[int, Json | bytes]:
        if path.startswith(TASK_FILES):
            return self._task_file(path)
        if path.startswith(CHECKPOINTS):
            content = self.kept.get(path.removeprefix(CHECKPOINTS))
            return (404, {"detail": "no checkpoint"}) if content is None else (200, content)
        if self.failing:
            return 503, {"detail": "away"}
        match method, path:
            case "POST", "/internal/heartbeat":
                self.heartbeats.append(body)
                return 200, {**self._common(), "lease_seconds": 30, "heartbeat_seconds": self.heartbeat_seconds}
            case "GET", "/internal/task":
                return 200, self._long_poll(int(query["slots"]), float(query["wait"]))
            case "POST", "/internal/result":
                return 200, self._results(body)
        return 404, {"detail": "no such path"}

    def keep_file(self, path: str, content: bytes) -> tuple[int, Json]:
        """Take a run's file or its checkpoint; the same name again replaces."""
        if self.failing:
            return 503, {"detail": "away"}
        if path.startswith(CHECKPOINTS):
            self.checkpoints.setdefault(path.removeprefix(CHECKPOINTS), []).append(content)
            self.came.append(("checkpoint", path.removeprefix(CHECKPOINTS)))
            return 200, {"status": "ok"}
        run, _, name = unquote(path).removeprefix("/internal/files/").partition("/")
        self.files.setdefault(run, {})[name] = content
        return 200, {"status": "ok"}

    def _task_file(self, path: str) -> tuple[int, Json | bytes]:
        run, _, name = unquote(path).removeprefix(TASK_FILES).partition("/")
        self.fetched.append(name)
        self.away_for_files -= 1
        if self.away_for_files >= 0:
            return 503, {"detail": "away"}
        content = self.task_files.get(run, {}).get(name)
        return (404, {"detail": "no such file"}) if content is None else (200, content)

    def _common(self) -> Json:
        with self._changed:
            orders, self.orders = [*self.orders, *self.always], []
        return {"status": "ok", "server_id": self.server_id, "orders": orders, "attempts": []}

    def _long_poll(self, slots: int, wait: float) -> Json:
        with self._changed:
            self._poll += 1
            mine = self._poll
            self.asked.append(("poll", slots))
            self._changed.notify_all()
            self._changed.wait_for(
                lambda: self._poll != mine or self.orders or ((slots or self.lease_always) and self._queue),
                timeout=wait,
            )
            superseded = self._poll != mine
            attempts = [] if superseded else self._lease(slots)
        return {**({"orders": []} if superseded else self._common()), "server_id": self.server_id, "attempts": attempts}

    def _results(self, body: Json) -> Json:
        slots = body.get("next", {}).get("slots", 0)
        with self._changed:
            self.reports.extend(body["results"])
            self.came.extend(("report", report["run"]) for report in body["results"])
            self._changed.notify_all()
            attempts = self._lease(slots)
        results = [
            {"run": report["run"], "status": "conflict" if report["lease_id"] in self.conflicts else "ok"}
            for report in body["results"]
        ]
        return {**self._common(), "attempts": attempts, "results": results}

    def _lease(self, slots: int) -> list[Json]:
        count = len(self._queue) if self.lease_always else slots
        given, self._queue = self._queue[:count], self._queue[count:]
        return given

    def _found(self, attempt: Json) -> Json | None:
        return next((r for r in list(self.reports) if r["lease_id"] == attempt["lease_id"]), None)


def _described(name: str, content: bytes) -> Json:
    return {"name": name, "size": len(content), "sha256": hashlib.sha256(content).hexdigest()}


def _handler(stand_in: StandIn) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_GET(self) -> None:
            self._serve({})

        def do_POST(self) -> None:
            self._serve(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))

        def do_PUT(self) -> None:
            content = self.rfile.read(int(self.headers["Content-Length"]))
            self._answer(*stand_in.keep_file(urlsplit(self.path).path, content))

        def _serve(self, body: Json) -> None:
            parts = urlsplit(self.path)
            query = {name: values[0] for name, values in parse_qs(parts.query).items()}
            self._answer(*stand_in.answer(self.command, parts.path, query, body))

        def _answer(self, status: int, answer: Json | bytes) -> None:
            payload = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(payload)))
            self.end_headers()
            self.wfile.write(payload)

        def log_message(self, *_: object) -> None:
            pass

        def handle(self) -> None:
            with contextlib.suppress(ConnectionError, ValueError):  # the node was killed
                super().handle()

    return Handler


class NodeProcess:
    """A real `idlegrid node`."""

    def __init__(
        self,
        url: str,
        folder: Path,
        *arguments: str,
        policy: str = "",
        launcher: Sequence[str] = (),
        settings: Mapping[str, str] | None = None,
    ) -> None:
        """`launcher` are words before the interpreter's; `settings` goes on top of the environment."""
        folder.mkdir(parents=True, exist_ok=True)
        environment = {**os.environ, "PYTHONUNBUFFERED": "1", "IDLEGRID_SECRET_OF_THE_OWNER": "hunter2"}
        for name in ("DISPLAY", "WAYLAND_DISPLAY"):
            environment.pop(name, None)
        environment |= dict.fromkeys(("DBUS_SYSTEM_BUS_ADDRESS", "DBUS_SESSION_BUS_ADDRESS"), "unix:path=/none")
        environment.update(settings or {})
        if policy:
            (folder / "policy.toml").write_text(policy)
            environment["IDLEGRID_NODE_POLICY"] = str(folder / "policy.toml")
        self.log = folder / "node.log"
        with open(self.log, "ab") as log:
            self._popen = subprocess.Popen(
                [*launcher, sys.executable, "-m", "idlegrid_node", "--server", url, *_kept_in(folder), *arguments],
                env=environment,
                stderr=log,
                stdin=subprocess.DEVNULL,
            )
        self.pid = self._popen.pid

    def terminate(self) -> int:
        self._popen.send_signal(signal.SIGTERM)
        return self._popen.wait(30)

    def kill(self) -> None:
        self._popen.kill()
        self._popen.wait(30)

    def send(self, number: int) -> None:
        self._popen.send_signal(number)

    def wait(self, timeout: float = 45.0) -> int:
        return self._popen.wait(timeout)

    @property
    def running(self) -> bool:
        return self._popen.poll() is None

    @property
    def guests(self) -> list[psutil.Process]:
        """All processes below the node that are alive."""
        try:
            below = psutil.Process(self.pid).children(recursive=True)
            return [process for process in below if process.status() != psutil.STATUS_ZOMBIE]
        except psutil.NoSuchProcess:
            return []


def _kept_in(folder: Path) -> list[str]:
    return ["--data", str(folder / "data")]


Launch = Callable[..., NodeProcess]


@contextmanager
def standing_in() -> Iterator[StandIn]:
    stand_in = StandIn()
    try:
        yield stand_in
    finally:
        stand_in.close()


@contextmanager
def launching(stand_in: StandIn, folder: Path) -> Iterator[Launch]:
    """Yield a function that starts nodes; all are ended, and must leave nothing behind."""
    started: list[NodeProcess] = []

    def launch(*arguments: str, policy: str = "", name: str = "node") -> NodeProcess:
        given = arguments or ("--profile", "always")
        started.append(NodeProcess(stand_in.url, folder / name, *given, policy=policy))
        return started[-1]

    launch.folder = folder  # type: ignore[attr-defined]
    try:
        yield launch
    finally:
        for process in started:
            if process.running:
                process.terminate()
