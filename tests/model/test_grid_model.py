"""A model of the grid under lease, crash, wipe, restore and late results, checked step by step.

Hypothesis picks what happens next; the world does it with the real commands, writer, keeper and record. After every
step the record must agree with what was acknowledged, and at the end, with everything up again, every run must end.
"""

import os
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import HealthCheck, note, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import Engine, func, select

from idlegrid_server.core.commands import (
    Beat,
    CancelRun,
    HeldAttempt,
    LeaseRuns,
    LegacyReport,
    MakeRuns,
    NodeFacts,
    Report,
    ReportRuns,
)
from idlegrid_server.core.errors import Conflict, InvalidInput, RecordUnavailable, StaleReport
from idlegrid_server.core.limits import MAX_LOSSES
from idlegrid_server.core.model import NodeState, Outcome, RunState, Submission
from idlegrid_server.core.ports import RandomIds
from idlegrid_server.core.queries import RunView
from idlegrid_server.record import tables as t

from ..parts import offer, submission
from .world import STEP, TIMES, World

NODES = ("n1", "n2")
OUTCOMES = ("completed", "failed", "timed_out", "evicted", "returned", "crashed")
REASONS = {"failed": "user_error", "crashed": "sandbox_failed"}
FAILURES = (Outcome.FAILED, Outcome.TIMED_OUT)
ENDINGS = frozenset({"complete", "fail", "time_out", "cancel", "abandon"})
IDS = RandomIds()
LEASE_STEPS = int((TIMES.lease + TIMES.start_grace) / STEP) + 1
PATIENCE = 250
"""Looks of the keeper within which every run must end once everything is up."""


@dataclass
class Attempt:
    """A lease as a node remembers it."""

    run_uuid: str
    lease_id: str
    node_id: str
    listed: bool = False
    sent: list[Report] = field(default_factory=list)


def report_of(attempt: Attempt, outcome: str, words: str = "") -> Report:
    return Report(
        run_uuid=attempt.run_uuid,
        lease_id=attempt.lease_id,
        outcome=Outcome(outcome),
        reason=REASONS.get(outcome, ""),
        result=f"{attempt.lease_id}{words}" if outcome == "completed" else None,
    )


FAULTS: dict[str, Callable[[World], None]] = {
    "the record dies before it commits": lambda world: world.record.fail_next("before"),
    "the record dies after it committed": lambda world: world.record.fail_next("after"),
    "the queue dies before a write": lambda world: world.queue.fail_next_write("before"),
    "the queue dies in the middle of a write": lambda world: world.queue.fail_next_write("half"),
    "the queue dies after a write": lambda world: world.queue.fail_next_write("after"),
    "the queue dies after a pop": lambda world: world.queue.fail_next_pop(),
}
SETTINGS = settings(
    max_examples=int(os.environ.get("MODEL_EXAMPLES", "30")),
    stateful_step_count=40,
    deadline=None,
    derandomize=os.environ.get("CI", "").lower() == "true",
    suppress_health_check=list(HealthCheck),
)
"""The same examples each time in CI, new ones each time elsewhere. More: MODEL_EXAMPLES=1000."""

MISHAPS = st.none() | st.sampled_from(sorted(FAULTS))
"""What goes wrong while something is done; mostly nothing."""

TROUBLES: dict[str, Callable[["GridMachine"], None]] = {
    "the queue is away": lambda m: m.world.queue.break_down(),
    "the queue starts again": lambda m: m.world.queue.mend(),
    "the queue is suspended": lambda m: m.world.queue.suspend(),
    "the queue loses everything": lambda m: m.world.queue.wipe(),
    "a backup of the queue is made": lambda m: m.back_up(),
    "an old backup of the queue comes back": lambda m: m.restore(),
    "the clock jumps forward": lambda m: m.world.clock.jump(60),
    "the clock jumps back": lambda m: m.world.clock.jump(-60),
}


