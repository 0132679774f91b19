"""Reading nodes, the record about itself, and its journal: on SQLite and PostgreSQL."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest
from sqlalchemy import text

from idlegrid_server.core.batch import Batch
from idlegrid_server.core.commands import LeaseRuns, MakeRuns
from idlegrid_server.core.model import Node, NodeHealth, NodeSpell, NodeState, NodeWish
from idlegrid_server.core.node_queries import NODE_SORTS, HeldRun, NodeFilter, NodeTotals
from idlegrid_server.core.nodedesk import status_of
from idlegrid_server.core.retention import Ages
from idlegrid_server.core.system_queries import JournalEntry, JournalFilter
from idlegrid_server.record.journal import Journal
from idlegrid_server.record.node_reader import SqlNodeReader
from idlegrid_server.record.pages import CHUNK, Pages
from idlegrid_server.record.retention import JOURNAL_MOST
from idlegrid_server.record.system_reader import SqlSystemReader

from ..parts import START, forget, offer, submission

PLAIN = Node(id="plain", registered_at=START, last_seen=START, state=NodeState.IDLE, hostname="lab-1")
NODES = [
    PLAIN,
    replace(PLAIN, id="odd", hostname="LAB-2", task_types=("python", "r_2"), load_average=0.5, registered_at=START + 1),
    replace(PLAIN, id="bound", task_types=("python", "r_2"), operator_types=("python",), cpu_percent=20.0),
    replace(PLAIN, id="free", task_types=("r_2",), operator_types=("r_2", "http"), memory_percent=50.0),
    replace(PLAIN, id="drained", wish=NodeWish.DRAINING),
    replace(PLAIN, id="drains", state=NodeState.DRAINING),
    replace(PLAIN, id="barred", wish=NodeWish.OFFLINE),
    replace(PLAIN, id="lost", health=NodeHealth.LOST, state=NodeState.OFFLINE, load_average=9.0),
    replace(PLAIN, id="gone", health=NodeHealth.LEFT, wish=NodeWish.GONE, state=NodeState.OFFLINE),
]
SHOWN = {node.id for node in NODES} - {"gone"}


@pytest.fixture
def reader(pen, engine) -> SqlNodeReader:
    """Over a record with the nodes above."""
    batch = Batch(START, changed_nodes={node.id: node for node in NODES})
    pen.save(batch)
    return SqlNodeReader(engine)


def ids(reader, **words) -> set[str]:
    nodes, total = reader.page(NodeFilter(size=100, **words))
    assert len(nodes) == total
    return {node.id for node in nodes}


def test_nodes_are_read_as_they_were_written_but_for_those_that_were_sent_away(reader):
    nodes, total = reader.page(NodeFilter(size=100))
    assert (total, {node.id: node for node in nodes}) == (len(SHOWN), {n.id: n for n in NODES if n.id in SHOWN})


@pytest.mark.parametrize("status", ["active", "draining", "offline"])
def test_a_status_is_in_the_database_what_it_is_in_the_core(reader, status):
    assert ids(reader, status=status) == {n.id for n in NODES if n.id in SHOWN and status_of(n) == status}


def test_nodes_are_filtered_by_type_and_name(reader):
    assert ids(reader, task_type="r_2") == {"odd", "free"}
    assert ids(reader, task_type="r%") == ids(reader, task_type="python ") == ids(reader, task_type='"') == set()
    assert ids(reader, hostname="lab-2") == {"odd"}
    assert ids(reader, hostname="lab") == set()


@pytest.mark.parametrize("sort", NODE_SORTS)
def test_every_sort_has_two_directions_and_goes_on_over_pages(reader, sort):
    whole, _ = reader.page(NodeFilter(sort=sort, size=100))
    pages = [reader.page(NodeFilter(sort=sort, size=3, page=number))[0] for number in (1, 2, 3)]
    backwards, _ = reader.page(NodeFilter(sort=sort, size=100, descending=False))
    assert [n.id for n in whole] == [n.id for page in pages for n in page] == [n.id for n in reversed(backwards)]


def test_nodes_are_counted(reader):
    counts = reader.counts()
    assert counts.by_status == {"active": 5, "draining": 1, "offline": 2}
    assert counts.by_state == {"idle": 6, "draining": 1, "offline": 1}
    assert (counts.total, counts.average_load) == (8, pytest.approx((0.5 + 0.2) / 7))


def test_a_nodes_totals_begin_again_when_it_comes_back(pen, reader):
    assert reader.totals("plain") == NodeTotals()
    spells = [(1, "idle"), (2, "busy"), (3, "offline"), (5, "idle"), (6, "busy")]
    batch = Batch(START, spells=[NodeSpell("plain", START + at, state, "") for at, state in spells])
    batch.node_totals["plain"] = [4, 2, 1, 12.5, 1]
    pen.save(batch)
    assert reader.totals("plain") == NodeTotals(2, 1, 4, 12.5, START + 5)
    pen.save(Batch(START, spells=[NodeSpell("plain", START + 7, "offline", "")]))
    assert reader.totals("plain").up_since is None


def test_what_a_node_holds_is_read_newest_first(pen, reader):
    for number in (1, 2):
        pen.do(MakeRuns([submission()], [f"u{number}"]))
        lease = LeaseRuns(offer("plain"), [str(number) * 32], 10.0)
        lease.popped = [f"u{number}"]
        pen.do(lease)
    assert [(run.run_id, run.run_uuid, run.lease_id) for run in reader.held("plain")] == [
        (2, "u2", "2" * 32),
        (1, "u1", "1" * 32),
    ]
    held = reader.holder("u1")
    assert held == HeldRun(1, "u1", "1" * 32, None, None, START, is_running=True)
    assert reader.holder("nobody") is None


# --- the record about itself ---


def test_the_record_says_how_it_is(engine):
    system = SqlSystemReader(engine)
    assert system.ping() > 0
    pool = system.pool()
    assert (pool.active, pool.idle >= 1) == (0, True)
    assert system.ended_since(0) == 0


# --- the journal ---


def entry(number: int, **words) -> JournalEntry:
    usual = {"at": START + number, "level": "info", "service": "api", "message": f"m{number}", "metadata": "{}"}
    return JournalEntry(**{**usual, **words})


def write(engine, *entries: JournalEntry) -> None:
    pages = Pages()
    for one in entries:
        pages.add(one)
    Journal(engine, pages).flush()


def read(engine, **words) -> list[JournalEntry]:
    found, total = SqlSystemReader(engine).journal(JournalFilter(size=1_000, **words))
    assert len(found) == total
    return found


@contextmanager
def away(engine) -> Iterator[None]:
    """The journal's table is not where it was."""
    for old, new in (("journal", "elsewhere"), ("elsewhere", "journal")):
        with engine.begin() as connection:
            connection.execute(text(f"ALTER TABLE {old} RENAME TO {new}"))
        if new == "elsewhere":
            yield


