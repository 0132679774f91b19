"""The owner's record of everything that ever ran here: `ran.jsonl` in the data folder, for people to read.

A line at an attempt's start and one at its end, each with all that says what it was. Two files: a full one becomes
`ran.1.jsonl`. Nothing here stops work: what cannot be written is logged once and lost.
"""

import datetime
import hashlib
import json
import os
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import structlog

from idlegrid_node.wire import Lease

log = structlog.get_logger()
FILE, FULL_FILE = "ran.jsonl", "ran.1.jsonl"
MOST_BYTES = 8 * 2**20
"""Of each file: at some 500 bytes a line 16,000 attempts in the two."""
UNREPORTED = "unreported"
"""The outcome of an attempt about which the coordinator wanted no report."""

Line = dict[str, Any]


@dataclass(frozen=True)
class Taken:
    """What attempts took on a day: their number, CPU and wall seconds, and the most memory of one, in MB."""

    attempts: int = 0
    cpu_seconds: float = 0.0
    wall_seconds: float = 0.0
    max_memory_mb: float = 0.0

    def plus(self, usage: dict[str, Any]) -> "Taken":
        """Return it with one more attempt's `usage`."""
        return Taken(
            self.attempts + 1,
            round(self.cpu_seconds + usage.get("cpu_seconds", 0.0), 3),
            round(self.wall_seconds + usage.get("wall_seconds", 0.0), 3),
            max(self.max_memory_mb, usage.get("max_memory_mb", 0.0)),
        )

    def as_json(self) -> dict[str, float]:
        """Return it by its names."""
        return asdict(self)


class Ran:
    """Writes the record. Safe between threads; never raises for a disk that takes nothing."""

    def __init__(self, folder: Path, clock: Callable[[], float] = time.time, most: int = MOST_BYTES) -> None:
        self._folder, self._clock, self._most = folder, clock, most
        self._lock = threading.Lock()
        self._failing = False
        self._day = day_of(clock())
        self._taken = taken(lines(folder), self._day)

    def began(self, lease: Lease) -> None:
        """Note an attempt's start."""
        self._write({"event": "start", **self._about(lease)})

    def ended(self, lease: Lease, outcome: str, reason: str, usage: dict[str, float]) -> None:
        """Note its end, with the protocol's `usage`."""
        line = {"event": "end", **self._about(lease), "outcome": outcome, "reason": reason, "usage": usage}
        self._write(line)
        with self._lock:
            self._taken = self._today().plus(usage)

    def today(self) -> Taken:
        """Return what the attempts that ended today took."""
        with self._lock:
            return self._today()

    def _today(self) -> Taken:
        day = day_of(self._clock())
        if day != self._day:
            self._day, self._taken = day, Taken()
        return self._taken

    def _about(self, lease: Lease) -> Line:
        return {
            "time": round(self._clock(), 3),
            "run": lease.run,
            "number": lease.number,
            "lease_id": lease.lease_id,
            "trace_id": lease.trace_id,
            "submitter": lease.submitter,
            "task_type": lease.task_type,
            "sha256": fingerprint(lease),
        }

    def _write(self, line: Line) -> None:
        with self._lock:
            try:
                _append(self._folder, (json.dumps(line) + "\n").encode(), self._most)
                self._failing = False
            except OSError as error:
                if not self._failing:
                    log.warning("ran_not_written", action="ran", reason=str(error))
                self._failing = True


def fingerprint(lease: Lease) -> str:
    r"""Return the SHA-256 of what is run: the code; of a task's file, that file; else command and arguments.

    These last are joined by NUL: `printf 'COMMAND\0ARGUMENT' | sha256sum` says the same.
    """
    if lease.code or not lease.command:
        return hashlib.sha256(lease.code.encode("utf-8", "surrogatepass")).hexdigest()
    files = {file.name: file.sha256 for file in lease.files}
    if lease.task_type == "python" and lease.command in files:
        return files[lease.command]
    return hashlib.sha256("\0".join((lease.command, *lease.arguments)).encode("utf-8", "surrogatepass")).hexdigest()


def lines(folder: Path) -> Iterator[Line]:
    """Yield the record's lines, the oldest first; what a power cut or a kill -9 tore is left out."""
    for name in (FULL_FILE, FILE):
        try:
            with open(folder / name, encoding="utf-8", errors="replace") as file:
                yield from filter(None, map(_parsed, file))
        except FileNotFoundError:
            continue


def attempts(found: Iterable[Line]) -> list[Line]:
    """Return one line per attempt: its end, or its start where there is no end; each with `began`. Oldest first."""
    known: dict[str, Line] = {}
    for line in found:
        began = known.get(line["lease_id"], line)["time"]
        known[line["lease_id"]] = {**line, "began": began}
    return list(known.values())


def taken(found: Iterable[Line], day: datetime.date) -> Taken:
    """Return what the attempts took that ended on a day."""
    total = Taken()
    for line in found:
        if line["event"] == "end" and day_of(line["time"]) == day:
            total = total.plus(line["usage"])
    return total


def day_of(moment: float) -> datetime.date:
    """Return the day of an epoch time, by the machine's own time zone: the owner's day."""
    return datetime.datetime.fromtimestamp(moment).astimezone().date()


def _append(folder: Path, line: bytes, most: int) -> None:
    path = folder / FILE
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
    try:
        size = os.fstat(fd).st_size
        if size and size + len(line) > most:
            path.replace(folder / FULL_FILE)
            return _append(folder, line, most)
        torn = size and os.pread(fd, 1, size - 1) != b"\n"
        written = b"\n" + line if torn else line
        if os.write(fd, written) != len(written):
            raise OSError("the disk is full")
    finally:
        os.close(fd)


def _parsed(text: str) -> Line | None:
    try:
        line = json.loads(text)
        whole = isinstance(line, dict) and {"event", "time", "lease_id"} <= line.keys()
        return {"usage": {}, **line, "time": float(line["time"])} if whole else None
    except (ValueError, TypeError):
        return None
