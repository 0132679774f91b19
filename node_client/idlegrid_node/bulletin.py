"""What a heartbeat says."""

from collections.abc import Iterable
from typing import Any

from idlegrid_node import machine
from idlegrid_node.crew import Crew
from idlegrid_node.runner import Report, Runner, told_points
from idlegrid_node.sandbox.selftest import Standing
from idlegrid_node.settings import Settings

LOG_CHARACTERS = 256 * 1024
"""How much log one heartbeat carries."""


class Told:
    """What a coordinator knows already of what is said at the start, after a change, and to another coordinator."""

    def __init__(self) -> None:
        self._known: dict[str, Any] = {}
        self._offered: dict[str, Any] = {}
        self._server_id = ""

    def news(self, **facts: Any) -> dict[str, Any]:
        """Return those of the facts that it does not know."""
        self._offered = {name: value for name, value in facts.items() if self.lacks(name, value)}
        return self._offered

    def lacks(self, name: str, value: Any) -> bool:
        """Tell whether it does not know this fact."""
        return name not in self._known or self._known[name] != value

    def heard(self, server_id: str) -> None:
        """The coordinator `server_id` has answered: it knows the last news."""
        self._known = {**(self._known if server_id == self._server_id else {}), **self._offered}
        self._server_id = server_id


def body(settings: Settings, crew: Crew, standing: Standing, kept: Iterable[Report], *, joins: bool) -> dict[str, Any]:
    """Return a heartbeat's body but for `node_id`.

    `kept` are reports that still wait to be delivered; `joins` says that the node has just been started.
    """
    position, offered = crew.position, crew.offered
    python = standing.backend.python.version if standing.backend else machine.python_version()
    return {
        **machine.describe(),
        "joins": joins,
        "status": position.state.value,
        "reason": position.reason,
        "python": python,
        "profile": settings.policy.profile,
        "slots": offered.slots,
        "task_types": list(settings.task_types),
        "labels": list(settings.labels),
        "resources": {"cpu_cores": offered.cpu, "memory_mb": offered.memory_mb},
        "current_load": machine.load(),
        "sandbox": standing.as_json(),
        "attempts": attempts(crew.runners(), kept),
    }


def attempts(runners: Iterable[Runner], kept: Iterable[Report]) -> list[dict[str, Any]]:
    """Return all that the node answers for: what it runs, and what it could not report yet."""
    room = LOG_CHARACTERS
    listed = []
    for runner in runners:
        logs = runner.logs.pending(room) if room > 0 else []
        room -= sum(len(piece["text"]) for piece in logs)
        listed.append(_attempt(runner, logs))
    known = {attempt["lease_id"] for attempt in listed}
    listed += [
        {"run": report["run"], "lease_id": report["lease_id"], "state": "stopping"}
        for report in kept
        if report["lease_id"] not in known
    ]
    return listed


def acknowledge(runners: Iterable[Runner], listed: Iterable[dict[str, Any]]) -> None:
    """Tell no more what a heartbeat has carried: pieces of logs, and for a while what was used over time."""
    sent = {attempt["lease_id"]: attempt for attempt in listed}
    for runner in runners:
        attempt = sent.get(runner.lease.lease_id, {})
        if pieces := attempt.get("logs"):
            runner.logs.acknowledge(pieces[-1]["seq"])
        if "usage_points" in attempt:
            runner.points_told()


def _attempt(runner: Runner, logs: list[dict[str, Any]]) -> dict[str, Any]:
    lease = runner.lease
    return {
        "run": lease.run,
        "lease_id": lease.lease_id,
        "state": runner.state,
        "usage": runner.usage(),
        "logs": logs,
        **told_points(runner.untold_points()),
    }
