"""What is asked of the record, on SQLite and on PostgreSQL."""

from dataclasses import replace

import pytest

from idlegrid_server.core.batch import Batch
from idlegrid_server.core.commands import Beat, MakeRuns, NodeFacts
from idlegrid_server.core.limits import Times
from idlegrid_server.core.model import LogPiece, Node, NodeHealth, NodeState, Output, Payload, Run, RunState, Sandbox
from idlegrid_server.core.queries import RunFilter, Taken
from idlegrid_server.core.retention import Ages
from idlegrid_server.record.facts import ensure_server_uuid, remember_queue_identity
from idlegrid_server.record.reader import EXCERPT

from ..parts import START, forget, submission

PLAIN = Run(
    id=0,
    uuid="",
    submitter="ann",
    task_type="python",
    queue="normal/python/1c/512M/s3",
    priority=1,
    cpu=1,
    memory_mb=512,
    requires="[]",
    min_sandbox=3,
    timeout=300,
    retry_limit=0,
    state=RunState.PENDING,
    created_at=START,
)


def keep(pen, *runs: dict[str, object], result: str | None = None) -> list[Run]:
    """Runs with these values, in the order given, named u1, u2, …"""
    batch = Batch(START)
    first = pen.reader.totals().total
    for number, words in enumerate(runs, start=first + 1):
        batch.add_run(replace(PLAIN, uuid=f"u{number}", **words), Payload("1", "{}"))
    pen.save(batch)
    kept = [run for run, _ in batch.new_runs]
    if result is not None:
        after = Batch(START)
        after.include(kept)
        after.outputs = {run.uuid: Output(f"{result}{run.id}", None) for run in kept}
        pen.save(after)
    return kept


DONE = {"state": RunState.COMPLETED, "started_at": START + 1, "finished_at": START + 2}


def ids(pen, **words) -> list[int]:
    return [view.run.id for view in pen.reader.runs(RunFilter(**words))[0]]


# --- one run ---


def test_what_is_not_there_is_none(pen):
    assert (pen.reader.view(1), pen.reader.detail(1), pen.reader.node("n1")) == (None, None, None)
    assert (pen.reader.nodes(), pen.reader.logs(1, -1, 10), pen.reader.results([1])) == ([], [], [])


def test_a_detail_shows_code_and_story(pen):
    keep(pen, {})
    detail = pen.reader.detail(1)
    assert (detail.code, detail.parameters, detail.attempts) == ("1", "{}", [])
    assert detail.story == [(START, "created", PLAIN.queue)]


def test_logs_are_paged_by_id_and_read_from_the_end(pen):
    run, other = keep(pen, {}, {})
    batch = Batch(START)
    for seq in range(5):
        for owner in (run, other):
            batch.logs.append(LogPiece(owner.id, 1, seq, START + seq, "stderr" if seq % 2 else "stdout", f"{seq}"))
    pen.save(batch)
    first = pen.reader.logs(run.id, -1, 3)
    assert [(line.at, line.stream, line.text) for line in first] == [
        (START, "stdout", "0"),
        (START + 1, "stderr", "1"),
        (START + 2, "stdout", "2"),
    ]
    assert [line.text for line in pen.reader.logs(run.id, first[-1].id, 3)] == ["3", "4"]
    assert [line.text for line in pen.reader.last_logs(run.id, 2)] == ["3", "4"]


# --- lists ---


@pytest.mark.parametrize(
    ("words", "wanted"),
    [
        ({}, [5, 4, 3, 2, 1]),
        ({"newest_first": False}, [1, 2, 3, 4, 5]),
        ({"states": ["pending"]}, [5, 1]),
        ({"states": ["pending", "running"]}, [5, 3, 2, 1]),
        ({"states": []}, []),
        ({"node_id": "n1"}, [4, 2]),
        ({"node_id": "n1", "states": ["running"]}, [2]),
        ({"submitter": "bob"}, [5]),
        ({"size": 2}, [5, 4]),
        ({"size": 2, "offset": 4}, [1]),
        ({"size": 2, "offset": 6}, []),
    ],
)
def test_a_list_shows_what_was_asked_for(pen, words, wanted):
    keep(
        pen,
        {},
        {"state": RunState.RUNNING, "node_id": "n1"},
        {"state": RunState.RUNNING, "node_id": "n2"},
        {**DONE, "node_id": "n1"},
        {"submitter": "bob"},
    )
    assert ids(pen, **words) == wanted


def test_a_list_says_how_many_there_are_in_all(pen):
    keep(pen, {}, {}, {"submitter": "bob"})
    assert pen.reader.runs(RunFilter(size=1))[1] == 3
    assert pen.reader.runs(RunFilter(size=1, submitter="bob"))[1] == 1


