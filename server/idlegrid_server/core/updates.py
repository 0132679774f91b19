"""Those who watch: WebSocket listeners, and requests that wait for a run's end. Lives on the event loop."""

import asyncio
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Final

from idlegrid_server.core.model import Notice

BACKLOG: Final = 1_000
"""Notices kept for a slow listener; one that falls further behind is cut off and must come again."""

END_EVENTS: Final = frozenset({"task_completed", "task_failed"})


class Updates:
    """Hands each notice to all who listen."""

    def __init__(self) -> None:
        self._listeners: set[asyncio.Queue[Notice | None]] = set()
        self._ends: dict[int, set[asyncio.Event]] = {}

    def publish(self, notices: Iterable[Notice]) -> None:
        """Something happened."""
        for notice in notices:
            if notice.event in END_EVENTS and notice.run_id in self._ends:
                for event in self._ends[notice.run_id]:
                    event.set()
            for listener in list(self._listeners):
                self._hand(listener, notice)

    def _hand(self, listener: "asyncio.Queue[Notice | None]", notice: Notice) -> None:
        if listener.qsize() < BACKLOG:
            listener.put_nowait(notice)
        else:
            self._listeners.discard(listener)
            listener.put_nowait(None)

    def close(self) -> None:
        """No more notices: every listener is told, every wait ends."""
        for listener in self._listeners:
            listener.put_nowait(None)
        for events in self._ends.values():
            for event in events:
                event.set()

    @contextmanager
    def listening(self) -> "Iterator[asyncio.Queue[Notice | None]]":
        """A queue of all notices from now on; None means cut off."""
        listener: asyncio.Queue[Notice | None] = asyncio.Queue()
        self._listeners.add(listener)
        try:
            yield listener
        finally:
            self._listeners.discard(listener)

    @contextmanager
    def end_of(self, run_id: int) -> Iterator[asyncio.Event]:
        """An event that is set when the run ends."""
        event = asyncio.Event()
        self._ends.setdefault(run_id, set()).add(event)
        try:
            yield event
        finally:
            self._ends[run_id].discard(event)
            if not self._ends[run_id]:
                del self._ends[run_id]
