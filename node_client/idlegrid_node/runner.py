"""One attempt, from its lease to its report."""

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from idlegrid.errors import IdlegridError
from idlegrid_node.checkpoints import CheckpointStore
from idlegrid_node.errors import CheckpointUnavailable, FilesChanged
from idlegrid_node.outcome import judge, result_text
from idlegrid_node.output import LogBook
from idlegrid_node.sandbox.backend import Backend
from idlegrid_node.sandbox.checkpoint import Checkpoints
from idlegrid_node.sandbox.ending import Ending
from idlegrid_node.sandbox.execution import Execution
from idlegrid_node.sandbox.files import FilesOut
from idlegrid_node.sandbox.job import FileIn
from idlegrid_node.sandbox.limits import Host, Watcher
from idlegrid_node.sandbox.meter import Usage
from idlegrid_node.sandbox.pool import Pool
from idlegrid_node.sandbox.series import Point
from idlegrid_node.taskfiles import TaskFiles
from idlegrid_node.wire import Lease
from idlegrid_node.work import HTTP, job_of

LAST_LOG_CHARACTERS = 256 * 1024
"""How much unacknowledged log a report carries; the result itself goes beside it, whole."""

LAST_SECONDS = 10.0
"""How long an attempt's end waits for the checkpoint that is being sent: two at a time could arrive in either order."""
LEAVING_SECONDS = 1.0
"""The same where the node itself leaves, which it does within 5 s."""
POINTS_FROM_SECONDS = 2.0
"""A shorter attempt tells nothing of what it used when."""
POINTS_EVERY_SECONDS = 30.0
"""How often heartbeats tell it."""
GOES_ON = {"evicted", "returned", "crashed"}
"""The outcomes after which there is another attempt, which wants the checkpoint."""

LEFT_OUT = "idlegrid: {} of the things in ./out were left out: only regular files, 100 of them, 50 MB in all\n"

Report = dict[str, Any]
"""As `docs/protocol.md` has it, and what goes before it: `files` (`name`, and `path` on this machine), `checkpoint` (a
path on this machine, absent when there is none to be sent).
"""


@dataclass(frozen=True)
class Workshop:
    """What all attempts of a node share: waiting sandboxes, the machine's limits, a folder for files that come out,
    the tasks' files that go in, checkpoints both ways, and where an `http` run may go.
    """

    pool: Pool
    host: Host
    folder: Path
    task_files: TaskFiles
    checkpoints: CheckpointStore
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
        self._checkpoints = workshop.checkpoints
        self._sender = workshop.checkpoints.sender(lease)
        backend = backend.bare if lease.task_type == HTTP else backend
        self._level = backend.level
        self._chatter = chatter
        job = job_of(lease, workshop.network)
        self._watcher = Watcher(job.limits, workshop.host)
        self._points_due = 0.0
        self.files = FilesOut(workshop.folder / lease.lease_id)
        self._execution = Execution(
            lambda: workshop.pool.take(backend, job.limits.disk_mb),
            job,
            self._watcher,
            self.files,
            checkpoints=Checkpoints(workshop.checkpoints.of(lease), self._sender.taken, self._complain),
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
        self._execution.stop(cause)
        self._stopping.set()

    def evict(self, reason: str, grace_s: float) -> None:
        """Let it end within `grace_s` seconds, evicted for the ladder's `reason`; one-way (see `Execution.evict`)."""
        # In this order: what is not fetched any more must not be missed by code that begins.
        self._execution.evict(f"evicted:{reason}", grace_s)
        self._stopping.set()

    def run(self) -> Report | None:
        """Run it and say how it went."""
        started = time.time()
        try:
            files = self._fetch()
        except CheckpointUnavailable as error:
            return returned(self.lease, "checkpoint_unavailable", str(error))
        except FilesChanged as error:
            return returned(self.lease, "files_changed", str(error))
        except IdlegridError as error:
            return returned(self.lease, "files_unavailable", f"the task's files could not be fetched: {error}")
        return self._with_checkpoint(self._run(files, started))

    def _with_checkpoint(self, report: Report | None) -> Report | None:
        """Add to a report the checkpoint that has to go before it, if there is one; else forget all there were."""
        wanted = report is not None and report["outcome"] in GOES_ON
        leaving = report is not None and report["reason"] == "shutdown"
        last = self._sender.last(wanted=wanted, seconds=LEAVING_SECONDS if leaving else LAST_SECONDS)
        return report if report is None or last is None else {**report, "checkpoint": str(last)}

    def _fetch(self) -> list[FileIn]:
        """Return what has to lie there before the start; perhaps not all of it when it is stopped meanwhile."""
        try:
            return [
                *self._task_files.fetch(self.lease, self._stopping),
                *self._checkpoints.fetch(self.lease, self._stopping),
            ]
        except IdlegridError:
            if self._stopping.is_set():
                return []
            raise

    def _run(self, files: list[FileIn], started: float) -> Report | None:
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

    def untold_points(self) -> list[Point]:
        """Return what it used over time, where that is to be told again; else nothing."""
        due = self._execution.elapsed() >= POINTS_FROM_SECONDS and time.monotonic() >= self._points_due
        return self._watcher.series.points if due else []

    def points_told(self) -> None:
        """The coordinator has them: there is time for the next."""
        self._points_due = time.monotonic() + POINTS_EVERY_SECONDS

    def held_mb(self, allowed_mb: float) -> float:
        """Return the memory that it holds now, in MB; exactly where that may be more than is allowed."""
        return self._execution.held_mb(allowed_mb)

    def reclaim(self, mb: float) -> float:
        """Let the kernel take so many MB of one that stands, wait for it, and return how many it took."""
        return self._execution.reclaim(mb)

    def release(self) -> None:
        """Free the memory of one that is being killed, at once."""
        self._execution.release()

    @property
    def cpu_seconds(self) -> float:
        """CPU seconds used so far, as last measured."""
        return self._execution.usage().cpu_seconds

    def _heard(self, stream: str, data: bytes) -> None:
        if self.logs.add(stream, data, time.time()):
            self._chatter()

    def _complain(self, sentence: str) -> None:
        self._heard("stderr", sentence.encode())

    def _report(self, ending: Ending, started: float) -> Report:
        verdict = judge(ending, self.lease)
        points = self._watcher.series.points if ending.wall_seconds >= POINTS_FROM_SECONDS else []
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
            **told_points(points),
        }


def told_points(points: Sequence[Point]) -> dict[str, Sequence[Point]]:
    """Return the protocol's `usage_points`, where there are any."""
    return {"usage_points": points} if points else {}


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