def test_a_list_cuts_results_and_errors(pen):
    (run,) = keep(pen, DONE)
    batch = Batch(START)
    batch.include([run])
    batch.outputs[run.uuid] = Output("ü" * (EXCERPT + 1), "é" * EXCERPT)
    pen.save(batch)
    ((view,), _) = pen.reader.runs(RunFilter())
    assert (view.result, view.error) == ("ü" * EXCERPT, "é" * EXCERPT)


def test_results_are_paged_by_id_newest_last(pen):
    keep(pen, *([DONE, {}] * 5), result="r")
    assert pen.reader.result_ids(None, 3) == [5, 7, 9]
    assert pen.reader.result_ids(0, 3) == [1, 3, 5]
    assert pen.reader.result_ids(5, 10) == [7, 9]
    assert pen.reader.result_ids(9, 10) == []
    assert pen.reader.results([9, 1]) == [(1, "r1", START + 2), (9, "r9", START + 2)]


def test_a_result_that_printed_nothing_is_an_empty_text(pen):
    keep(pen, DONE)
    assert pen.reader.results([1]) == [(1, "", START + 2)]


# --- what housekeeping asks ---


def test_expired_are_running_runs_whose_lease_is_over_oldest_first(pen):
    running = {"state": RunState.RUNNING}
    keep(
        pen,
        {**running, "lease_expires_at": START + 2},
        {**running, "lease_expires_at": START + 1},
        {**running, "lease_expires_at": START + 3},
        {"lease_expires_at": START},
        {**DONE, "lease_expires_at": START},
    )
    assert pen.reader.expired(START + 2, 10) == ["u2", "u1"]
    assert pen.reader.expired(START + 9, 1) == ["u2"]


def test_due_are_waiting_runs_whose_delay_is_over_oldest_first(pen):
    waiting = {"state": RunState.WAITING}
    keep(
        pen,
        {**waiting, "not_before": START + 2},
        {**waiting, "not_before": START + 1},
        {**waiting, "not_before": START + 3},
        {**waiting, "not_before": None},
        {"not_before": START},
    )
    assert pen.reader.due(START + 2, 10) == ["u2", "u1"]
    assert pen.reader.due(START + 9, 1) == ["u2"]


def test_owed_are_the_oldest_debts_first(pen, clock):
    for uuid in ("c", "a", "b"):
        batch = Batch(clock.now())
        batch.owed = {uuid}
        pen.save(batch)
        clock.advance(1)
    assert pen.reader.owed(START, 10) == []
    assert pen.reader.owed(START + 2, 10) == ["c", "a"]
    assert pen.reader.owed(START + 9, 1) == ["c"]


def test_silent_nodes_are_those_believed_alive(pen):
    batch = Batch(START)
    for name, health, seen in (("a", "alive", 1), ("b", "alive", 5), ("c", "lost", 1), ("d", "left", 1)):
        batch.changed_nodes[name] = Node(
            id=name, registered_at=START, last_seen=START + seen, health=NodeHealth(health)
        )
    pen.save(batch)
    assert pen.reader.silent_nodes(START + 5) == ["a"]


def test_runs_of_a_state_are_walked_by_id_for_a_rebuild(pen):
    keep(pen, {}, DONE, {}, {}, {"state": RunState.RUNNING})
    assert pen.reader.runs_in("pending", 0, 2) == [(1, "u1"), (3, "u3")]
    assert pen.reader.runs_in("pending", 3, 2) == [(4, "u4")]
    assert pen.reader.runs_in("running", 0, 2) == [(5, "u5")]


def test_the_runs_that_nodes_hold_are_counted(pen):
    held = {"state": RunState.RUNNING, "node_id": "n1"}
    keep(pen, held, held, {**held, "node_id": "n2"}, {**DONE, "node_id": "n1"})
    assert pen.reader.held_by(["n1", "n2", "n3"]) == {"n1": 2, "n2": 1}
    assert pen.reader.held_by([]) == {}
    assert pen.reader.taken() == {"n1": Taken(2, 2.0, 1024), "n2": Taken(1, 1.0, 512)}


def test_those_ahead_are_counted_in_each_queue_up_to_its_own_time_and_at_it_by_id(pen):
    made = [{"created_at": START + second} for second in (0, 1, 1, 1, 2)]
    runs = keep(pen, *made, *({**words, "queue": "other"} for words in made), {**DONE, "created_at": START})
    own = {runs[2].queue: START + 1}
    assert [pen.reader.ahead(run, own) for run in runs[1:4]] == [1, 2, 3]
    assert pen.reader.ahead(runs[2], {**own, "other": START + 2}) == 6
    unknown = {f"unknown{number}": START for number in range(1_500)}
    assert pen.reader.ahead(runs[2], {**unknown, **own}) == 2
    assert pen.reader.ahead(runs[2], {}) == 0


