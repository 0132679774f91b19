"""The core without a database: rows in dictionaries, batches built by hand."""

from collections import Counter
from typing import Any

from idlegrid_server.core.batch import Batch
from idlegrid_server.core.commands import Beat, HeldAttempt, Lease, LeaseRuns, MakeRuns, NodeFacts, Report, ReportRuns
from idlegrid_server.core.limits import Times
from idlegrid_server.core.model import IdempotencyKey, Node, Outcome, Payload, Run, RunState, Submission

from ...parts import START, offer, submission

TIMES = Times()


class Table:
    """Carries out commands one after the other; `batch` is the last one."""

    def __init__(self) -> None:
        self.now = START
        self.runs: dict[str, Run] = {}
        self.payloads: dict[str, Payload] = {}
        self.nodes: dict[str, Node] = {}
        self.keys: dict[str, IdempotencyKey] = {}
        self.batch = Batch(self.now)

    def do(self, command: Any) -> Any:
        """Apply to a fresh batch, keep what it wrote, and answer."""
        self.batch = batch = Batch(self.now, payloads=self.payloads, nodes=dict(self.nodes), keys=dict(self.keys))
        batch.include(self.runs.values())
        held = Counter(run.node_id for run in self.runs.values() if run.state is RunState.RUNNING)
        batch.held = {node.id: held[node.id] for node in self.nodes.values() if node.max_tasks is not None}
        command.apply(batch)
        for run, payload in batch.new_runs:
            run.id = len(self.runs) + 1
            self.runs[run.uuid], self.payloads[run.uuid] = run, payload
        self.nodes.update(batch.changed_nodes)
        self.keys.update((key.key, key) for key in batch.new_keys)
        return command.answer(batch)

    # --- what tests do most ---

    def submit(self, *wishes: Submission, **words: Any) -> Run:
        """One run (the first of `wishes`), named u1, u2, …"""
        made = [f"u{len(self.runs) + n}" for n in range(1, max(1, len(wishes)) + 1)]
        run: Run = self.do(MakeRuns(list(wishes) or [submission(**words)], made))[0]
        return run

    def lease(self, *uuids: str, node: str = "n1", lease_id: str = "a" * 32, via: str = "node") -> list[Lease]:
        """Lease what the queue popped."""
        seconds = None if via == "legacy" else TIMES.listing
        command = LeaseRuns(offer(node, len(uuids)), [lease_id] * len(uuids), seconds, TIMES.legacy_margin, via)
        command.popped = list(uuids)
        leases: list[Lease] = self.do(command)
        return leases

    def beat(self, *held: HeldAttempt, node: str = "n1", **facts: Any) -> list[Any]:
        """A heartbeat; answers its orders."""
        orders: list[Any] = self.do(Beat(node, NodeFacts(**facts), held, TIMES))
        return orders

    def report(self, run: Run, outcome: str = "completed", **words: Any) -> Any:
        """A report of the newest lease, unless another is given; answers the problem or None."""
        lease_id = words.pop("lease_id", run.lease_id)
        report = Report(run_uuid=run.uuid, lease_id=lease_id, outcome=Outcome(outcome), **words)
        return self.do(ReportRuns("n1", [report]))[0].problem


def held(run: Run, **words: Any) -> HeldAttempt:
    """The run's newest attempt as its node lists it."""
    words.setdefault("lease_id", run.lease_id)
    return HeldAttempt(run_uuid=run.uuid, **words)
