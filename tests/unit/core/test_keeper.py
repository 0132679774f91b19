"""What time does, with a fake clock, a real SQLite record and the queue in memory."""

import io
from collections.abc import Iterator

import pytest

from idlegrid_server.core.checkpoints import CheckpointUpload
from idlegrid_server.core.commands import (
    Beat,
    CancelRun,
    HeldAttempt,
    LeaseRuns,
    MakeRuns,
    NodeFacts,
    Report,
    ReportRuns,
)
from idlegrid_server.core.errors import InvalidInput
from idlegrid_server.core.limits import Times
from idlegrid_server.core.model import NodeHealth, NodeState, Outcome, Run
from idlegrid_server.core.queries import RunFilter
from idlegrid_server.housekeeping.keeper import DROP_EVERY, FORGET_EVERY, QUEUE_LOOK
from idlegrid_server.queue.aside import STUCK_SECONDS
from idlegrid_server.record.checkpoints import SqlCheckpoints

from ...faults import FaultyQueue
from ...parts import Coordinator, offer, submission

TIMES = Times()


class Stage:
    """A coordinator whose keeper looks once a second, when the test lets time go by."""

    def __init__(self, engine, clock) -> None:
        self.engine, self.clock, self.queue = engine, clock, FaultyQueue(clock)
        self.lives = [Coordinator(engine, self.queue, clock, TIMES)]

    @property
    def coordinator(self) -> Coordinator:
        return self.lives[-1]

    def restart(self) -> None:
        self.coordinator.stop()
        self.lives.append(Coordinator(self.engine, self.queue, self.clock, TIMES))

    def do(self, command):
        return self.coordinator.do(command)

    def pass_time(self, seconds: float) -> None:
        for _ in range(int(seconds)):
            self.clock.advance(1)
            self.coordinator.look()

    def submit(self, uuid: str = "u1", **words) -> Run:
        return self.do(MakeRuns([submission(**words)], [uuid]))[0]

    def lease(self, *, listed: bool = False) -> list[str]:
        """Lease all there is to n1; answers UUIDs in order."""
        leases = self.do(LeaseRuns(offer("n1", 50), [f"{n:032x}" for n in range(50)], TIMES.listing))
        held = [HeldAttempt(run_uuid=lease.run.uuid, lease_id=lease.lease_id) for lease in leases]
        if listed:
            self.do(Beat("n1", NodeFacts(state=NodeState.RUNNING), held, TIMES))
        return [lease.run.uuid for lease in leases]

    def run(self, uuid: str = "u1") -> Run:
        views, _ = self.coordinator.reader.runs(RunFilter(size=1_000))
        return next(view.run for view in views if view.run.uuid == uuid)

    def queued(self) -> int:
        return sum(depth.pending for depth in self.queue.depths())

    def owed(self) -> list[str]:
        return self.coordinator.reader.owed(self.clock.now() + 1, 100)


@pytest.fixture
def stage(engine, clock) -> Iterator[Stage]:
    stage = Stage(engine, clock)
    stage.pass_time(1)
    yield stage
    stage.coordinator.stop()


def test_a_lease_that_is_over_is_taken_back(stage):
    stage.pass_time(TIMES.start_grace)
    stage.submit()
    stage.lease()
    stage.pass_time(TIMES.listing - 1)
    assert stage.run().state == "running"
    stage.pass_time(1)
    assert (stage.run().state, stage.run().reason) == ("pending", "never_started")
    assert stage.lease() == ["u1"]


def test_no_lease_ends_soon_after_a_start(stage):
    stage.submit()
    stage.lease()
    stage.restart()
    stage.pass_time(TIMES.start_grace - 1)
    assert stage.run().state == "running"
    stage.pass_time(2)
    assert stage.run().state == "pending"


def test_no_lease_ends_and_no_node_is_lost_because_the_clock_was_put_forward(stage):
    stage.pass_time(TIMES.start_grace)
    stage.submit()
    stage.lease(listed=True)
    stage.clock.jump(3_600)
    stage.pass_time(TIMES.start_grace - 1)
    assert stage.run().state == "running"
    assert stage.coordinator.reader.node("n1").health is NodeHealth.ALIVE


def test_a_retrys_delay_ends(stage):
    stage.submit(retry_limit=1)
    stage.lease()
    report = Report(run_uuid="u1", lease_id=f"{0:032x}", outcome=Outcome.FAILED)
    stage.do(ReportRuns("n1", [report]))
    assert (stage.run().state, stage.queued()) == ("waiting", 0)
    stage.pass_time(2)
    assert (stage.run().state, stage.queued()) == ("pending", 1)


def test_a_silent_node_is_lost(stage):
    stage.do(Beat("n1", NodeFacts(state=NodeState.IDLE), [], TIMES))
    stage.pass_time(TIMES.node_lost)
    assert stage.coordinator.reader.node("n1").health is NodeHealth.ALIVE
    stage.pass_time(2)
    assert stage.coordinator.reader.node("n1").health is NodeHealth.LOST


