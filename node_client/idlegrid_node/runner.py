"""One attempt, from its lease to its report."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from idlegrid.errors import IdlegridError
from idlegrid_node.errors import FilesChanged
from idlegrid_node.outcome import judge, result_text
from idlegrid_node.output import LogBook
from idlegrid_node.sandbox.backend import Backend
from idlegrid_node.sandbox.execution import Ending, Execution
from idlegrid_node.sandbox.files import FilesOut
from idlegrid_node.sandbox.limits import Host, Watcher
from idlegrid_node.sandbox.meter import Usage
from idlegrid_node.sandbox.pool import Pool
from idlegrid_node.taskfiles import TaskFiles
from idlegrid_node.wire import Lease
from idlegrid_node.work import HTTP, job_of

LAST_LOG_CHARACTERS = 256 * 1024
"""How much unacknowledged log a report carries; the result itself goes beside it, whole."""

LEFT_OUT = "idlegrid: {} of the things in ./out were left out: only regular files, 100 of them, 50 MB in all\n"

Report = dict[str, Any]
"""As `docs/protocol.md` has it, and `files`: what goes before it (`name`, and `path` on this machine)."""


@dataclass(frozen=True)
class Workshop:
    """What all attempts of a node share: waiting sandboxes, the machine's limits, a folder for files that come out,
    the tasks' files that go in, and where an `http` run may go.
    """

    pool: Pool
    host: Host
    folder: Path
    task_files: TaskFiles
    network: str = "none"


class Runner:
    """Runs one lease. `run` blocks and returns the report (None: report nothing); others may call the rest.

    `chatter` is called when there is new output, `changed` when it stands still (True) or goes on.
    """

    def __init__(
        self,
        lease: Lease,
        server_id: str,
        workshop: Workshop,
        backend: Backend,
        chatter: Callable[[], None],
        changed: Callable[[bool], None],
    ) -> None:
        self.lease = lease
        self.server_id = server_id
        self.logs = LogBook()
        self.since = time.time()
        self._stopping = threading.Event()
        self._task_files = workshop.task_files
        backend = backend.bare if lease.task_type == HTTP else backend
        self._level = backend.level
        self._chatter = chatter
        job = job_of(lease, workshop.network)
        self.files = FilesOut(workshop.folder / lease.lease_id)
        self._execution = Execution(
            lambda: workshop.pool.take(backend, job.limits.disk_mb),
            job,
            Watcher(job.limits, workshop.host),
            self.files,
            sink=self._heard,
            changed=lambda: changed(self._execution.frozen),
        )

    @property
    def state(self) -> str:
        """The protocol's word: `running`, `frozen`, or `stopping` (it has ended, or is being ended)."""
        if self._stopping.is_set():
            return "stopping"
        return "frozen" if self._execution.frozen else "running"

    def freeze(self, reason: str) -> None:
        """Let it stand still, or if that cannot be had, end as evicted for `reason`."""
        self._execution.freeze(f"evicted:{reason}")

    def thaw(self) -> None:
        """Let it go on."""
        self._execution.thaw()

    def stop(self, cause: str) -> None:
        """End it: `cancelled`, `lease_gone`, `shutdown` or `evicted:` and the ladder's reason."""
        self._stopping.set()
        self._execution.stop(cause)

    def run(self) -> Report | None:
        """Run it and say how it went."""
        started = time.time()
        try:
            files = self._task_files.fetch(self.lease, self._stopping)
        except FilesChanged as error:
            return returned(self.lease, "files_changed", str(error))
        except IdlegridError as error:
            if not self._stopping.is_set():
                return returned(self.lease, "files_unavailable", f"the task's files could not be fetched: {error}")
            files = []
        ending = self._execution.run(files)
        self._stopping.set()
        if ending.files_left_out:
            self._heard("stderr", LEFT_OUT.format(ending.files_left_out).encode())
        for stream in ("stdout", "stderr"):
            self.logs.add(stream, b"", time.time(), final=True)
        if ending.cause:  # it was ended before they were whole
            self.files.discard()
        if ending.cause == "lease_gone":
            return None
        return self._report(ending, started)

    def close(self) -> None:
        """Wait until nothing of it is left. By the thread that ran it."""
        self._execution.close()

    def usage(self) -> dict[str, float]:
        """Return the protocol's `usage` so far."""
        return _usage(self._execution.usage(), self._execution.elapsed())

    @property
    def cpu_seconds(self) -> float:
        """CPU seconds used so far, as last measured."""
        return self._execution.usage().cpu_seconds

    def _heard(self, stream: str, data: bytes) -> None:
        if self.logs.add(stream, data, time.time()):
            self._chatter()

    def _report(self, ending: Ending, started: float) -> Report:
        verdict = judge(ending, self.lease)
        return {
            "run": self.lease.run,
            "lease_id": self.lease.lease_id,
            "outcome": verdict.outcome,
            "reason": verdict.reason,
            "result": result_text(ending.out.text()),
            "error": verdict.error,
            "exit_code": verdict.exit_code,
            "truncated": ending.out.truncated,
            "usage": _usage(ending.used, ending.wall_seconds),
            "sandbox": self._level if ending.begun else 0,
            "started_at": started,
            "finished_at": time.time(),
            "logs": self.logs.last(LAST_LOG_CHARACTERS),
            "files": [{"name": file.name, "path": str(file.path)} for file in self.files.files],
        }


def returned(lease: Lease, reason: str, error: str = "the node could not start it") -> Report:
    """Return the report of an attempt that this node did not start."""
    now = time.time()
    return {
        "run": lease.run,
        "lease_id": lease.lease_id,
        "outcome": "returned",
        "reason": reason,
        "result": "",
        "error": error,
        "exit_code": None,
        "truncated": False,
        "usage": _usage(Usage(), 0.0),
        "sandbox": 0,
        "started_at": now,
        "finished_at": now,
        "logs": [],
    }


def _usage(used: Usage, wall_seconds: float) -> dict[str, float]:
    return {
        "cpu_seconds": round(used.cpu_seconds, 3),
        "wall_seconds": round(wall_seconds, 3),
        "max_memory_mb": round(used.memory_mb, 1),
        "processes": used.processes,
    }
