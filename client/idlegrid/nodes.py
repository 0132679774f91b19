"""What a `Client` asks about nodes, and what an operator does with them."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import quote

from idlegrid.models import NodeInfo, NodePage
from idlegrid.session import Session

WORKERS = "/api/workers"
"""Where nodes lie."""

PAGE_SIZE = 100
"""Nodes per request where all are asked for."""


class NodeCalls:
    """The calls of a `Client` about nodes. Raises `NotFound` for a node that is not there."""

    session: Session

    def nodes(self) -> list[NodeInfo]:
        """All nodes that the coordinator knows."""
        return list(self._all_nodes())

    def node_page(
        self,
        page: int = 1,
        size: int = 50,
        *,
        status: str | None = None,
        state: str | None = None,
        search: str = "",
        sort: str = "hostname",
        order: str = "asc",
    ) -> NodePage:
        """One page of nodes. `status` is active, draining or offline, `state` what they do, `search` a part of the id
        or the hostname; `sort` is one of `docs/protocol.md`, 3.
        """
        params = {"page": page, "size": size, "status": status, "state": state, "search": search or None}
        answer = self.session.get(WORKERS, {**params, "sort": sort, "order": order}, unwrap=True)
        return NodePage.of(NodeInfo, answer)

    def node(self, node_id: str) -> NodeInfo:
        """One node in full, with `policy`, `reclaims`, `statistics`, `current_tasks` and `idle_until`."""
        return NodeInfo.from_wire(self.session.get(_worker(node_id), unwrap=True))

    def node_week(self, node_id: str) -> dict[str, Any]:
        """At which hours a node's owner lends it: `hours` are 168 rows from Monday midnight by the owner's clock, with
        the share in which it was `idle` (None: not known); `window` says until when it should stay idle from now on.
        """
        return dict(self.session.get(f"{_worker(node_id)}/week", unwrap=True))

    def all_weeks(self) -> dict[str, Any]:
        """The same 168 `hours` over all nodes, each on its owner's clock, and of how many `workers`."""
        return dict(self.session.get(f"{WORKERS}/weeks", unwrap=True))

    def node_history(self, node_ids: Sequence[str], window: float = 86_400) -> dict[str, Any]:
        """What each of up to 100 nodes was in the last `window` seconds: `workers` have `spells`, oldest first."""
        params = {"window": window, "worker_id": list(node_ids)}
        return dict(self.session.get(f"{WORKERS}/history", params, unwrap=True))

    def steer_node(self, node_id: str, status: str) -> NodeInfo:
        """Set what a node may do: `draining` finishes what runs there and takes no more, `offline` sends that back to
        its queue at once, `active` undoes both. Returns the node as it is then.
        """
        return self._change_node(node_id, {"status": status})

    def limit_node(self, node_id: str, runs: int) -> NodeInfo:
        """Let a node hold at most so many runs at a time. Returns the node as it is then."""
        return self._change_node(node_id, {"max_concurrent_tasks": runs})

    def push_policy(self, node_id: str, values: Mapping[str, Any] | None) -> NodeInfo:
        """Ask a node's owner for these values of their policy, by name, instead of all asked for before; None for none.

        What the owner's own file says stands against it, and the node judges the rest: what it does not take, and why,
        is soon in `node(node_id).policy["refused"]`. Raises `InvalidRequest` for what can be no policy, and for a node
        that was registered by hand. Returns the node as it is then.
        """
        return self._change_node(node_id, {"policy": None if values is None else dict(values)})

    def unregister_node(self, node_id: str) -> None:
        """Send a node away: its runs go back to the front of their queues, and it takes no more until started anew."""
        self.session.delete(_worker(node_id))

    def _change_node(self, node_id: str, change: Mapping[str, Any]) -> NodeInfo:
        return NodeInfo.from_wire(self.session.put(_worker(node_id), json=change, unwrap=True))

    def _all_nodes(self) -> Iterator[NodeInfo]:
        page, pages = 1, 1
        while page <= pages:
            answer = self.session.get(WORKERS, {"page": page, "size": PAGE_SIZE}, unwrap=True)
            yield from map(NodeInfo.from_wire, answer["items"])
            page, pages = page + 1, answer["total_pages"]


def _worker(node_id: str) -> str:
    return f"{WORKERS}/{quote(node_id, safe='')}"
