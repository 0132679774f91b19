"""What the record keeps, on SQLite and on PostgreSQL."""

from dataclasses import MISSING, fields, replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError

from idlegrid_server.core.batch import Batch
from idlegrid_server.core.commands import (
    Beat,
    CancelRun,
    ExpireLeases,
    HeldAttempt,
    LeaseRuns,
    MakeRuns,
    NodeFacts,
    ReleaseRuns,
    Report,
    ReportRuns,
)
from idlegrid_server.core.errors import InvalidInput
from idlegrid_server.core.limits import MAX_BATCH, Times
from idlegrid_server.core.model import (
    EndedAttempt,
    IdempotencyKey,
    LogPiece,
    Node,
    NodeHealth,
    NodeSpell,
    NodeState,
    NodeWish,
    Outcome,
    Output,
    Payload,
    Run,
    RunState,
    Sandbox,
    StoryLine,
)
from idlegrid_server.record import tables as t
from idlegrid_server.record.statements import CHANGING, HEAD
from idlegrid_server.record.store import SHARDS

from ..parts import START, empty, offer, submission
from .conftest import Pen

TEXT = "grüße, 世界, \U0001f680, 'quotes', %s %(x)s :x \\ \n\ttabs"

RUN = Run(
    id=0,
    uuid="11111111-2222-3333-4444-555555555555",
    submitter="ann",
    task_type="python",
    queue="normal/python/1c/512M/s3",
    priority=2,
    cpu=0.7,
    memory_mb=2**40,
    requires='["gpu"]',
    min_sandbox=2,
    timeout=12.5,
    retry_limit=3,
    state=RunState.RUNNING,
    created_at=START + 0.123456,
    reason="frozen",
    retries=1,
    losses=2,
    attempts=4,
    not_before=START + 1,
    started_at=START + 2,
    finished_at=START + 3,
    lease_id="a" * 32,
    lease_via="node",
    node_id="n1",
    leased_at=START + 4,
    lease_expires_at=START + 5,
    listed=True,
    frozen=True,
    exit_code=-9,
    truncated=True,
    digest="d" * 64,
    cpu_seconds=1.25,
    wall_seconds=2.5,
    max_memory_mb=40.75,
    processes=12,
    sandbox=4,
    task_id=7,
    task_name="extract",
    trigger="schedule",
    scheduled_for=START + 9,
    parents_key="1,2",
    trace_id="req_0123456789abcdef",
)

NODE = Node(
    id="n1",
    registered_at=START,
    last_seen=START + 1,
    state=NodeState.RUNNING,
    reason="owner_away",
    since=START + 2,
    health=NodeHealth.LOST,
    wish=NodeWish.DRAINING,
    port=8080,
    metadata='{"room": 7}',
    max_tasks=2,
    operator_types=("python",),
    hostname="lab-07",
    address="10.0.0.7",
    pid=4242,
    version="1.0.0",
    python="3.11",
    profile="desktop",
    slots=4,
    task_types=("python", "shell"),
    labels=("gpu", "lab"),
    cpu_cores=7.5,
    memory_mb=2**40,
    cpu_percent=15.5,
    load_average=1.25,
    memory_percent=45.25,
    sandbox=Sandbox(
        level=4,
        backend="bubblewrap",
        version="0.11",
        kernel="6.1",
        metering="cgroup v2",
        reason=TEXT,
        remedy="none",
        tested_at=START + 3,
        passed=23,
        checks=24,
    ),
    utc_offset=-3600,
    policy='{"profile": "desktop"}',
    policy_refused="evict_grace_s: not the operator's to say",
    pushed_policy='{"start_after_s": 600}',
)


def made(pen, run: Run = RUN, payload: Payload | None = None) -> Run:
    batch = Batch(START)
    fresh = replace(run)
    batch.add_run(fresh, payload or Payload("print(1)", "{}"))
    pen.save(batch)
    return fresh


def changed(pen, run: Run, **outputs: str | None) -> None:
    batch = Batch(START)
    batch.include([run])
    batch.touch(run)
    if outputs:
        batch.outputs[run.uuid] = Output(outputs.get("result"), outputs.get("error"))
    pen.save(batch)


@pytest.mark.parametrize("example", [RUN, NODE, NODE.sandbox])
def test_the_examples_set_every_field_to_something_else_than_its_default(example):
    same = [f.name for f in fields(example) if f.default is not MISSING and getattr(example, f.name) == f.default]
    assert same == []


def test_a_new_run_comes_back_with_every_field(pen):
    run = made(pen)
    assert run.id == 1
    assert pen.load(uuids={run.uuid}).runs == {run.uuid: run}
    assert pen.load(ids={1}).by_id == {1: run}
    assert pen.reader.view(1).run == run


