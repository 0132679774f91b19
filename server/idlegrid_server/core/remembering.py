"""Answers that cost much, kept for a while: however many consoles ask, they cost a small share of the time."""

import threading
from collections.abc import Callable
from typing import Any, Final, TypeVar

T = TypeVar("T")

CHEAP: Final = 0.2
"""Seconds that an answer may take to make and still be made anew each time: nobody sees it old."""
KEPT_FOR: Final = 20.0
"""How many times as long as it took to make a costly answer is kept: making it takes a twentieth of the time."""
MOST_KEPT: Final = 64


class Remembering:
    """Safe to use from many threads: whoever asks for what is being made waits for it."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._now, self._lock = monotonic, threading.Lock()
        self._kept: dict[Any, tuple[float, Any]] = {}
        self._making: dict[Any, threading.Lock] = {}

    def get(self, key: Any, make: Callable[[], T]) -> T:
        """The answer of that name, made if there is none that may still be given. Raises what `make` raises."""
        with self._lock:
            making = self._making.setdefault(key, threading.Lock())
        with making:
            until, answer = self._kept.get(key, (0.0, None))
            began = self._now()
            if began < until:
                return answer  # type: ignore[no-any-return]
            answer = make()
            self._keep(key, answer, began)
            return answer

    def _keep(self, key: Any, answer: Any, began: float) -> None:
        ended = self._now()
        with self._lock:
            self._kept.pop(key, None)
            if ended - began > CHEAP:
                self._kept[key] = (ended + KEPT_FOR * (ended - began), answer)
            while len(self._kept) > MOST_KEPT:
                self._kept.pop(next(iter(self._kept)))
            if len(self._making) > MOST_KEPT:
                self._making = {name: lock for name, lock in self._making.items() if name in self._kept or name == key}
