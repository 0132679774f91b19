"""Group commit over a real SQLite record: what its callers hear, and what the queue is owed."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from idlegrid_server.core.batch import Batch, Needs
from idlegrid_server.core.commands import CancelRun, LeaseRuns, MakeRuns, ReleaseRuns, RequeueRuns
from idlegrid_server.core.errors import Conflict, InvalidInput, NotFound, RecordUnavailable
from idlegrid_server.core.limits import Times
from idlegrid_server.core.model import RunState
from idlegrid_server.core.writer import Writer
from idlegrid_server.queue.memory import MemoryQueue
from idlegrid_server.record.reader import SqlReader
from idlegrid_server.record.store import SqlRecord

from ...parts import Coordinator, offer, submission


class Spoiler:
    """A command that breaks in a way nobody foresaw: in `apply`, or in what it asks for."""

    def __init__(self, needs: Needs | None = None) -> None:
        self._needs = needs

    def needs(self) -> Needs:
        return self._needs or Needs()

    def apply(self, batch: Batch) -> None:
        raise KeyError("spoiled")

    def answer(self, batch: Batch) -> None:
        raise AssertionError("nobody hears this")


class GatedRecord:
    """The real record; its transactions begin when the gate is open, so that commands gather."""

    def __init__(self, inner: SqlRecord) -> None:
        self.inner, self.away, self.transactions = inner, False, 0
        self.gate, self.reached = threading.Event(), threading.Event()
        self.gate.set()

    def close_the_gate(self) -> None:
        self.gate.clear()
        self.reached.clear()

    @contextmanager
    def transaction(self) -> Iterator[object]:
        self.reached.set()
        self.gate.wait()
        self.transactions += 1
        if self.away:
            raise RecordUnavailable("The record could not be written: it is away")
        with self.inner.transaction() as transaction:
            yield transaction


class BrokenQueue(MemoryQueue):
    """Fails with an error of its own making when it is told to."""

    broken = False

    def pop(self, offers):
        if self.broken:
            raise ZeroDivisionError("pop")
        return super().pop(offers)

    def apply(self, ops):
        if self.broken:
            raise ZeroDivisionError("apply")
        super().apply(ops)


class Stage:
    def __init__(self, engine, clock) -> None:
        self.queue, self.clock = BrokenQueue(clock), clock
        self.record = GatedRecord(SqlRecord(engine, clock.now))
        self.coordinator = Coordinator(engine, self.queue, clock, Times(), self.record)
        self.writer: Writer = self.coordinator.writer
        self.reader = SqlReader(engine)

    def submit(self, uuid: str):
        return self.writer.do(MakeRuns([submission()], [uuid]))[0]

    def owed(self) -> list[str]:
        return sorted(self.reader.owed(self.clock.now() + 1, 100))

    def together(self, *commands) -> list[object]:
        """Carry out the commands in one batch; their answers or errors, in order."""
        return asyncio.run(self._together(commands))

    async def _together(self, commands) -> list[object]:
        self.record.close_the_gate()
        asked = [asyncio.ensure_future(self.writer.ask(ReleaseRuns([])))]
        await asyncio.to_thread(self.record.reached.wait)
        asked += [asyncio.ensure_future(self.writer.ask(command)) for command in commands]
        await asyncio.sleep(0)
        self.record.gate.set()
        return (await asyncio.gather(*asked, return_exceptions=True))[1:]


@pytest.fixture
def stage(engine, clock) -> Iterator[Stage]:
    stage = Stage(engine, clock)
    yield stage
    stage.coordinator.stop()


def test_an_answer_means_that_the_record_has_it_and_the_queue_follows(stage, eventually):
    run = stage.submit("u1")
    assert stage.reader.view(run.id).run == run
    eventually(lambda: [depth.pending for depth in stage.queue.depths()] == [1], "the queue has the run")


def test_what_gathers_is_written_together(stage):
    runs = stage.together(*(MakeRuns([submission()], [f"u{n}"]) for n in range(20)))
    assert [run.id for (run,) in runs] == list(range(1, 21))
    assert stage.record.transactions == 2


def test_the_event_loop_may_ask_as_threads_do(stage):
    async def ask():
        commands = (MakeRuns([submission()], [f"u{n}"]) for n in range(5))
        return await asyncio.gather(*map(stage.writer.ask, commands), stage.writer.ask(CancelRun(99)))

    with pytest.raises(NotFound):
        asyncio.run(ask())
    assert stage.reader.totals().total == 5


def test_a_caller_that_gave_up_holds_up_nobody(stage):
    async def give_up():
        asking = asyncio.ensure_future(stage.writer.ask(MakeRuns([submission()], ["u1"])))
        await asyncio.sleep(0)
        asking.cancel()
        return await stage.writer.ask(MakeRuns([submission()], ["u2"]))

    assert asyncio.run(give_up())[0].uuid == "u2"
    assert stage.reader.totals().total == 2


def test_a_command_that_is_refused_does_not_spoil_its_neighbours(stage):
    stage.writer.do(MakeRuns([submission()], ["u0"], "key", "words"))
    first, refused, absent, last = stage.together(
        MakeRuns([submission()], ["u1"]),
        MakeRuns([submission()], ["u2"], "key", "other words"),
        CancelRun(99),
        MakeRuns([submission()], ["u3"]),
    )
    assert [run.uuid for run in first + last] == ["u1", "u3"]
    assert (type(refused), type(absent)) == (InvalidInput, NotFound)
    assert stage.reader.totals().total == 3


def test_a_transaction_that_fails_is_tried_again_command_by_command(stage):
    first, spoiled, last = stage.together(MakeRuns([submission()], ["u1"]), Spoiler(), MakeRuns([submission()], ["u2"]))
    assert [run.uuid for run in first + last] == ["u1", "u2"]
    assert isinstance(spoiled, KeyError)
    assert stage.reader.totals().by_state["pending"] == 2
    stage.coordinator.rest()
    assert sum(depth.pending for depth in stage.queue.depths()) == 2


def test_a_broken_constraint_hits_only_the_one_that_broke_it(stage):
    stage.submit("u1")
    good, bad = stage.together(MakeRuns([submission()], ["u2"]), MakeRuns([submission()], ["u1"]))
    assert good[0].uuid == "u2"
    assert isinstance(bad, Exception)
    assert stage.reader.totals().total == 2


def test_an_absent_record_is_said_to_all_at_once(stage):
    stage.record.away = True
    errors = stage.together(*(MakeRuns([submission()], [f"u{n}"]) for n in range(5)))
    assert [type(error) for error in errors] == [RecordUnavailable] * 5
    assert stage.record.transactions == 2, "nobody is tried alone while the record is away"


def test_with_the_queue_away_a_submission_succeeds_and_is_owed(stage):
    stage.queue.break_down()
    run = stage.submit("u1")
    assert run.id == 1
    assert stage.owed() == ["u1"]
    assert stage.reader.runs_in(RunState.PENDING, 0, 10) == [(1, "u1")]


def test_what_the_queue_has_is_owed_no_more(stage, eventually):
    stage.submit("u1")
    eventually(lambda: stage.owed() == [], "the debt is cleared")


def test_a_debt_that_grew_again_is_not_cleared_with_the_old_one(stage):
    stage.submit("u1")
    stage.queue.break_down()
    stage.writer.do(RequeueRuns(["u1"]))
    stage.submit("u2")
    stage.submit("u3")
    assert "u1" in stage.owed()


def test_with_the_queue_away_a_lease_brings_nothing(stage):
    stage.submit("u1")
    stage.queue.break_down()
    assert stage.writer.do(LeaseRuns(offer(), ["a" * 32], 10.0)) == []
    stage.queue.mend()
    assert len(stage.writer.do(LeaseRuns(offer(), ["a" * 32], 10.0))) == 1


def test_leases_in_one_batch_get_different_runs(stage):
    for number in range(3):
        stage.submit(f"u{number}")
    leases = stage.together(*(LeaseRuns(offer(f"n{n}", 2), ["a" * 32, "b" * 32], 10.0) for n in range(3)))
    assert sorted(lease.run.uuid for answer in leases for lease in answer) == ["u0", "u1", "u2"]


def test_the_writer_outlives_a_queue_that_fails_in_a_way_of_its_own(stage, caplog):
    stage.queue.broken = True
    assert stage.submit("u1").id == 1
    with pytest.raises(ZeroDivisionError):
        stage.writer.do(LeaseRuns(offer(), ["a" * 32], 10.0))
    stage.queue.broken = False
    assert stage.submit("u2").id == 2
    assert stage.owed() != []
    assert "in a way of its own" in caplog.text


def test_each_batch_is_told_of_after_it_is_written(stage):
    run = stage.submit("u1")
    _, refused = stage.together(CancelRun(run.id), CancelRun(run.id))
    assert isinstance(refused, Conflict)
    stage.submit("u2")  # callers are answered first: only a later batch shows that all was told of the one before
    events = [notice.event for batch in stage.coordinator.written for notice in batch.notices()]
    assert events[:2] == ["task_created", "task_failed"]


def test_a_stop_writes_what_has_gathered(stage):
    async def ask_and_stop():
        stage.record.close_the_gate()
        asked = [asyncio.ensure_future(stage.writer.ask(MakeRuns([submission()], [f"u{n}"]))) for n in range(3)]
        await asyncio.to_thread(stage.record.reached.wait)
        stopping = asyncio.ensure_future(asyncio.to_thread(stage.writer.stop))
        await asyncio.sleep(0)
        stage.record.gate.set()
        await stopping
        return await asyncio.gather(*asked)

    assert [runs[0].uuid for runs in asyncio.run(ask_and_stop())] == ["u0", "u1", "u2"]
    assert stage.reader.totals().total == 3


def test_one_that_lost_a_race_is_tried_once_more(stage):
    stage.record.inner = LostRace(stage.record.inner)
    assert stage.submit("u1").id == 1


class LostRace:
    """The real record; its first transaction finds that another coordinator was quicker."""

    def __init__(self, inner: SqlRecord) -> None:
        self.inner, self.races = inner, 1

    @contextmanager
    def transaction(self) -> Iterator[object]:
        with self.inner.transaction() as transaction:
            yield transaction
            if self.races:
                self.races -= 1
                raise RuntimeError("deadlock detected")
