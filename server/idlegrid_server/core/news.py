"""What coordinators tell each other of what only memory knows (docs/protocol.md, 6). Lost news cost time, not work."""

from collections.abc import Mapping, Sequence
from dataclasses import astuple, dataclass, field
from typing import Any, Protocol

from idlegrid_server.core.commands.nodes import Order
from idlegrid_server.core.model import Notice


@dataclass(frozen=True, slots=True, kw_only=True)
class News:
    """One message; what is empty is not sent."""

    notices: Sequence[Notice] = ()
    woken: Mapping[str, int] = field(default_factory=dict)
    """Queue → how many runs in it no node takes that waits at the sender."""
    lengths: Mapping[str, float] = field(default_factory=dict)
    """For how long the longest of these is expected to run, in seconds."""
    nodes: Sequence[str] = ()
    """Whose terms have changed."""
    orders: Mapping[str, Sequence[Order]] = field(default_factory=dict)
    """By node."""
    keys: bool = False
    webhooks: bool = False
    all: bool = False
    """Every waiting node is to look again."""


class Bus(Protocol):
    """The way to the other coordinators."""

    @property
    def is_heard(self) -> bool:
        """Whether there is any other, as far as is known; telling nobody costs nothing then."""

    def tell(self, news: News) -> None:
        """Send it, behind everybody's back; never waits, never raises. From any thread."""


class Nobody:
    """The bus of a coordinator that is alone."""

    is_heard = False

    def tell(self, news: News) -> None:
        """Nobody listens."""


def to_wire(news: News) -> dict[str, Any]:
    """The message as JSON has it."""
    orders = [[node, *astuple(order)] for node, orders in news.orders.items() for order in orders]
    words = {
        "notices": [astuple(notice) for notice in news.notices],
        "woken": dict(news.woken),
        "lengths": dict(news.lengths),
        "nodes": list(news.nodes),
        "orders": orders,
        "keys": news.keys,
        "webhooks": news.webhooks,
        "all": news.all,
    }
    return {name: value for name, value in words.items() if value}


def from_wire(words: Mapping[str, Any]) -> News:
    """The message that JSON stands for. Raises ValueError, TypeError or AttributeError for what is none."""
    orders: dict[str, list[Order]] = {}
    for node, *order in words.get("orders", ()):
        orders.setdefault(node, []).append(Order(*order))
    return News(
        notices=tuple(Notice(*notice) for notice in words.get("notices", ())),
        woken={str(queue): int(count) for queue, count in words.get("woken", {}).items()},
        lengths={str(queue): float(seconds) for queue, seconds in words.get("lengths", {}).items()},
        nodes=tuple(map(str, words.get("nodes", ()))),
        orders=orders,
        keys=bool(words.get("keys")),
        webhooks=bool(words.get("webhooks")),
        all=bool(words.get("all")),
    )