def test_entries_are_kept_and_found(engine):
    kept = [entry(1), entry(2, level="warn", service="queue"), entry(3, level="error", metadata='{"a": "ü"}')]
    write(engine, *kept)
    assert read(engine) == kept[::-1]
    assert read(engine, levels=("warn", "error")) == [kept[2], kept[1]]
    assert read(engine, service="queue") == [kept[1]]
    assert read(engine, since=START + 2, until=START + 2) == [kept[1]]


def test_more_than_one_chunk_is_written(engine):
    write(engine, *[entry(number) for number in range(CHUNK + 1)])
    assert len(read(engine)) == CHUNK + 1


def test_while_the_record_takes_none_entries_wait_and_the_oldest_give_way(engine):
    pages = Pages(most=3)
    journal = Journal(engine, pages)
    for number in range(1, 6):
        pages.add(entry(number))
    with away(engine):
        journal.flush()
    pages.add(entry(6))
    journal.flush()
    found = read(engine)
    assert [one.message for one in found if one.message.startswith("m")] == ["m6", "m5", "m4"]
    lost = [one for one in found if "dropped" in one.message]
    assert sum(json.loads(one.metadata)["entries"] for one in lost) == 3


def test_old_entries_are_forgotten_and_all_but_the_newest(engine, clock, monkeypatch):
    write(engine, *[entry(number) for number in range(1, 6)])
    clock.advance(10)
    forget(engine, clock, Ages(logs=8))
    assert [one.message for one in read(engine)] == ["m5", "m4", "m3", "m2"]
    monkeypatch.setattr("idlegrid_server.record.retention.JOURNAL_MOST", 2)
    forget(engine, clock, Ages())
    assert [one.message for one in read(engine)] == ["m5", "m4"]
    assert JOURNAL_MOST == 100_000
