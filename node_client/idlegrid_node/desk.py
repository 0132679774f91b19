"""What the running node tells its owner, and what the owner may tell it: the other end of `control.ask`."""

import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from idlegrid.errors import IdlegridError
from idlegrid_node import __version__
from idlegrid_node.crew import Crew
from idlegrid_node.errors import NodeError
from idlegrid_node.pause import PauseKeeper
from idlegrid_node.probes.reading import Reading
from idlegrid_node.ran import Ran
from idlegrid_node.reclaims import Reclaims
from idlegrid_node.runner import Runner
from idlegrid_node.sandbox.selftest import Standing
from idlegrid_node.settings import Settings

Json = dict[str, Any]


class Contact:
    """Whether the coordinator answered the last heartbeat, and when it last did."""

    def __init__(self, server: str, clock: Callable[[], float] = time.time) -> None:
        self._server, self._clock = server, clock
        self._answered_at: float | None = None
        self._error = "it has not been asked yet"

    @contextmanager
    def noting(self) -> Iterator[None]:
        """Note how the call in the block went; what it raises goes on."""
        try:
            yield
        except IdlegridError as error:
            self._error = str(error)
            raise
        self._answered_at, self._error = self._clock(), ""

    def as_json(self) -> Json:
        """Return it by the names of `idlegrid node status --json`."""
        return {
            "url": self._server,
            "reachable": not self._error,
            "answered_at": self._answered_at,
            "error": self._error,
        }


@dataclass(frozen=True)
class Parts:
    """What the desk looks at. `standing` and `readings` are asked anew each time."""

    settings: Settings
    crew: Crew
    pause: PauseKeeper
    ran: Ran
    contact: Contact
    reclaims: Reclaims
    standing: Callable[[], Standing]
    readings: Callable[[], Mapping[str, Reading]]


class Desk:
    """Answers the verbs. Nothing here waits for the coordinator or for a probe."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._started_at = time.time()

    def answer(self, question: Json) -> Json:
        """Answer `status`, `doctor`, `pause` (`until`: an epoch time or null) or `resume`. Raises `NodeError`."""
        match question.get("verb"):
            case "status":
                return self.status()
            case "doctor":
                return {**self.status(), "readings": readings_as_json(self._parts.readings())}
            case "pause":
                until = question.get("until")
                return self._paused(lambda: self._parts.pause.begin(None if until is None else float(until)))
            case "resume":
                return self._paused(self._parts.pause.end)
        raise NodeError(f"this node knows no {question.get('verb')!r}: it is of version {__version__}")

    def status(self) -> Json:
        """Return `idlegrid node status --json`."""
        parts, position, pause = self._parts, self._parts.crew.position, self._parts.pause.pause
        return {
            "running": True,
            "node_id": parts.settings.node_id,
            "pid": os.getpid(),
            "version": __version__,
            "started_at": self._started_at,
            "profile": parts.settings.policy.profile,
            "state": position.state.value,
            "reason": position.reason,
            "signal": position.signal,
            "signal_age_s": round(position.age_s, 1),
            "why": position.why,
            "since": parts.crew.since,
            "pause": pause and pause.as_json(),
            "runs": [_run(runner) for runner in parts.crew.runners()],
            "today": parts.ran.today().as_json(),
            "reclaims": parts.reclaims.as_json(),
            "coordinator": parts.contact.as_json(),
            "sandbox": parts.standing().as_json(),
        }

    def _paused(self, do: Callable[[], None]) -> Json:
        warning = ""
        try:
            do()
        except OSError as error:
            warning = f"it holds now, but a restart of the node will not know of it: {error}"
        pause = self._parts.pause.pause
        return {"pause": pause and pause.as_json(), "warning": warning}


def _run(runner: Runner) -> Json:
    lease = runner.lease
    return {
        "run": lease.run,
        "number": lease.number,
        "lease_id": lease.lease_id,
        "submitter": lease.submitter,
        "task_type": lease.task_type,
        "since": runner.since,
        "state": runner.state,
        "usage": runner.usage(),
    }


def readings_as_json(seen: Mapping[str, Reading]) -> Json:
    """Return what probes answered, by name, with its age in seconds."""
    now = time.monotonic()
    return {
        name: {
            "value": reading.value,
            "why": reading.why,
            "absent": reading.absent,
            "age_s": round(now - reading.at, 1),
        }
        for name, reading in seen.items()
    }