def test_nodes_come_by_name(pen):
    for name in ("b", "a"):
        pen.do(Beat(name, NodeFacts(state=NodeState.IDLE), [], Times()))
    assert [node.id for node in pen.reader.nodes()] == ["a", "b"]


def test_one_node_stands_for_all_of_its_kind(pen):
    facts = [
        NodeFacts(state=NodeState.IDLE),
        NodeFacts(state=NodeState.IDLE, labels=("gpu",)),
        NodeFacts(state=NodeState.BUSY, reason="input"),
        NodeFacts(state=NodeState.IDLE, sandbox=Sandbox(level=3, tested_at=1.0)),
        NodeFacts(state=NodeState.IDLE, sandbox=Sandbox(level=3, tested_at=2.0)),
    ]
    for number, of in enumerate([*facts, facts[0]]):
        pen.do(Beat(f"n{number}", of, [], Times()))
    assert sorted(node.id for node in pen.reader.node_kinds()) == ["n0", "n0", "n1", "n2", "n3", "n3"]
    assert {node.id: node for node in pen.reader.node_kinds()}["n1"] == pen.reader.node("n1")


def test_hostnames_are_those_of_the_nodes_that_are_known(pen):
    for name in ("b", "a"):
        pen.do(Beat(name, NodeFacts(state=NodeState.IDLE, hostname=f"host-{name}"), [], Times()))
    assert pen.reader.hostnames(["a", "c"]) == {"a": "host-a"}
    assert pen.reader.hostnames([]) == {}


def test_keys_of_long_ago_are_forgotten_and_their_runs_are_not(pen, engine, clock):
    for name in ("old", "new"):
        pen.do(MakeRuns([submission()], [name], name, ""))
        clock.advance(10)
    forget(engine, clock, Ages(keys=15))
    assert set(pen.load(keys={"old", "new"}).keys) == {"new"}
    assert pen.reader.totals().total == 2


# --- figures ---


def test_an_empty_record_has_figures_too(pen):
    totals = pen.reader.totals()
    assert (totals.total, totals.completed_seconds, totals.compute_seconds) == (0, 0.0, 0.0)
    timeline = pen.reader.timeline(START, 60, 3)
    assert (timeline.submitted, timeline.queue_depth, timeline.run_seconds) == ([0] * 3, [0] * 3, [])


def test_totals_add_up_by_state(pen):
    keep(pen, {}, {}, DONE)
    totals = pen.reader.totals()
    assert (totals.total, totals.of("pending", "waiting"), totals.of("completed")) == (3, 2, 1)


def test_completed_since_counts_completed_runs_alone(pen):
    failed = {**DONE, "state": RunState.FAILED}
    keep(pen, DONE, {**DONE, "finished_at": START + 10}, failed, {})
    assert pen.reader.completed_since(START + 2) == 2
    assert pen.reader.completed_since(START + 3) == 1


def test_a_timeline_counts_what_happened_in_each_part_of_its_window(pen):
    keep(
        pen,
        {"created_at": START - 100},
        {"created_at": START + 1},
        {"created_at": START + 11, "state": RunState.RUNNING, "started_at": START + 12},
        {**DONE, "created_at": START + 21, "started_at": START + 21, "finished_at": START + 29, "wall_seconds": 8.0},
        {**DONE, "state": RunState.TIMED_OUT, "created_at": START + 22, "finished_at": START + 29.999},
        {**DONE, "created_at": START - 50, "started_at": START - 40, "finished_at": START - 30, "wall_seconds": 1.0},
    )
    timeline = pen.reader.timeline(START + 30, 30, 3)
    assert (timeline.start, timeline.bucket_seconds) == (START, 10)
    assert timeline.submitted == [1, 1, 2]
    assert timeline.completed == [0, 0, 1]
    assert timeline.failed == [0, 0, 1]
    assert timeline.run_seconds == [8.0]
    assert timeline.queue_depth[-1] == 2


def test_what_happens_at_the_very_end_of_a_window_is_in_its_last_part(pen):
    keep(pen, {"created_at": START + 30})
    assert pen.reader.timeline(START + 30, 30, 3).submitted == [0, 0, 1]


# --- what is true of the whole record ---


def test_a_record_has_one_name_for_ever(pen, engine):
    name = pen.reader.server_uuid()
    ensure_server_uuid(engine)
    assert len(name) == 36
    assert pen.reader.server_uuid() == name


def test_the_queues_identity_is_the_one_last_remembered(pen, engine):
    assert pen.reader.queue_identity() == ""
    remember_queue_identity(engine, "one")
    remember_queue_identity(engine, "two")
    assert pen.reader.queue_identity() == "two"