def test_what_the_queue_missed_while_it_was_away_it_gets_when_it_is_back(stage):
    stage.queue.break_down()
    stage.submit()
    stage.pass_time(20)
    assert stage.owed() == ["u1"]
    stage.queue.mend()
    stage.pass_time(TIMES.outbox + QUEUE_LOOK)
    assert stage.lease() == ["u1"]


def test_a_debt_is_paid_by_the_next_coordinator_when_the_first_did_not_live_to_do_it(stage):
    stage.queue.break_down()
    stage.submit()
    stage.restart()
    stage.queue.reconnect()
    stage.pass_time(TIMES.outbox + QUEUE_LOOK + 1)
    assert stage.lease() == ["u1"]


def test_a_debt_of_a_cancelled_run_takes_it_out_of_the_queue(stage):
    run = stage.submit()
    stage.do(CancelRun(run.id))
    stage.pass_time(TIMES.outbox + QUEUE_LOOK + 1)
    assert stage.queued() == 0


def test_a_run_that_was_popped_by_a_coordinator_that_died_comes_back(stage):
    stage.submit()
    stage.queue.pop([offer()])
    stage.pass_time(1)
    assert stage.queued() == 0
    stage.pass_time(STUCK_SECONDS + 2 * QUEUE_LOOK)
    assert stage.lease() == ["u1"]


def test_a_run_whose_start_the_queue_never_heard_of_is_set_aside_no_more(stage):
    stage.submit()
    stage.queue.fail_next_write("before")
    assert stage.lease(listed=True) == ["u1"]
    assert [(depth.pending, depth.executing) for depth in stage.queue.depths()] == [(0, 0)]
    stage.pass_time(STUCK_SECONDS + 2 * QUEUE_LOOK)
    assert [(depth.pending, depth.executing) for depth in stage.queue.depths()] == [(0, 1)]
    assert stage.run().state == "running"


def test_a_queue_that_lost_everything_is_filled_from_the_record_in_order(stage):
    for number in range(10):
        stage.submit(f"u{number}")
    assert stage.lease()[:1] == ["u0"]
    for number in range(10, 15):
        stage.submit(f"u{number}")
    woken = stage.coordinator.woken_all
    stage.queue.wipe()
    stage.pass_time(1)
    assert [(depth.pending, depth.executing) for depth in stage.queue.depths()] == [(5, 10)]
    assert stage.coordinator.woken_all == woken + 1
    assert stage.lease() == [f"u{number}" for number in range(10, 15)]


def test_a_queue_that_only_started_again_is_filled_without_doubles(stage):
    stage.submit()
    stage.queue.mend()
    stage.pass_time(1)
    assert stage.queued() == 1


def test_a_queue_that_stays_as_it_was_is_left_alone(stage):
    identity = stage.coordinator.reader.queue_identity()
    woken = stage.coordinator.woken_all
    stage.pass_time(3)
    assert (stage.coordinator.reader.queue_identity(), stage.coordinator.woken_all) == (identity, woken)


def test_everybody_looks_again_when_leasing_is_resumed(stage):
    woken = stage.coordinator.woken_all
    stage.queue.suspend()
    stage.pass_time(2)
    stage.queue.suspend(False)
    stage.pass_time(2)
    assert stage.coordinator.woken_all == woken + 1


def test_with_the_queue_away_the_other_duties_go_on(stage):
    stage.pass_time(TIMES.start_grace)
    stage.submit()
    stage.lease()
    stage.queue.break_down()
    stage.pass_time(TIMES.listing)
    assert stage.run().state == "pending"


def test_a_key_is_remembered_for_a_day_and_then_forgotten(stage):
    stage.do(MakeRuns([submission()], ["u1"], "key", "words"))
    stage.clock.advance(TIMES.idempotency - FORGET_EVERY)
    stage.pass_time(1)
    with pytest.raises(InvalidInput):
        stage.do(MakeRuns([submission()], ["u2"], "key", "other words"))
    stage.clock.advance(2 * FORGET_EVERY)
    stage.pass_time(1)
    assert stage.do(MakeRuns([submission()], ["u3"], "key", "other words"))[0].uuid == "u3"


def test_a_checkpoint_goes_within_a_minute_of_its_runs_end(stage):
    checkpoints = SqlCheckpoints(stage.engine, stage.clock.now)
    stage.submit()
    stage.lease()
    checkpoints.keep(CheckpointUpload(run_uuid="u1", lease_id="0" * 32, size=5), io.BytesIO(b"state"))
    stage.pass_time(2 * DROP_EVERY)
    kept = checkpoints.find(1)
    assert checkpoints.chunk(kept.id, 0) == b"state"
    stage.do(CancelRun(1))
    stage.pass_time(DROP_EVERY)
    assert (checkpoints.find(1), checkpoints.chunk(kept.id, 0)) == (None, None)


def test_the_thread_looks_by_itself_and_ends_when_told(stage, eventually):
    stage.queue.wipe()
    woken = stage.coordinator.woken_all
    stage.coordinator.keeper.start(0.01)
    eventually(lambda: stage.coordinator.woken_all > woken, "the keeper has noticed the loss")
    stage.coordinator.keeper.stop()
