"""What a `Client` asks about the grid as a whole: how it stands, what it needs, what its coordinators logged."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from idlegrid.session import Session

SYSTEM = "/api/system"
"""Where the grid speaks of itself."""


class SystemCalls:
    """The calls of a `Client` about the grid. Answers are the API's own JSON (docs/protocol.md, 3)."""

    session: Session

    def overview(self, since: datetime | None = None, window: float = 900, points: int = 45) -> dict[str, Any]:
        """How many `runs` and `nodes` are in which state now, what ended `since` then (default: midnight UTC), and
        `samples` of how that was in the last `window` seconds, in so many points.
        """
        return self._ask("overview", {"since": _iso(since), "window": window, "points": points})

    def timeline(self, window: float = 3600, buckets: int = 60) -> dict[str, Any]:
        """Return counts and waiting times per bucket of the last `window` seconds, for charts."""
        return self._ask("timeline", {"window": window, "buckets": buckets})

    def harvest(self, hours: int = 24) -> dict[str, Any]:
        """CPU and wall seconds that runs had, by hour, and the nodes and submitters that gave and got most."""
        return self._ask("usage", {"hours": hours})

    def attention(self) -> list[dict[str, Any]]:
        """What wants an operator, the worst first, as `kind`, `id`, `name`, `since`, `count` and `message`."""
        return list(self._ask("attention")["items"])

    def queues(self, window: float = 3600) -> dict[str, Any]:
        """Each queue's depth and age, and how long runs waited that started in the last `window` seconds."""
        return self._ask("queues", {"window": window})

    def components(self) -> dict[str, Any]:
        """Each part of the grid as it is now; `ServerError` while its record does not answer."""
        return self._ask("health")

    def system_stats(self) -> dict[str, Any]:
        """What is counted: runs, nodes, reclaims, and the coordinator's machine."""
        return self._ask("stats")

    def system_logs(
        self,
        page: int = 1,
        size: int = 50,
        *,
        level: str | None = None,
        service: str | None = None,
        search: str = "",
        start_time: datetime | None = None,
        end_time: datetime | None = None,
    ) -> dict[str, Any]:
        """A page of what the coordinators logged, newest first: of this level (debug, info, warn, error) and above."""
        params = {"page": page, "size": size, "level": level, "service": service, "search": search or None}
        return self._ask("logs", {**params, "start_time": _iso(start_time), "end_time": _iso(end_time)})

    def _ask(self, what: str, params: Mapping[str, Any] | None = None) -> dict[str, Any]:
        return dict(self.session.get(f"{SYSTEM}/{what}", params, unwrap=True))


def _iso(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat()
