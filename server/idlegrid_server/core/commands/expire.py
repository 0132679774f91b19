"""What time does: leases run out, nodes fall silent, delays end, lost queue entries come back."""

from collections.abc import Sequence
from dataclasses import dataclass

from idlegrid_server.core.batch import Batch, Needs
from idlegrid_server.core.commands.nodes import leave
from idlegrid_server.core.commands.report import spend_loss
from idlegrid_server.core.definitions import DEPENDENCY_FAILED, NO_SUCH_FILE, Wait
from idlegrid_server.core.lifecycle import Event
from idlegrid_server.core.model import NodeHealth, NodeSpell, Outcome, Output, Run, RunState
from idlegrid_server.core.queue_ops import Remove, Started

FAILED_WORDS = {
    RunState.FAILED: "failed",
    RunState.TIMED_OUT: "ran out of time",
    RunState.CANCELLED: "was cancelled",
    None: "",
}
"""What became of a parent, as a child's error says it."""


@dataclass(slots=True)
class _OfRuns:
    """A command over runs by UUID that answers how many it changed."""

    uuids: Sequence[str]

    def needs(self) -> Needs:
        """The runs."""
        return Needs(uuids=set(self.uuids))

    def _known(self, batch: Batch) -> list[Run]:
        return [batch.runs[uuid] for uuid in self.uuids if uuid in batch.runs]

    def answer(self, batch: Batch) -> int:
        """How many runs were asked for."""
        return len(self.uuids)


class ExpireLeases(_OfRuns):
    """Take back runs whose lease is over. One that was never listed was never started, and spends nothing."""

    def apply(self, batch: Batch) -> None:
        """Return each expired run to the front of its queue, or give it up after too many losses."""
        for run in self._known(batch):
            if run.state is RunState.RUNNING and (run.lease_expires_at or 0) <= batch.now:
                self._expire(batch, run)

    def _expire(self, batch: Batch, run: Run) -> None:
        if not run.listed:
            run.reason = "never_started"
            batch.move(run, Event.RETURN, run.node_id or "", Outcome.RETURNED)
        else:
            run.reason = "node_lost"
            if batch.move(run, spend_loss(run), run.node_id or "", Outcome.LOST).is_final:
                words = f"node_lost: {run.losses} attempts were lost with their nodes, or crashed there"
                batch.outputs[run.uuid] = Output(None, words)
        batch.notify(run)


class ReleaseRuns(_OfRuns):
    """Queue runs whose delay is over."""

    def apply(self, batch: Batch) -> None:
        """Release each run that still waits and is due."""
        for run in self._known(batch):
            if run.state is RunState.WAITING and run.not_before is not None and run.not_before <= batch.now:
                # Its error was written when it was made.
                batch.move(run, Event.FAIL if run.reason == NO_SUCH_FILE else Event.RELEASE, run.reason)
                batch.notify(run)


class SettleWaits(_OfRuns):
    """Look again at runs that wait for others: they go on when all have completed, and fail when one has not."""

    def needs(self) -> Needs:
        """The runs, with what they wait for."""
        return Needs(uuids=set(self.uuids), waits=set(self.uuids))

    def apply(self, batch: Batch) -> None:
        """Settle each wait that is over."""
        for run in self._known(batch):
            waits = batch.waits.get(run.uuid, [])
            over = [wait for wait in waits if wait.parent_state is not None and wait.parent_state.is_final]
            failed = next((wait for wait in over if wait.parent_state is not RunState.COMPLETED), None)
            if run.state is not RunState.WAITING or failed is not None:
                over = waits
            batch.satisfied.extend((run.id, wait.parent_id) for wait in over)
            if run.state is RunState.WAITING:
                self._go_on(batch, run, failed, done=len(over) == len(waits))

    def _go_on(self, batch: Batch, run: Run, failed: Wait | None, *, done: bool) -> None:
        if failed is not None:
            words = f"{failed.parent_name} (run {failed.parent_run_id}) {FAILED_WORDS[failed.parent_state]}"
            run.reason = DEPENDENCY_FAILED
            batch.outputs[run.uuid] = Output(None, f"dependency failed: {words}")
            batch.move(run, Event.FAIL, words)
        elif done:
            run.reason = ""
            batch.move(run, Event.RELEASE)
        else:
            return
        batch.notify(run)


@dataclass(slots=True)
class RequeueRuns(_OfRuns):
    """Write queue entries again that the queue may not have: after an outage, a crash, or its loss."""

    front: bool = False

    def apply(self, batch: Batch) -> None:
        """Push what is pending, take out what has ended; what runs may still lie where it was popped."""
        for uuid in self.uuids:
            run = batch.runs.get(uuid)
            batch.owed.add(uuid)
            if run is None:
                batch.drop(uuid)
            elif run.state is RunState.PENDING:
                batch.push(run, front=self.front)
            elif run.state is RunState.RUNNING:
                batch.ops.append(Started(uuid, run.queue, run.node_id or ""))
            else:
                batch.ops.append(Remove(uuid, run.queue))


@dataclass(slots=True)
class LoseNodes:
    """Mark nodes as lost that were not heard of since `before`."""

    node_ids: Sequence[str]
    before: float

    def needs(self) -> Needs:
        """The nodes."""
        return Needs(nodes=set(self.node_ids))

    def apply(self, batch: Batch) -> None:
        """Each that is still silent is offline now."""
        for node_id in self.node_ids:
            node = batch.nodes.get(node_id)
            if node is not None and node.health is NodeHealth.ALIVE and node.last_seen < self.before:
                node.reason = "not_heard"
                leave(batch, node, NodeHealth.LOST)
                batch.count("nodes_lost", 1)
                batch.spells.append(NodeSpell(node.id, batch.now, node.state.value, node.reason))

    def answer(self, batch: Batch) -> int:
        """How many were asked for."""
        return len(self.node_ids)
