"""A whole grid as those see it who define tasks: everything through HTTP, and the nodes' processes beside."""

import contextlib
import itertools
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import psutil

from .grids import Caller, Json, Program, Up, eventually, started_node

ENDED = frozenset({"completed", "failed", "aborted"})
"""The task API's words for a run that has ended."""

_numbers = itertools.count(1)


class TaskGrid:
    """`idlegrid up` without nodes of its own; each node that is added has its name as a label."""

    def __init__(self, up: Up, folder: Path) -> None:
        self.caller: Caller = up.caller()
        self.nodes: dict[str, Program] = {}
        self._folder = folder

    def add_nodes(self, **words: Sequence[str]) -> "TaskGrid":
        """Start nodes, by name, and wait until all have joined."""
        for name, more in words.items():
            arguments = ["--labels", f"{name},all", "--slots", "4", *more]
            self.nodes[name] = started_node(self.caller.url, name, self._folder, *arguments)
        for name in words:
            eventually(lambda name=name: self._is_active(name), f"{name} has joined")
        return self

    def _is_active(self, name: str) -> bool:
        assert self.nodes[name].runs, self.nodes[name].printed()[-2000:]
        return any(worker["id"] == name and worker["status"] == "active" for worker in self.caller.nodes())

    def close(self) -> None:
        for node in self.nodes.values():
            node.close()

    def ask(self, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, Any]:
        """The status, and the answer's data or error."""
        status, answer = self.caller.ask(path, body, method=method, **headers)
        return status, answer["data"] if answer["success"] else answer["error"]

    def done(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        """The data of a good answer."""
        status, answer = self.ask(method, path, body, **headers)
        assert status in (200, 201), f"{method} {path}: {status} {answer}"
        return answer

    def make(self, code: str = "", **words: Any) -> Json:
        """A new task under a name that is free."""
        usual = {"name": f"task-{next(_numbers)}", "task_type": "python", "executor": "any", "command": "python"}
        more = {"retry_count": 0} | ({"code": code} if code else {})
        return self.done("POST", "/api/tasks", usual | more | words)

    def shell(self, command: str, **words: Any) -> Json:
        return self.make(task_type="shell", command=command, **words)

    def trigger(self, task: Json, body: Any = None, **headers: str) -> int:
        """A run of it."""
        return int(self.done("POST", f"/api/tasks/{task['id']}/trigger", body or {}, **headers)["run_id"])

    def run(self, run: int) -> Json:
        return self.done("GET", f"/api/runs/{run}")

    def runs_of(self, task: Json) -> list[Json]:
        """Oldest first."""
        return self.done("GET", f"/api/runs?task_id={task['id']}&size=200&order=asc")["items"]

    def ended(self, run: int) -> Json:
        """The run, when it has ended."""
        return self.when(run, lambda shown: shown["status"] in ENDED, "has ended")

    def running(self, run: int) -> Json:
        """The run, when it is on a node."""
        return self.when(run, lambda shown: shown["status"] == "running", "is on a node")

    def when(self, run: int, condition: Any, words: str) -> Json:
        def look() -> Json | None:
            shown = self.run(run)
            return shown if condition(shown) else None

        return eventually(look, f"run {run} {words}")

    def result(self, task: Json, body: Any = None) -> str:
        """What a run of it prints; fails when it does not complete."""
        shown = self.ended(self.trigger(task, body))
        assert shown["status"] == "completed", (shown["error_message"], shown["reason"])
        return str(shown["result"])

    def guests(self, mark: str, *names: str) -> list[psutil.Process]:
        """All processes under these nodes (or any) that have the mark among their words."""
        nodes = [self.nodes[name] for name in names or self.nodes]
        return [process for node in nodes for process in node.below() if mark in _words(process)]


def _words(process: psutil.Process) -> list[str]:
    with contextlib.suppress(psutil.Error):
        return process.cmdline()
    return []


@contextlib.contextmanager
def task_grid(up: Up, folder: Path, **nodes: Sequence[str]) -> Iterator[TaskGrid]:
    """A grid with these nodes; they are ended with it."""
    grid = TaskGrid(up, folder)
    try:
        yield grid.add_nodes(**nodes)
    finally:
        grid.close()
