"""Leasing: popped runs become attempts of a node."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from idlegrid_server.core.batch import Batch, Needs
from idlegrid_server.core.checkpoints import RESUMED, Checkpoint
from idlegrid_server.core.lifecycle import Event
from idlegrid_server.core.matching import Offer
from idlegrid_server.core.model import NodeHealth, NodeWish, Payload, Run, RunState


@dataclass(frozen=True, slots=True)
class Lease:
    """A run handed to a node, with all that the node needs for it."""

    run: Run
    payload: Payload
    lease_id: str
    number: int
    expires_at: float
    checkpoint: Checkpoint | None = None
    """What the attempt goes on from."""


@dataclass(slots=True)
class LeaseRuns:
    """Lease to a node what the queue popped for its offer.

    The record has the last word on whether the node may take it, whichever coordinator it asked and whatever that one
    had heard. `seconds` is how long the lease lasts until it is first listed; None means the run's timeout plus
    `margin`.
    """

    offer: Offer
    lease_ids: Sequence[str]
    """A fresh one for each slot offered."""
    seconds: float | None
    margin: float = 0.0
    via: str = "node"
    popped: list[str] = field(default_factory=list)
    refused: bool = False
    """Whether the node was not given all that was popped for it: its coordinator must look at its terms again."""
    _leases: list[Lease] = field(default_factory=list)

    def needs(self) -> Needs:
        """The popped runs with their code, and the node with how many it holds. An empty look needs nothing.

        A legacy worker knows no checkpoints.
        """
        popped, node = set(self.popped), {self.offer.node_id}
        if not popped or self.via != "node":
            return Needs(uuids=popped, payloads=popped)
        return Needs(uuids=popped, payloads=popped, resuming=popped, nodes=node, leasing=node)

    def apply(self, batch: Batch) -> None:
        """Start an attempt of each popped run that the record still has as pending; forget the other entries.

        What the node may not take goes back to where it was.
        """
        self._leases.clear()
        pending = self._pending(batch)
        taken = min(len(pending), self._allowed(batch))
        for run, lease_id in zip(pending[:taken], self.lease_ids, strict=False):
            self._lease(batch, run, lease_id)
        self.refused = taken < len(pending)
        for run in reversed(pending[taken:]):
            batch.push(run, front=True)

    def _pending(self, batch: Batch) -> list[Run]:
        found = [(uuid, batch.runs.get(uuid)) for uuid in self.popped]
        for uuid, run in found:
            if run is None or run.state is not RunState.PENDING:
                batch.drop(uuid)
        return [run for _, run in found if run is not None and run.state is RunState.PENDING]

    def _allowed(self, batch: Batch) -> int:
        """How many runs the node may take. A legacy worker is not in the record, and has no terms."""
        node = batch.nodes.get(self.offer.node_id)
        if node is not None and (node.wish is not NodeWish.ACTIVE or node.health is NodeHealth.LEFT):
            return 0
        if node is None or node.max_tasks is None:
            return len(self.popped)
        return max(0, node.max_tasks - batch.held[node.id])

    def _lease(self, batch: Batch, run: Run, lease_id: str) -> None:
        run.lease_id, run.lease_via, run.node_id = lease_id, self.via, self.offer.node_id
        run.attempts += 1
        run.leased_at = batch.now
        run.started_at = run.started_at or batch.now
        seconds = run.timeout + self.margin if self.seconds is None else self.seconds
        run.lease_expires_at = batch.now + seconds
        run.listed, run.frozen, run.reason = self.via == "legacy", False, ""
        run.digest, run.exit_code, run.truncated = "", None, False
        run.cpu_seconds, run.wall_seconds, run.max_memory_mb, run.processes = 0.0, 0.0, 0.0, 0
        run.sandbox = None if self.via == "legacy" else self.offer.capability.sandbox
        batch.move(run, Event.LEASE, self.offer.node_id)
        batch.notify(run)
        found = self._resume(batch, run)
        self._leases.append(Lease(run, batch.payloads[run.uuid], lease_id, run.attempts, run.lease_expires_at, found))

    def _resume(self, batch: Batch, run: Run) -> Checkpoint | None:
        """What the attempt goes on from; that it does is in the story beside its lease."""
        found = None if self.via == "legacy" else batch.checkpoints.get(run.id)
        if found is not None:
            batch.tell(run, RESUMED, f"from the checkpoint of attempt {found.attempt}")
        return found

    def answer(self, batch: Batch) -> list[Lease]:
        """What was leased, oldest first."""
        return self._leases
