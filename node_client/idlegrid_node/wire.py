"""The node protocol's words as Python: what the coordinator answers. Pure; `docs/protocol.md` is the contract."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class TaskFile:
    """A file that has to lie in the working folder; `size` in bytes, `sha256` in hex digits."""

    name: str
    size: int
    sha256: str

    @classmethod
    def read(cls, raw: Mapping[str, Any]) -> "TaskFile":
        """Read one of an attempt's `files`. Raises KeyError, TypeError or ValueError if it is none."""
        return cls(str(raw["name"]), int(raw["size"]), _digest(str(raw["sha256"])))


@dataclass(frozen=True)
class Lease:
    """An attempt of a run, given to this node. Times in seconds, memory in MB, cpu in cores.

    `request` is what an `http` run adds to its URL, which is the `command`; `trace_id` says what caused the run, and
    stands in the log with all that becomes of it.
    """

    run: str
    lease_id: str
    code: str
    parameters: Mapping[str, Any] = field(default_factory=dict)
    timeout: float = 300.0
    cpu: float = 1.0
    memory_mb: int = 512
    task_type: str = "python"
    number: int = 1
    task_id: int = 0
    command: str = ""
    arguments: tuple[str, ...] = ()
    files: tuple[TaskFile, ...] = ()
    request: Mapping[str, Any] = field(default_factory=dict)
    trace_id: str = ""
    submitter: str = ""
    checkpoint: TaskFile | None = None
    """The archive that an earlier attempt left."""

    @classmethod
    def read(cls, raw: Mapping[str, Any]) -> "Lease":
        """Read one of an answer's `attempts`. Raises KeyError, TypeError or ValueError if it is none."""
        resources = raw.get("resources") or {}
        return cls(
            run=str(raw["run"]),
            lease_id=str(raw["lease_id"]),
            code=str(raw.get("code") or ""),
            parameters=dict(raw.get("parameters") or {}),
            timeout=float(raw.get("timeout") or 300.0),
            cpu=float(resources.get("cpu") or 1.0),
            memory_mb=int(resources.get("memory") or 512),
            task_type=str(raw.get("task_type") or "python"),
            number=int(raw.get("number") or 1),
            task_id=int(raw.get("task_id") or 0),
            command=str(raw.get("command") or ""),
            arguments=tuple(map(str, raw.get("arguments") or ())),
            files=tuple(map(TaskFile.read, raw.get("files") or ())),
            request=dict(raw.get("request") or {}),
            trace_id=str(raw.get("trace_id") or ""),
            submitter=str(raw.get("submitter") or ""),
            checkpoint=_checkpoint(raw.get("checkpoint")),
        )


@dataclass(frozen=True)
class Order:
    """What the coordinator wants done: `stop` (of one attempt), `drain`, `resume`, `leave`."""

    kind: str
    run: str = ""
    lease_id: str = ""
    reason: str = ""


@dataclass(frozen=True)
class Answer:
    """Any answer of the node protocol; what it did not carry is empty."""

    server_id: str = ""
    leases: tuple[Lease, ...] = ()
    orders: tuple[Order, ...] = ()
    results: tuple[Mapping[str, Any], ...] = ()
    heartbeat_seconds: float = 10.0
    policy: Mapping[str, Any] = field(default_factory=dict)
    """What the operator wants of the owner's policy."""

    @classmethod
    def read(cls, raw: Any) -> "Answer":
        """Read an answer's JSON. Raises KeyError, TypeError or ValueError if it is none."""
        return cls(
            server_id=str(raw.get("server_id") or ""),
            leases=tuple(map(Lease.read, raw.get("attempts") or ())),
            orders=tuple(map(_order, raw.get("orders") or ())),
            results=tuple(raw.get("results") or ()),
            heartbeat_seconds=float(raw.get("heartbeat_seconds") or 10.0),
            policy=dict(raw.get("policy") or {}),
        )


def _digest(text: str) -> str:
    """Return a SHA-256 in hex digits: it becomes a file's name. Raises ValueError."""
    if len(bytes.fromhex(text)) != 32:
        raise ValueError(f"{text!r} is no SHA-256")
    return text.lower()


def _checkpoint(raw: Mapping[str, Any] | None) -> TaskFile | None:
    return TaskFile.read({"name": "checkpoint", **raw}) if raw else None


def _order(raw: Mapping[str, Any]) -> Order:
    return Order(
        *(str(raw.get(name) or "") for name in ("kind", "run", "lease_id", "reason")),
    )