def test_a_changed_run_comes_back_with_every_field_that_can_change(pen):
    run = made(pen, replace(RUN, **{f.name: f.default for f in fields(Run) if f.default is not MISSING}))
    fixed = {name: getattr(run, name) for name in HEAD if name not in CHANGING}
    after = replace(RUN, **fixed)
    changed(pen, after)
    assert pen.reader.view(run.id).run == after


def test_what_can_be_none_comes_back_as_none(pen):
    nothing = {f.name: None for f in fields(Run) if f.default is None}
    run = made(pen, replace(RUN, **nothing))
    assert pen.reader.view(run.id).run == replace(RUN, id=run.id, **nothing)


def test_code_and_parameters_are_loaded_when_they_are_asked_for(pen):
    run = made(pen, payload=Payload(TEXT, '{"a": "\\u0000"}'))
    assert pen.load(uuids={run.uuid}).payloads == {}
    assert pen.load(uuids={run.uuid}, payloads={run.uuid}).payloads == {run.uuid: Payload(TEXT, '{"a": "\\u0000"}')}


def test_output_comes_back_as_it_was(pen):
    run = made(pen)
    changed(pen, run, result=TEXT * 1_000, error=None)
    view = pen.reader.view(run.id)
    assert (view.result, view.error) == (TEXT * 1_000, None)


def test_a_node_comes_back_with_every_field(pen):
    batch = Batch(START)
    batch.changed_nodes = {NODE.id: NODE}
    pen.save(batch)
    assert pen.reader.node("n1") == NODE == pen.load(nodes={"n1", "n2"}).nodes["n1"]
    batch.changed_nodes = {NODE.id: replace(NODE, labels=(), wish=NodeWish.ACTIVE, sandbox=Sandbox())}
    pen.save(batch)
    assert pen.reader.nodes() == [replace(NODE, labels=(), wish=NodeWish.ACTIVE, sandbox=Sandbox())]


def test_attempts_story_and_spells_come_back(pen, engine):
    run = made(pen)
    batch = Batch(START)
    batch.include([run])
    ended = EndedAttempt(run.id, 1, "n1", "a" * 32, START, START + 1, Outcome.EVICTED, "input", 1.5, 2.5, 3.5, 4, 3)
    batch.ended = [ended]
    batch.story = [StoryLine(run.uuid, START + 1, "evict", "x" * 600)]
    batch.spells = [NodeSpell("n1", START, "busy", "input")]
    pen.save(batch)
    detail = pen.reader.detail(run.id)
    assert detail.attempts == [ended]
    assert detail.story[1:] == [(START + 1, "evict", "x" * 500)]
    with engine.connect() as connection:
        assert connection.execute(select(t.node_states)).one()[1:] == ("n1", START, "busy", "input")


def test_ids_follow_the_order_of_submission_across_batches(pen):
    for first in range(0, 3 * MAX_BATCH, MAX_BATCH):
        batch = Batch(START)
        for number in range(MAX_BATCH):
            batch.add_run(replace(RUN, uuid=f"{first + number:036}", task_id=None), Payload("1", "{}"))
        pen.save(batch)
        assert [run.id for run, _ in batch.new_runs] == list(range(first + 1, first + MAX_BATCH + 1))
    assert pen.load(ids={2_345}).by_id[2_345].uuid == f"{2_344:036}"


def test_an_id_is_never_given_twice(pen, engine):
    assert made(pen).id == 1
    empty(engine)
    assert made(pen).id == 2


def test_a_second_run_of_the_same_uuid_is_refused_whole(pen):
    made(pen)
    batch = Batch(START)
    batch.add_run(replace(RUN, uuid="other"), Payload("1", "{}"))
    batch.add_run(replace(RUN), Payload("1", "{}"))
    with pytest.raises(IntegrityError):
        pen.save(batch)
    assert pen.load(uuids={"other"}).runs == {}
    assert pen.reader.totals().total == 1


def test_what_the_record_cannot_hold_is_the_callers_mistake(pen, engine):
    if engine.dialect.name == "sqlite":
        made(pen, replace(RUN, submitter="x" * 10_000))
        return
    with pytest.raises(InvalidInput, match="cannot hold"):
        made(pen, replace(RUN, submitter="x" * 10_000))
    with pytest.raises(InvalidInput, match="cannot hold"):
        made(pen, payload=Payload("\0", "{}"))
    with pytest.raises(InvalidInput, match="cannot hold"):
        pen.load(uuids={"\0"})


def test_a_key_brings_its_runs_with_it(pen):
    uuids = tuple(run.uuid for run in pen.do(MakeRuns([submission()] * 3, ["c", "b", "a"], "key", "words")))
    batch = pen.load(keys={"key", "other"})
    assert batch.keys == {"key": IdempotencyKey("key", "words", uuids, START)}
    assert [batch.runs[uuid].id for uuid in uuids] == [1, 2, 3]


