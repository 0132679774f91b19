"""Who is served before whom, as it is explained and as it turns out."""

import asyncio
import random

import pytest

from idlegrid_server.core.commands import Beat, HeldAttempt, LeaseRuns, MakeRuns, NodeFacts, Report, ReportRuns
from idlegrid_server.core.errors import NotFound
from idlegrid_server.core.explaining import Explainer
from idlegrid_server.core.limits import Times
from idlegrid_server.core.matching import QueueOrder, biases
from idlegrid_server.core.model import Need, NodeState, Outcome, Priority, Sandbox, Submission
from idlegrid_server.core.reasons import Code
from idlegrid_server.queue.memory import MemoryQueue

from ...parts import Coordinator, offer, submission

TIMES = Times()
HERE = NodeFacts(
    state=NodeState.IDLE,
    reason="always",
    slots=1,
    cpu_cores=64.0,
    memory_mb=65_536,
    sandbox=Sandbox(level=4),
    labels=("gpu",),
)


class Stage:
    """A coordinator, its queue, and who explains."""

    def __init__(self, engine, clock, order=QueueOrder.FIFO) -> None:
        self.clock, self.order, self.queue, self.made = clock, order, MemoryQueue(clock), 0
        self.coordinator = Coordinator(engine, self.queue, clock, TIMES)
        self.explainer = Explainer(self.coordinator.reader, self.queue, clock, order)
        self.coordinator.look()  # from here on the queue counts as filled

    def submit(self, *wishes):
        self.made += len(wishes)
        uuids = [f"u{self.made - number}" for number in range(len(wishes))]
        return self.coordinator.do(MakeRuns(list(wishes), uuids, "", "", self.order))

    def explain(self, run):
        return asyncio.run(self.explainer.explain(run.id))

    def join(self, name="n1", **words):
        facts = {field: getattr(HERE, field) for field in HERE.__slots__} | words
        self.coordinator.do(Beat(name, NodeFacts(**facts), [], TIMES))

    def lease(self, slots=1, name="n1"):
        command = LeaseRuns(
            offer(name, slots), [f"{random.getrandbits(128):032x}" for _ in range(slots)], TIMES.listing
        )
        leases = self.coordinator.do(command)
        held = [HeldAttempt(run_uuid=lease.run.uuid, lease_id=lease.lease_id) for lease in leases]
        self.coordinator.do(Beat(name, NodeFacts(), held, TIMES))
        return leases

    def report(self, lease, outcome, name="n1"):
        said = Report(run_uuid=lease.run.uuid, lease_id=lease.lease_id, outcome=outcome)
        self.coordinator.do(ReportRuns(name, [said]))

    def served(self):
        """The UUIDs of all that waits, as the queue hands them out to a node that can take anything."""
        return [uuid for _ in range(self.made) for (*popped,) in self.queue.pop([offer("n1")]) for uuid in popped]


@pytest.fixture
def stage(engine, clock):
    made = []

    def start(order=QueueOrder.FIFO):
        made.append(Stage(engine, clock, order))
        return made[-1]

    yield start
    for one in made:
        one.coordinator.stop()


@pytest.mark.parametrize("order", QueueOrder)
@pytest.mark.parametrize("seed", range(3))
def test_the_explained_places_are_those_in_which_runs_are_served(stage, order, seed):
    grid, draw = stage(order), random.Random(seed)
    grid.join()

    def wish():
        need = Need(cpu=draw.choice([1, 2]), memory_mb=draw.choice([128, 512]), requires=draw.choice([(), ("gpu",)]))
        words = {"submitter": draw.choice("ab"), "expected_seconds": draw.choice([1, 60, 600])}
        return Submission(code="1", need=need, priority=draw.choice(list(Priority)), **words)

    for lease in [lease for _ in range(3) for _ in grid.submit(wish(), wish()) for lease in grid.lease()]:
        grid.clock.advance(7)
        grid.report(lease, Outcome.COMPLETED)
    runs = []
    for _ in range(10):
        grid.clock.advance(draw.choice([1, 900, 3600]))
        runs += grid.submit(*[wish() for _ in range(draw.choice([1, 3]))])
    (evicted,) = grid.lease()
    grid.clock.advance(5)
    grid.report(evicted, Outcome.EVICTED)
    if order is QueueOrder.FAIR:
        grid.queue.favour(biases(grid.coordinator.reader.recent_usage(grid.clock.now())))
    explained = {run.uuid: grid.explain(run).ahead for run in runs}
    assert [uuid for uuid, _ in sorted(explained.items(), key=lambda place: place[1])] == grid.served()
    assert sorted(explained.values()) == list(range(len(runs)))


