"""The open poll: one at all times; when the node's room changes a newer one takes the older one's place."""

import threading
import time
from collections.abc import Callable

import structlog

from idlegrid.errors import Conflict, IdlegridError
from idlegrid_node.link import Backoff, Link
from idlegrid_node.slots import Room
from idlegrid_node.wire import Answer

log = structlog.get_logger()
SETTLE_SECONDS = 0.02
"""After new attempts the coordinator is left alone so long: it is busy with them, and the shortest are over by then."""
FULL_SETTLE_SECONDS = 0.1
"""A node that has just become full waits this long before it polls for orders alone: most runs are short."""
ORDERS_SETTLE_SECONDS = 1.0
"""Orders repeat until a heartbeat shows them done: asking again at once would only fetch them again."""


class Poller:
    """Keeps a poll open. `room` tells what may be asked for, `take` gets each answer, `rejoin` is called
    when the coordinator does not know the node."""

    def __init__(
        self,
        link: Link,
        room: Callable[[], Room],
        take: Callable[[Answer], None],
        rejoin: Callable[[], None],
    ) -> None:
        self._link = link
        self._room = room
        self._take = take
        self._rejoin = rejoin
        self._backoff = Backoff()
        self._changed = threading.Condition()
        self._generation = 0
        self._asked: Room | None = None
        self._open = False

    def start(self) -> None:
        """Begin to poll."""
        self._open = True
        self._spawn()

    def close(self) -> None:
        """Poll no more; the poll under way is left to end by itself and its answer still taken."""
        with self._changed:
            self._open = False
            self._generation += 1
            self._changed.notify_all()

    def update(self) -> None:
        """The room may have changed: replace the open poll if it asks for something else."""
        with self._changed:
            self._changed.notify_all()
            if not self._open or self._asked is None or self._asked == self._room():
                return
        self._spawn()

    def _spawn(self) -> None:
        with self._changed:
            self._generation += 1
            self._asked = self._room()
            generation = self._generation
        threading.Thread(target=self._keep_polling, args=(generation,), name="poll", daemon=True).start()

    def _keep_polling(self, generation: int) -> None:
        while self._begin(generation):
            try:
                self._poll(generation)
            except Conflict:
                self._rejoin()
                self._pause(1.0, generation)
            except IdlegridError as error:
                self._retreat(str(error), generation)
            except Exception as error:
                # No more threads, no more files: the node must live to see the end of it.
                log.exception("poll_broken", action="poll")
                self._retreat(str(error), generation)

    def _retreat(self, reason: str, generation: int) -> None:
        delay = self._backoff.seconds()
        log.warning("poll_failed", action="poll", reason=reason, again_in_s=round(delay, 1))
        self._pause(delay, generation)

    def _begin(self, generation: int) -> bool:
        with self._changed:
            if generation != self._generation:
                return False
            self._asked = self._room()
            return True

    def _poll(self, generation: int) -> None:
        asked = self._asked or self._room()
        began = time.monotonic()
        answer = self._link.poll(asked)
        self._backoff.reset()
        self._take(answer)
        if answer.orders:
            self._pause(ORDERS_SETTLE_SECONDS, generation)
        elif answer.leases:
            self._settle(generation)
        elif time.monotonic() - began < FULL_SETTLE_SECONDS:
            self._pause(1.0, generation)  # a coordinator that answers "nothing" at once must not be hammered

    def _settle(self, generation: int) -> None:
        """After new attempts: let the shortest of them end before a poll goes out that asks for nothing."""
        with self._changed:
            if generation != self._generation:
                return  # what a newer poll asked for is not this one's to forget
            self._asked = None  # so that nobody replaces a poll that is not open
            self._changed.wait_for(lambda: generation != self._generation, SETTLE_SECONDS)
            self._changed.wait_for(
                lambda: self._room().slots > 0 or generation != self._generation, FULL_SETTLE_SECONDS
            )

    def _pause(self, seconds: float, generation: int) -> None:
        with self._changed:
            self._changed.wait_for(lambda: generation != self._generation, seconds)
