"""Nodes that wait for work: each has one open poll, which costs no thread and asks nobody."""

import asyncio
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from idlegrid_server.core.commands import Order
from idlegrid_server.core.matching import Offer, fits

MAX_ORDERS: Final = 100
"""Orders kept for a node that does not come; its heartbeats repeat what still matters."""


@dataclass(slots=True, eq=False)
class Poll:
    """A node's open request."""

    offer: Offer
    event: asyncio.Event = field(default_factory=asyncio.Event)
    superseded: bool = False
    queue: str = ""
    """Whose new run it was woken for, as long as it has not looked since."""
    seconds: float = 0.0
    """How long that is expected to run."""

    def heed(self) -> None:
        """It looks now: what comes from here on wakes it again."""
        self.event.clear()
        self.queue = ""


class OpenPolls:
    """Who waits, in the order of waiting, and what each node has still to be told. Lives on the event loop."""

    def __init__(
        self,
        unserved: Callable[[dict[str, int], dict[str, float]], None] = lambda woken, lengths: None,
        stays: Callable[[str, float], bool] = lambda node_id, seconds: True,
    ) -> None:
        """`unserved` is told of new runs, by queue, that nobody takes who waits here, and how long they run at most;
        `stays` says whether a node is expected to be idle for so many seconds more, or nothing speaks against it."""
        self._unserved, self._stays = unserved, stays
        self._polls: dict[str, Poll] = {}
        self._orders: dict[str, list[Order]] = {}
        self._asked: set[str] = set()

    def open(self, offer: Offer) -> Poll:
        """The node waits from now on; an older poll of it ends at once, empty."""
        self.close(self._polls.get(offer.node_id), superseded=True)
        poll = Poll(offer)
        self._asked.add(offer.node_id)
        self._polls[offer.node_id] = poll
        if offer.node_id in self._orders:
            poll.event.set()
        return poll

    def close(self, poll: Poll | None, *, superseded: bool = False) -> None:
        """The poll waits no longer. A wake that it did not heed, since it was looking or over, goes to the next."""
        if poll is None:
            return
        poll.superseded = poll.superseded or superseded
        poll.event.set()
        if self._polls.get(poll.offer.node_id) is poll:
            del self._polls[poll.offer.node_id]
        self._hand_on(poll)

    def end(self, node_id: str) -> None:
        """What the node may take has changed: its poll ends, empty, and it asks anew."""
        self.close(self._polls.get(node_id), superseded=True)

    def bar(self, node_id: str) -> None:
        """The node may take nothing any more: its poll stays open for orders alone, and a wake goes to the next."""
        poll = self._polls.get(node_id)
        if poll is None:
            return
        poll.offer = replace(poll.offer, slots=0)
        self._hand_on(poll)

    def _hand_on(self, poll: Poll) -> None:
        queue, poll.queue = poll.queue, ""
        if queue:
            self.wake({queue: 1}, {queue: poll.seconds})

    def wake(self, woken: Mapping[str, int], lengths: Mapping[str, float], *, alone: bool = False) -> None:
        """New runs came into these queues: wake as many waiting nodes as there are runs, longest waiting first.

        Nodes whose owners should be back before the longest run of the queue (`lengths`) has ended come after all
        others. Other coordinators hear of what is left over, unless they are who told us (`alone`).
        """
        left = {queue: n for queue, runs in woken.items() if (n := self._wake(queue, runs, lengths.get(queue, 0.0)))}
        if left and not alone:
            self._unserved(left, {queue: lengths[queue] for queue in left if queue in lengths})

    def _wake(self, queue: str, count: int, seconds: float) -> int:
        chosen: list[Poll] = []
        doubtful: list[Poll] = []
        for poll in self._polls.values():
            if len(chosen) == count:
                break
            if not poll.event.is_set() and poll.offer.slots > 0 and fits(poll.offer, queue):
                (chosen if self._stays(poll.offer.node_id, seconds) else doubtful).append(poll)
        chosen += doubtful[: count - len(chosen)]
        for poll in chosen:
            poll.queue, poll.seconds = queue, seconds
            poll.event.set()
        return count - len(chosen)

    def wake_all(self) -> None:
        """Let every node look again: the queue was resumed or rebuilt."""
        for poll in self._polls.values():
            poll.event.set()

    def order(self, node_id: str, orders: Iterable[Order]) -> None:
        """Tell a node something with its next answer, now if it waits."""
        told = self._orders.setdefault(node_id, [])
        told.extend(orders)
        del told[:-MAX_ORDERS]
        poll = self._polls.get(node_id)
        if poll is not None:
            poll.event.set()

    def pass_on(self, node_id: str, orders: Iterable[Order]) -> None:
        """As `order`, from another coordinator: only to a node that has asked here; any other hears it elsewhere."""
        if node_id in self._asked:
            self.order(node_id, orders)

    def take_orders(self, node_id: str) -> list[Order]:
        """What the node has still to be told; heartbeats repeat what they must from the record."""
        return self._orders.pop(node_id, [])

    def waiting(self) -> int:
        """How many nodes wait."""
        return len(self._polls)