def test_a_retry_that_is_queued_again_stands_behind_those_who_came_meanwhile(stage):
    grid = stage()
    grid.join()
    (first,) = grid.submit(submission(retry_limit=3))
    (lease,) = grid.lease()
    grid.report(lease, Outcome.FAILED)
    assert [reason.code for reason in grid.explain(first).reasons] == [Code.RETRY_DELAY]
    grid.clock.advance(1)
    (second,) = grid.submit(submission())
    (other,) = grid.submit(submission(memory_mb=128))
    grid.clock.advance(1)
    grid.coordinator.look()
    grid.clock.advance(1)
    (third,) = grid.submit(submission())
    assert grid.explain(second).ahead == 1  # the other, whose queue is first by name
    assert [grid.explain(run).ahead for run in (first, third)] == [2, 3]
    assert grid.served() == [other.uuid, second.uuid, first.uuid, third.uuid]


def test_a_retry_that_nobody_of_its_queue_overtook_is_as_old_as_it_is(stage):
    grid = stage()
    grid.join()
    (first,) = grid.submit(submission(retry_limit=3))
    (lease,) = grid.lease()
    grid.report(lease, Outcome.FAILED)
    grid.clock.advance(1)
    (other,) = grid.submit(submission(memory_mb=128))
    grid.clock.advance(1)
    grid.coordinator.look()
    assert [grid.explain(run).ahead for run in (first, other)] == [0, 1]
    assert grid.served() == [first.uuid, other.uuid]


def test_a_run_of_a_full_grid_may_start_when_those_before_it_are_through(stage):
    grid = stage()
    grid.join()
    known = grid.submit(submission(), submission())
    for _ in known:
        (lease,) = grid.lease()
        grid.clock.advance(10)
        grid.report(lease, Outcome.COMPLETED)
    (held,) = grid.submit(submission())
    assert grid.explain(held).may_start_at == grid.clock.now()
    grid.lease()
    first, second = grid.submit(submission(), submission())
    assert [grid.explain(run).may_start_at for run in (first, second)] == [
        grid.clock.now() + 10,
        grid.clock.now() + 20,
    ]
    assert [reason.code for reason in grid.explain(second).reasons] == [Code.NODES_FULL, Code.BEHIND]


def test_without_experience_nobody_can_tell_when_a_full_grid_is_free(stage):
    grid = stage()
    grid.join()
    grid.submit(submission())
    grid.lease()
    (run,) = grid.submit(submission())
    assert grid.explain(run).may_start_at is None


def test_where_no_node_could_take_it_those_of_lesser_needs_are_before_it(stage):
    grid = stage()
    grid.submit(submission(), submission(cpu=0.5, memory_mb=100), submission(cpu=2), submission(requires=("gpu",)))
    grid.clock.advance(1)
    (run,) = grid.submit(submission())
    assert (grid.explain(run).ahead, grid.explain(run).may_start_at) == (2, None)


def test_a_queue_that_is_away_or_suspended_is_told_and_the_rest_still_is(stage):
    grid = stage()
    grid.join()
    (run,) = grid.submit(submission(cpu=99))
    grid.queue.suspend()
    assert [reason.code for reason in grid.explain(run).reasons] == [Code.QUEUE_SUSPENDED, Code.NEED_UNMET]
    assert grid.explain(run).ahead == 0
    grid.queue.break_down()
    told = grid.explain(run)
    assert [reason.code for reason in told.reasons] == [Code.QUEUE_AWAY, Code.NEED_UNMET]
    assert (told.ahead, told.may_start_at, len(told.nodes.known)) == (None, None, 1)


def test_a_run_that_there_is_not_is_not_explained(stage):
    with pytest.raises(NotFound, match="Run 9 not found"):
        asyncio.run(stage().explainer.explain(9))


@pytest.mark.parametrize("order", QueueOrder)
def test_a_preview_stands_where_the_run_would_stand(stage, order):
    grid, draw = stage(order), random.Random(7)
    grid.join()
    for _ in range(6):
        grid.submit(Submission(code="1", priority=draw.choice(list(Priority)), submitter=draw.choice("ab")))
        grid.clock.advance(draw.choice([0, 60, 5_000]))
    wish = Submission(code="1", submitter="b", need=Need(memory_mb=512))
    told = asyncio.run(grid.explainer.preview(wish))
    (run,) = grid.submit(wish)
    made = grid.explain(run)
    assert (told.ahead, told.reasons, told.may_start_at) == (made.ahead, made.reasons, made.may_start_at)
    assert told.run.queue == run.queue
