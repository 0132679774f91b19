"""`workbench.py LEVEL UID`: jobs in the best sandbox up to a level, without a node around them.

One job for each line of JSON on stdin: `code` or `command`, `given` (whether the newest checkpoint so far is laid
there), `on` (what to do at which event: `{"printed up": ["evict", 20]}`), and `bytes`, the size from which on a
checkpoint counts as `drafting`. Answered by a line: `cause`, `status`, `events`, `stderr`, and `kept`, the files of the
newest checkpoint by name, long ones as their length. The first line says the level and why there is no better one.
Nothing here is decided by time: the job's own orders are given as soon as an event was seen.
"""

import json
import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from idlegrid_node.sandbox import freezer, interpreters
from idlegrid_node.sandbox.backend import Backend
from idlegrid_node.sandbox.checkpoint import Checkpoints, files_of
from idlegrid_node.sandbox.cores import Placement
from idlegrid_node.sandbox.execution import Execution
from idlegrid_node.sandbox.files import FilesOut
from idlegrid_node.sandbox.floor import HostFloor
from idlegrid_node.sandbox.job import FileIn, Job, Limits, Way
from idlegrid_node.sandbox.limits import Host, Watcher
from idlegrid_node.sandbox.sandbox import Sandbox
from idlegrid_node.sandbox.selftest import Means, choose
from idlegrid_node.sandbox.users import SlotUsers

PATIENCE = 60.0
SHORT = 100
"""Bytes; what is longer is answered by its length."""

Json = dict[str, Any]


class Story:
    """One job, its events, and what has to be done at each of them."""

    def __init__(self, backend: Backend, folder: Path, asked: Json) -> None:
        self.events: list[str] = []
        self.newest: Path | None = None
        self._on = {event: tuple(words) for event, words in asked.get("on", {}).items()}
        self._drafting = asked.get("bytes", 0)
        self._printed, self._stderr = b"", ""
        self._execution = Execution(
            lambda: Sandbox(backend, limits.disk_mb),
            _job(asked, limits := Limits(timeout=PATIENCE)),
            Watcher(limits, Host(HostFloor(0.0), Placement())),
            FilesOut(folder / "files"),
            checkpoints=Drafts(folder, self),
            sink=self._heard,
            changed=lambda: self.note("frozen" if self._execution.frozen else "thawed"),
        )

    def run(self, given: list[FileIn]) -> Json:
        try:
            ending = self._execution.run(given)
        finally:
            self._execution.close()
        return {"cause": ending.cause, "status": ending.status, "events": self.events, "stderr": self._stderr}

    def note(self, event: str) -> None:
        self.events.append(event)
        if event in self._on:
            order, *words = self._on.pop(event)
            getattr(self._execution, order)(*words)

    def came(self, size: int) -> None:
        if self._drafting and size >= self._drafting:
            self._drafting = 0
            self.note("drafting")

    def taken(self, path: Path, _size: int) -> None:
        self.newest = path
        self.note("taken")

    def complain(self, sentence: str) -> None:
        self._stderr += sentence

    def _heard(self, stream: str, data: bytes) -> None:
        if stream == "stderr":
            self._stderr += data.decode()
            return
        *lines, self._printed = (self._printed + data).split(b"\n")
        for line in lines:
            self.note(f"printed {line.decode()}")


class Drafts(Checkpoints):
    """The product's own, which also tell how far they are."""

    def __init__(self, folder: Path, story: Story) -> None:
        super().__init__(folder, story.taken, story.complain)
        self._story, self._size = story, 0

    def add(self, data: bytes) -> None:
        super().add(data)
        self._size += len(data)
        self._story.came(self._size)


def _job(asked: Json, limits: Limits) -> Job:
    if "command" in asked:
        return Job("", limits=limits, way=Way.SHELL, argv=(asked["command"],))
    return Job(asked["code"], limits=limits)


def _shown(files: list[FileIn]) -> Iterator[tuple[str, str | int]]:
    for file in files:
        name = file.name.partition("/checkpoint/")[2]
        yield name, len(file.content) if len(file.content) > SHORT else bytes(file.content).decode()


def main() -> None:
    """See the module."""
    level, uid = int(sys.argv[1]), int(sys.argv[2])
    freezer.ACK_SECONDS = PATIENCE  # that it is in time is measured elsewhere; here it is the order that counts
    staged, users = interpreters.stage(), SlotUsers(uid) if os.geteuid() == 0 else None
    standing = choose(Means(staged, users, max_level=level, trust_submitters=level == 1))
    print(json.dumps(standing.as_json()), flush=True)
    with tempfile.TemporaryDirectory() as folder:
        newest: Path | None = None
        for number, line in enumerate(sys.stdin):
            asked = json.loads(line)
            story = Story(standing.backend, Path(folder) / str(number), asked)
            answer = story.run(files_of(newest) if asked.get("given") and newest else [])
            newest = story.newest or newest
            kept = files_of(newest) if newest else []
            print(json.dumps({**answer, "kept": dict(_shown(kept))}), flush=True)


if __name__ == "__main__":
    main()