class GridMachine(RuleBasedStateMachine):
    """What may happen, in any order, and what must hold all the time."""

    engine: Engine

    def __init__(self) -> None:
        super().__init__()
        self.world = World(self.engine)
        self.acknowledged: dict[str, int] = {}
        self.keys: dict[str, list[str]] = {}
        self.held: dict[str, list[Attempt]] = {node: [] for node in NODES}
        self.gone: list[Attempt] = []
        """Attempts of nodes that crashed, were told to stop, or have reported: reports of these come late or twice."""
        self.ended: dict[str, RunView] = {}
        self.backup: object = None

    def do(self, command: Any, mishap: str | None = None) -> Any:
        if mishap is not None:
            FAULTS[mishap](self.world)
        return self.world.coordinator.do(command)

    def back_up(self) -> None:
        self.backup = self.world.queue.snapshot()

    def restore(self) -> None:
        if self.backup is not None:
            self.world.queue.restore(self.backup)

    @contextmanager
    def changing_nothing(self) -> Iterator[None]:
        before = self.world.views()
        yield
        assert self.world.views() == before, "a report that does not count has changed the record"

    # --- submitters ---

    @initialize()
    def begin(self) -> None:
        self.world.pass_time(1)
        self._submit([submission(retry_limit=1)] * 3)

    @rule(count=st.integers(1, 3), retries=st.integers(0, 2), level=st.integers(0, 3), mishap=MISHAPS)
    def submit(self, count: int, retries: int, level: int, mishap: str | None) -> None:
        self._submit([submission(retry_limit=retries, cpu=0.5 + retries, priority=level)] * count, mishap=mishap)

    @rule(key=st.sampled_from("ab"), mishap=MISHAPS)
    def submit_with_a_key(self, key: str, mishap: str | None) -> None:
        uuids = self._submit([submission()] * 2, key, "words", mishap)
        assert not uuids or self.keys.setdefault(key, uuids) == uuids, "one key has made two sets of runs"

    def _submit(self, wishes: list[Submission], key: str = "", words: str = "", mishap: str | None = None) -> list[str]:
        try:
            runs = self.do(MakeRuns(wishes, [IDS.run_uuid() for _ in wishes], key, words), mishap)
        except RecordUnavailable:
            return []
        assert len(runs) == len(wishes)
        self.acknowledged.update((run.uuid, run.id) for run in runs)
        return [run.uuid for run in runs]

    @precondition(lambda self: self.keys)
    @rule(data=st.data())
    def use_a_key_for_other_words(self, data: st.DataObject) -> None:
        key = data.draw(st.sampled_from(sorted(self.keys)))
        with self.changing_nothing(), pytest.raises((InvalidInput, RecordUnavailable)):
            self.do(MakeRuns([submission("other")], [IDS.run_uuid()], key, "other words"))

    @rule(data=st.data(), mishap=MISHAPS)
    def cancel(self, data: st.DataObject, mishap: str | None) -> None:
        uuid = data.draw(st.sampled_from(list(self.acknowledged)))
        try:
            self.do(CancelRun(self.acknowledged[uuid]), mishap)
        except RecordUnavailable:
            return
        except Conflict:
            assert uuid in self.ended, "a run that goes on could not be cancelled"
            return
        assert uuid not in self.ended, "an ended run was cancelled"

    # --- nodes ---

    @rule(node=st.sampled_from(NODES), slots=st.integers(1, 3), mishap=MISHAPS)
    def lease(self, node: str, slots: int, mishap: str | None) -> None:
        lease_ids = [IDS.lease_id() for _ in range(slots)]
        self.held[node] += self._lease(LeaseRuns(offer(node, slots), lease_ids, TIMES.listing), mishap)

    @rule(node=st.sampled_from(NODES))
    def lease_and_list(self, node: str) -> None:
        self.lease(node, 2, None)
        self.beat(node, frozen=False, all_of_them=True)

    @rule()
    def lease_to_a_legacy_worker(self) -> None:
        self.gone += self._lease(LeaseRuns(offer("legacy"), [IDS.lease_id()], None, TIMES.legacy_margin, "legacy"))

    def _lease(self, command: LeaseRuns, mishap: str | None = None) -> list[Attempt]:
        before = self.world.views()
        try:
            leases = self.do(command, mishap)
        except RecordUnavailable:
            return []
        for lease in leases:
            assert before[lease.run.uuid].run.state is RunState.PENDING, "a run was leased that was not waiting"
        listed = command.via == "legacy"
        return [Attempt(lease.run.uuid, lease.lease_id, command.offer.node_id, listed) for lease in leases]

    @rule(node=st.sampled_from(NODES), frozen=st.booleans(), all_of_them=st.booleans())
    def beat(self, node: str, frozen: bool, all_of_them: bool) -> None:
        listed = self.held[node] if all_of_them else self.held[node][1:]
        for attempt in listed:
            attempt.listed = True
        held = [HeldAttempt(run_uuid=a.run_uuid, lease_id=a.lease_id, frozen=frozen) for a in listed]
        try:
            orders = self.do(Beat(node, NodeFacts(state=NodeState.RUNNING), held, TIMES))
        except RecordUnavailable:
            return
        stopped = {order.lease_id for order in orders if order.kind == "stop"}
        views = self.world.views()
        for attempt in listed:
            run = views[attempt.run_uuid].run
            mine = run.state is RunState.RUNNING and run.lease_id == attempt.lease_id
            assert mine == (attempt.lease_id not in stopped)
            assert not mine or run.lease_expires_at == self.world.clock.now() + TIMES.lease
        self.gone += [attempt for attempt in listed if attempt.lease_id in stopped]
        self.held[node] = [attempt for attempt in self.held[node] if attempt.lease_id not in stopped]

    @rule(node=st.sampled_from(NODES))
    def crash_a_node(self, node: str) -> None:
        self.gone += self.held[node]
        self.held[node] = []

    @precondition(lambda self: any(self.held.values()))
    @rule(data=st.data(), outcome=st.sampled_from(OUTCOMES), mishap=MISHAPS)
    def report(self, data: st.DataObject, outcome: str, mishap: str | None) -> None:
        attempt = data.draw(st.sampled_from([a for held in self.held.values() for a in held]))
        if self._send(attempt, report_of(attempt, outcome), mishap):
            self.held[attempt.node_id].remove(attempt)
            self.gone.append(attempt)

    @precondition(lambda self: self.gone)
    @rule(data=st.data(), outcome=st.sampled_from(OUTCOMES), words=st.sampled_from(("", "!")))
    def report_late_or_twice_or_differently(self, data: st.DataObject, outcome: str, words: str) -> None:
        attempt = data.draw(st.sampled_from(self.gone))
        again = bool(attempt.sent) and data.draw(st.booleans())
        self._send(attempt, attempt.sent[-1] if again else report_of(attempt, outcome, words))

    def _send(self, attempt: Attempt, report: Report, mishap: str | None = None) -> bool:
        """Send it; whether there was an answer. Only the first report of the newest lease may change anything."""
        before = self.world.views()
        run = before[attempt.run_uuid].run
        counts = run.lease_id == attempt.lease_id and not run.digest and not run.state.is_final
        repeats = run.lease_id == attempt.lease_id and run.digest == report.digest
        try:
            problem = self.do(ReportRuns(attempt.node_id, [report]), mishap)[0].problem
        except RecordUnavailable:
            attempt.sent.append(report)
            return False
        attempt.sent.append(report)
        note(f"{report.outcome} of {run.state} run {run.id}: {problem or 'ok'}")
        assert (problem is None) == (counts or repeats)
        if not counts:
            assert problem is None or isinstance(problem, StaleReport)
            assert self.world.views() == before, "a report that does not count has changed the record"
        return True

    @rule(data=st.data(), named=st.booleans())
    def report_by_id_as_a_legacy_worker_does(self, data: st.DataObject, named: bool) -> None:
        uuid = data.draw(st.sampled_from(list(self.acknowledged)))
        before = self.world.views()
        run = before[uuid].run
        lease_id = run.lease_id if named else None
        try:
            self.do(LegacyReport(run.id, "from afar", None, lease_id))
        except RecordUnavailable:
            return
        except StaleReport:
            assert self.world.views() == before
            return
        assert run.lease_via == "legacy"

    # --- what breaks ---

    @rule(steps=st.integers(1, 3))
    def pass_time(self, steps: int) -> None:
        self.world.pass_time(steps)

    @rule()
    def wait_until_leases_are_over(self) -> None:
        self.world.pass_time(LEASE_STEPS)

    @rule()
    def kill_and_restart_the_coordinator(self) -> None:
        self.world.restart()

    @rule(what=st.sampled_from(sorted(TROUBLES)))
    def have_trouble(self, what: str) -> None:
        TROUBLES[what](self)

    @rule()
    def have_no_trouble(self) -> None:
        self.world.queue.suspend(False)
        self.world.queue.reconnect()

    # --- what must hold ---

    @invariant()
    def every_acknowledged_submission_exists_once(self) -> None:
        views = self.world.views()
        for uuid, run_id in self.acknowledged.items():
            assert views[uuid].run.id == run_id
        for key, uuids in self.keys.items():
            assert all(uuid in views for uuid in uuids), key

    @invariant()
    def what_has_ended_never_changes(self) -> None:
        views = self.world.views()
        for uuid, view in self.ended.items():
            assert views[uuid] == view
        self.ended = {uuid: view for uuid, view in views.items() if view.run.state.is_final}

    @invariant()
    def a_run_ends_once_and_only_once(self) -> None:
        stories = self._counts(t.events, t.events.c.run_id, t.events.c.event.in_(ENDINGS))
        for view in self.world.views().values():
            assert stories.get(view.run.id, 0) == int(view.run.state.is_final)

    @invariant()
    def the_counters_match_the_runs(self) -> None:
        totals = self.world.coordinator.reader.totals()
        counted = self._counts(t.runs, t.runs.c.state)
        assert {state: n for state, n in totals.by_state.items() if n} == counted

    @invariant()
    def no_attempt_is_spent_on_what_was_nobodys_fault(self) -> None:
        attempts = [*self.gone, *(attempt for held in self.held.values() for attempt in held)]
        failed = Counter(a.run_uuid for a in attempts if any(report.outcome in FAILURES for report in a.sent))
        lost = Counter(a.run_uuid for a in attempts if a.listed or any(r.outcome == "crashed" for r in a.sent))
        for uuid, view in self.world.views().items():
            assert view.run.retries <= failed[uuid]
            assert view.run.losses <= min(lost[uuid], MAX_LOSSES)
            assert view.run.losses < MAX_LOSSES or view.run.state.is_final

    def _counts(self, table: Any, column: Any, *where: Any) -> dict[Any, int]:
        with self.engine.connect() as connection:
            rows = connection.execute(select(column, func.count()).select_from(table).where(*where).group_by(column))
            return dict(rows.all())

    def teardown(self) -> None:
        """With everything up, one honest node and time, every run ends."""
        try:
            self.world.heal()
            self._work_until_all_is_done()
            self.what_has_ended_never_changes()
            self.a_run_ends_once_and_only_once()
            self.the_counters_match_the_runs()
        finally:
            self.world.kill()

    def _work_until_all_is_done(self) -> None:
        for _ in range(PATIENCE):
            stuck = [view.run for view in self.world.views().values() if not view.run.state.is_final]
            if not stuck:
                return
            self._work_honestly()
            self.world.pass_time(1)
        pytest.fail(f"{len(stuck)} runs are stuck: {stuck}")

    def _work_honestly(self) -> None:
        leases = self.do(LeaseRuns(offer("honest", 8), [IDS.lease_id() for _ in range(8)], TIMES.listing))
        attempts = [Attempt(lease.run.uuid, lease.lease_id, "honest") for lease in leases]
        answers = self.do(ReportRuns("honest", [report_of(attempt, "completed") for attempt in attempts]))
        assert [answer.problem for answer in answers] == [None] * len(attempts)


@pytest.mark.timeout(900)  # finding the shortest way to a fault takes minutes
def test_no_run_is_stuck_and_none_is_recorded_twice(record, share) -> None:
    GridMachine.engine = record
    run_state_machine_as_test(GridMachine, settings=settings(SETTINGS, max_examples=SETTINGS.max_examples // share))
