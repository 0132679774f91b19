"""The calls of the node protocol, and how long to wait when they fail."""

import random
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

from idlegrid.errors import Conflict, NotFound, Unreachable
from idlegrid.session import Session
from idlegrid_node.slots import Room
from idlegrid_node.wire import Answer, Lease, TaskFile

POLL_SECONDS = 25.0
"""How long the coordinator may hold a poll: below the 30 s at which proxies begin to cut."""
MAX_BACKOFF_SECONDS = 60.0
NO_RUN = "00000000-0000-0000-0000-000000000000"
ANSWER_SECONDS = 15.0
CHUNK = 256 * 1024


def _as_it_is(ask: Callable[[], Any]) -> Any:
    return ask()


class Link:
    """One node's line to its coordinator; `keyed` makes each call with the node's key. Safe between threads.

    Every method raises `Unreachable` when there is no sensible answer, an `ApiError` when it is no, and `KeyRefused`
    when the node is not let in.
    """

    def __init__(self, session: Session, node_id: str, keyed: Callable[[Callable[[], Any]], Any] = _as_it_is) -> None:
        self._session = session
        self._keyed = keyed
        self.node_id = node_id

    def heartbeat(self, body: dict[str, Any], timeout: float = ANSWER_SECONDS) -> Answer:
        """Say how the node is."""
        body = {"node_id": self.node_id, **body}
        return _read(self._keyed(lambda: self._session.post("/internal/heartbeat", json=body, timeout=timeout)))

    def poll(self, room: Room, wait: float = POLL_SECONDS) -> Answer:
        """Wait for attempts or orders."""
        params = {"node_id": self.node_id, "wait": wait, **_asked(room)}
        patience = wait + ANSWER_SECONDS
        return _read(self._keyed(lambda: self._session.get("/internal/task", params=params, timeout=patience)))

    def report(
        self, reports: Iterable[dict[str, Any]], room: Room | None = None, timeout: float = ANSWER_SECONDS
    ) -> Answer:
        """Deliver up to 50 reports; with `room`, ask for the next attempts in the same call."""
        body: dict[str, Any] = {"node_id": self.node_id, "results": list(reports)}
        if room is not None:
            body["next"] = _asked(room)
        return _read(self._keyed(lambda: self._session.post("/internal/result", json=body, timeout=timeout)))

    def upload(self, report: dict[str, Any], name: str, content: bytes) -> None:
        """Send a file that an attempt left, before its report."""
        path = f"/internal/files/{quote(report['run'])}/{quote(name)}"
        params = {"node_id": self.node_id, "lease_id": report["lease_id"]}
        self._keyed(lambda: self._session.put(path, content, params=params))

    def task_file(self, lease: Lease, file: TaskFile) -> bytes:
        """Fetch a file of a lease's task; what is larger than the lease said is not read to its end."""
        words = urlencode({"node_id": self.node_id, "lease_id": lease.lease_id})
        path = f"/internal/task-files/{quote(lease.run)}/{quote(file.name)}?{words}"
        return bytes(self._keyed(lambda: self._content(path, file.size)))

    def put_checkpoint(self, run: str, lease_id: str, archive: Path) -> None:
        """Send an attempt's checkpoint, piece by piece. Raises OSError when it cannot be read."""
        params = {"node_id": self.node_id, "lease_id": lease_id}
        headers = {"Content-Length": str(archive.stat().st_size)}
        path = f"/internal/checkpoints/{quote(run)}"
        self._keyed(lambda: self._session.put(path, _Pieces(archive), params=params, headers=headers))

    def checkpoint(self, lease: Lease, checkpoint: TaskFile, archive: Path) -> None:
        """Fetch a lease's checkpoint into a file; what is larger than the lease said is not read to its end.

        Raises OSError when it cannot be written.
        """
        words = urlencode({"node_id": self.node_id, "lease_id": lease.lease_id})
        self._keyed(lambda: self._save(f"/internal/checkpoints/{quote(lease.run)}?{words}", checkpoint.size, archive))

    def _save(self, path: str, size: int, archive: Path) -> None:
        with self._session.stream(path) as pieces, archive.open("wb") as file:
            for piece in pieces:
                file.write(piece)
                if file.tell() > size:
                    break

    def _content(self, path: str, size: int) -> bytearray:
        content = bytearray()
        with self._session.stream(path) as pieces:
            for piece in pieces:
                content += piece
                if len(content) > size:
                    break
        return content

    def knock(self) -> None:
        """Ask for nothing but to be let in: for a file of no run, of which a coordinator says that there is none."""
        with suppress(NotFound, Conflict):
            self.task_file(Lease(NO_RUN, "0" * 32, ""), TaskFile("none", 0, ""))

    def close(self) -> None:
        """Close all connections; calls under way end with `Unreachable`."""
        self._session.close()


class _Pieces:
    """A file's bytes in pieces, from its beginning each time: what broke off is sent again."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __iter__(self) -> Iterator[bytes]:
        with self._path.open("rb") as file:
            while piece := file.read(CHUNK):
                yield piece


class Backoff:
    """1, 2, 4 … 60 seconds, each between half and whole by chance, so that nodes do not come back as one."""

    def __init__(self, rng: random.Random | None = None) -> None:
        self._rng = rng or random.Random()  # noqa: S311 - spreads load, guards nothing
        self._next = 1.0

    def reset(self) -> None:
        """Begin again at 1 s: it worked."""
        self._next = 1.0

    def seconds(self) -> float:
        """Return how long to wait now."""
        delay, self._next = self._next, min(self._next * 2, MAX_BACKOFF_SECONDS)
        return delay * self._rng.uniform(0.5, 1.0)


def _asked(room: Room) -> dict[str, Any]:
    return {"slots": room.slots, "cpu": room.cpu, "memory": room.memory_mb}


def _read(raw: Any) -> Answer:
    try:
        return Answer.read(raw)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise Unreachable(f"the coordinator's answer makes no sense: {error!r}") from error