def test_the_same_key_again_makes_nothing(pen):
    first = pen.do(MakeRuns([submission()], ["a"], "key", "words"))
    assert pen.do(MakeRuns([submission()], ["b"], "key", "words")) == first
    assert pen.reader.totals().total == 1


def test_a_piece_of_log_that_comes_twice_is_kept_once(pen):
    run = made(pen)
    pieces = [LogPiece(run.id, 1, seq, START, "stdout", TEXT) for seq in range(3)]
    for words in (pieces, pieces[1:], [replace(pieces[0], attempt=2)]):
        batch = Batch(START)
        batch.logs = list(words)
        pen.save(batch)
    assert [line.text for line in pen.reader.logs(run.id, 0, 100)] == [TEXT] * 4


def test_what_is_owed_is_owed_once_and_since_the_first_time(pen, clock):
    for owed in ({"a", "b"}, {"b", "c"}):
        batch = Batch(clock.now())
        batch.owed = owed
        pen.save(batch)
        clock.advance(10)
    assert pen.reader.owed(START + 1, 10) == ["a", "b"]
    pen.settle("a", "c", "stranger")
    assert pen.reader.owed(START + 1_000, 10) == ["b"]


def test_usage_is_summed_by_hour_submitter_and_node(pen, engine):
    for number in range(2):
        batch = Batch(START)
        batch.usage = {(472, "ann", "n1"): [1, 2.0, 3.0], (472 + number, "bob", "n1"): [2, 1.0, 1.0]}
        pen.save(batch)
    with engine.connect() as connection:
        rows = [tuple(row) for row in connection.execute(select(t.usage).order_by(t.usage.c.submitter, t.usage.c.hour))]
    assert rows == [(472, "ann", "n1", 2, 4.0, 6.0), (472, "bob", "n1", 2, 1.0, 1.0), (473, "bob", "n1", 2, 1.0, 1.0)]


def test_each_coordinator_counts_in_its_own_row(engine, clock, pen):
    for number in range(4 * SHARDS):
        Pen(engine, clock, f"coordinator-{number}").do(MakeRuns([submission()], [f"u{number}"]))
    with engine.connect() as connection:
        shards = connection.scalar(select(func.count()).select_from(t.counters))
    assert 1 < shards <= SHARDS
    assert pen.reader.totals().by_state["pending"] == 4 * SHARDS


# --- random histories ---

VERBS = ("submit", "lease", "beat", "complete", "fail", "evict", "cancel", "expire", "release")


@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
@given(history=st.lists(st.tuples(st.sampled_from(VERBS), st.integers(0, 7)), max_size=40))
def test_after_any_history_the_counters_equal_a_count_of_the_table(pen, engine, clock, history):
    empty(engine)
    for verb, number in history:
        clock.advance(7)
        _carry_out(pen, clock, verb, f"u{number}")
    totals = pen.reader.totals()
    with engine.connect() as connection:
        rows = connection.execute(select(t.runs.c.state, func.count()).group_by(t.runs.c.state)).all()
        times = connection.execute(
            select(t.runs.c.finished_at, t.runs.c.started_at).where(t.runs.c.state == "completed")
        ).all()
    assert {state: count for state, count in totals.by_state.items() if count} == dict(rows)
    assert totals.completed_seconds == pytest.approx(sum(end - start for end, start in times))


def _carry_out(pen, clock, verb: str, uuid: str) -> None:
    run = pen.load(uuids={uuid}).runs.get(uuid)
    if verb == "submit" and run is None:
        pen.do(MakeRuns([submission(retry_limit=1)], [uuid]))
    elif run is None:
        return
    elif verb == "lease":
        command = LeaseRuns(offer(), ["a" * 32], 5.0)
        command.popped = [uuid]
        pen.do(command)
    elif verb == "beat":
        pen.do(Beat("n1", NodeFacts(), [HeldAttempt(run_uuid=uuid, lease_id=run.lease_id or "")], Times()))
    elif verb in ("complete", "fail", "evict"):
        outcome = {"complete": Outcome.COMPLETED, "fail": Outcome.FAILED, "evict": Outcome.EVICTED}[verb]
        pen.do(ReportRuns("n1", [Report(run_uuid=uuid, lease_id=run.lease_id or "", outcome=outcome)]))
    elif verb == "cancel" and not run.state.is_final:
        pen.do(CancelRun(run.id))
    elif verb == "expire":
        pen.do(ExpireLeases([uuid]))
    elif verb == "release":
        pen.do(ReleaseRuns([uuid]))
