"""Those who watch: WebSocket listeners, and requests that wait for a run's end. Lives on the event loop."""

import asyncio
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Final

from idlegrid_server.core.access import in_reach
from idlegrid_server.core.model import Notice
from idlegrid_server.core.queries import RunView

BACKLOG: Final = 1_000
"""Notices kept for a slow listener; one that falls further behind is cut off and must come again."""

END_EVENTS: Final = frozenset({"task_completed", "task_failed"})

End = asyncio.Future[RunView | None]


class Updates:
    """Hands each notice to all who listen and may hear of it."""

    def __init__(self) -> None:
        self._listeners: dict[asyncio.Queue[Notice | None], str | None] = {}
        self._ends: dict[int, set[End]] = {}

    def publish(self, notices: Iterable[Notice], ended: Mapping[int, RunView] | None = None) -> None:
        """Something happened. `ended` are runs whose end is known whole: who waits for it need not read it."""
        for notice in notices:
            if notice.event in END_EVENTS and notice.run_id in self._ends:
                self._end(notice.run_id, (ended or {}).get(notice.run_id))
            for listener, within in list(self._listeners.items()):
                if notice.run_id is None or in_reach(notice.submitter, within):
                    self._hand(listener, notice)

    def _end(self, run_id: int, view: RunView | None) -> None:
        for end in self._ends[run_id]:
            if not end.done():
                end.set_result(view)

    def _hand(self, listener: "asyncio.Queue[Notice | None]", notice: Notice) -> None:
        if listener.qsize() < BACKLOG:
            listener.put_nowait(notice)
        else:
            self._listeners.pop(listener, None)
            listener.put_nowait(None)

    def close(self) -> None:
        """No more notices: every listener is told, every wait ends."""
        for listener in self._listeners:
            listener.put_nowait(None)
        self.end_waits()

    def end_waits(self) -> None:
        """Whoever waits for a run's end looks for himself."""
        for run_id in self._ends:
            self._end(run_id, None)

    @contextmanager
    def listening(self, within: str | None = None) -> "Iterator[asyncio.Queue[Notice | None]]":
        """A queue of all notices from now on, of runs only those of the submitter `within`; None means cut off."""
        listener: asyncio.Queue[Notice | None] = asyncio.Queue()
        self._listeners[listener] = within
        try:
            yield listener
        finally:
            self._listeners.pop(listener, None)

    @contextmanager
    def end_of(self, run_id: int) -> Iterator[End]:
        """A future that is done when the run ends, or when nobody will hear of it; with the run as far as known."""
        end: End = asyncio.get_running_loop().create_future()
        self._ends.setdefault(run_id, set()).add(end)
        try:
            yield end
        finally:
            self._ends[run_id].discard(end)
            if not self._ends[run_id]:
                del self._ends[run_id]
