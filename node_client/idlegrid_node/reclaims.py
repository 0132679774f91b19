"""How fast an owner gets the machine back, measured: one stopwatch for each return. Pure; the caller brings time."""

import statistics
import threading
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from idlegrid_node.ladder import Position

KEPT = 1000
"""The returns that the percentiles are made of: 1 % of them are ten."""
UNTOLD = 100
"""The returns that wait to be told, and that one heartbeat carries; older ones are dropped."""


@dataclass(frozen=True)
class Reclaim:
    """One return of the owner while runs were held, as `docs/protocol.md` has it. Seconds, MB."""

    at: float
    reason: str
    signal: str
    frozen_s: float | None
    memory_s: float | None
    memory_mb: float
    outcome: str

    def as_json(self) -> dict[str, Any]:
        """Return it by the protocol's names."""
        return asdict(self)


@dataclass
class Return:
    """A return that is not over yet.

    `at` (epoch) and `since` (of the clock that every `now` is of) are the moment of the owner's sign.
    """

    at: float
    since: float
    position: Position
    frozen_s: float | None = None
    memory_s: float | None = None
    memory_mb: float | None = None
    ended: bool = False
    _evicted: bool = False
    _thawed: bool = False

    def stand(self, now: float) -> None:
        """Every process of every run stands, or has ended. The first time counts."""
        if self.frozen_s is None:
            self.frozen_s = max(0.0, now - self.since)

    def weigh(self, each: Sequence[float], allowed_mb: float, now: float) -> None:
        """Take what each run holds, in MB. It counts once all stand, and is back when none holds more than allowed."""
        if self.frozen_s is None:
            return
        if self.memory_mb is None:
            self.memory_mb = sum(each)
        if self.memory_s is None and max(each, default=0.0) <= allowed_mb:
            self.memory_s = max(0.0, now - self.since)

    def evict(self) -> None:
        """A run of it is evicted; whatever becomes of the others, that is how it went."""
        self._evicted = True

    def end(self, *, thawed: bool) -> None:
        """The runs go on, or there are none any more."""
        self.ended, self._thawed = True, thawed

    @property
    def weighed(self) -> bool:
        """Whether the memory is back, or goes on in use with the runs."""
        return self.memory_s is not None or self._thawed

    @property
    def over(self) -> bool:
        """Whether nothing of it is left to be measured."""
        return self.ended and self.weighed

    def measured(self) -> Reclaim:
        """Return what is known of it."""
        return Reclaim(
            at=round(self.at, 3),
            reason=self.position.reason,
            signal=self.position.signal,
            frozen_s=_rounded(self.frozen_s),
            memory_s=_rounded(self.memory_s),
            memory_mb=round(self.memory_mb or 0.0, 1),
            outcome="evicted" if self._evicted else "thawed" if self._thawed else "ended",
        )


class Reclaims:
    """The returns that are over: the last `KEPT` of them, and those that no heartbeat has told yet. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: deque[Reclaim] = deque(maxlen=KEPT)
        self._untold: deque[Reclaim] = deque(maxlen=UNTOLD)

    def add(self, reclaim: Reclaim) -> None:
        """Keep one."""
        with self._lock:
            self._kept.append(reclaim)
            self._untold.append(reclaim)

    def untold(self) -> list[dict[str, Any]]:
        """Return what a heartbeat has to tell, the oldest first."""
        with self._lock:
            return [reclaim.as_json() for reclaim in self._untold]

    def told(self, said: Iterable[dict[str, Any]]) -> None:
        """Forget what an answered heartbeat has told."""
        moments = {reclaim["at"] for reclaim in said}
        with self._lock:
            left = [reclaim for reclaim in self._untold if reclaim.at not in moments]
            self._untold = deque(left, maxlen=UNTOLD)

    def as_json(self) -> dict[str, Any]:
        """Return how many are kept, and the p50 and p99 of their seconds; None where none was measured."""
        with self._lock:
            kept = list(self._kept)
        frozen = [reclaim.frozen_s for reclaim in kept if reclaim.frozen_s is not None]
        memory = [reclaim.memory_s for reclaim in kept if reclaim.memory_s is not None]
        return {"count": len(kept), **_percentiles("frozen", frozen), **_percentiles("memory", memory)}


def _percentiles(name: str, values: Sequence[float]) -> dict[str, float | None]:
    """Return both, interpolated; one value is its own percentile."""
    if not values:
        return {f"{name}_p50": None, f"{name}_p99": None}
    cuts = statistics.quantiles([*values, values[-1]] if len(values) == 1 else values, n=100, method="inclusive")
    return {f"{name}_p50": round(cuts[49], 3), f"{name}_p99": round(cuts[98], 3)}


def _rounded(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 3)
