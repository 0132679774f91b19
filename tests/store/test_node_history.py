"""What nodes did, and how often attempts failed there: on SQLite and PostgreSQL."""

from dataclasses import replace

import pytest
from sqlalchemy import insert

from idlegrid_server.core.batch import Batch
from idlegrid_server.core.model import Node, NodeHealth, NodeSpell, NodeState, NodeWish
from idlegrid_server.core.node_queries import NodeFilter, NodeTotals
from idlegrid_server.core.rates import SPAN, Rates
from idlegrid_server.core.spells import Spell
from idlegrid_server.record import tables as t
from idlegrid_server.record.node_reader import SqlNodeReader

from ..parts import START

PLAIN = Node(id="plain", registered_at=START, last_seen=START, since=START, state=NodeState.IDLE, hostname="Lab-1")
GONE = replace(PLAIN, id="gone", health=NodeHealth.LEFT, wish=NodeWish.GONE)


@pytest.fixture
def reader(engine) -> SqlNodeReader:
    return SqlNodeReader(engine)


@pytest.fixture
def ends(pen, clock, reader):
    """`ends(later, attempts, failures)`: that many, of a second each, so long after the last; how often by then."""

    def end(later: float, attempts: int, failures: int = 0) -> Rates:
        clock.advance(later)
        sums = [float(attempts), 0.0, 0.0, float(attempts), float(failures)]
        pen.save(Batch(clock.now(), node_totals={"plain": sums}))
        return reader.rates(["plain"], clock.now()).get("plain", Rates())

    return end


def per_minute(ended: int, failed: int, clock) -> Rates:
    minutes = (SPAN + clock.now() % SPAN) / 60
    return Rates(pytest.approx(ended / minutes), pytest.approx(failed / minutes))


def test_what_ends_counts_in_its_span_and_through_the_next(ends, clock, reader):
    clock.advance(SPAN - clock.now() % SPAN)
    assert ends(0, 4, 1) == per_minute(4, 1, clock)
    assert ends(SPAN - 1, 2) == per_minute(6, 1, clock)
    assert ends(1, 3, 3) == per_minute(9, 4, clock)
    assert ends(SPAN, 1) == per_minute(4, 3, clock)
    clock.advance(2 * SPAN)
    assert reader.rates(None, clock.now()) == {}
    assert ends(0, 1) == per_minute(1, 0, clock)
    assert reader.totals("plain") == NodeTotals(0, 0, 11, 11.0)


def test_a_coordinator_whose_clock_is_behind_counts_in_the_span_before(ends, clock):
    clock.advance(SPAN - clock.now() % SPAN)
    ends(0, 4)
    assert ends(-1, 2, 2) == Rates(pytest.approx(6 / 5), pytest.approx(2 / 5))
    assert ends(1, 1) == per_minute(7, 2, clock)


def test_after_a_clock_that_was_far_ahead_counting_begins_anew(ends, clock):
    ends(0, 4)
    assert ends(-10 * SPAN, 2, 1) == per_minute(2, 1, clock)


def test_who_fails_ten_in_a_row_is_suspect_until_it_has_stopped_for_a_while(ends, clock, reader):
    assert not ends(0, 9, 9).suspect
    assert ends(1, 1, 1).suspect
    assert reader.rates(None, clock.now())["plain"].suspect
    assert not ends(0, 2).suspect
    assert reader.rates(["other"], clock.now()) == {}


def entered(pen, node: Node, *spells: tuple[float, str]) -> None:
    rows = [NodeSpell(node.id, START + at, state, "why") for at, state in spells]
    now = replace(node, since=rows[-1].at, state=NodeState(rows[-1].state), reason="why") if rows else node
    pen.save(Batch(START, changed_nodes={node.id: now}, spells=rows))


def test_what_nodes_were_is_told_for_those_that_are_known_in_the_order_asked(pen, reader):
    entered(pen, replace(PLAIN, id="b"), (-200, "busy"), (-100, "idle"), (50, "offline"), (90, "idle"))
    entered(pen, replace(PLAIN, id="a"), (30, "idle"))
    entered(pen, GONE, (10, "offline"))
    told = reader.spells(["b", "nobody", "a", "gone"], START, START + 100)
    assert list(told) == ["b", "a"]
    assert [(spell.start - START, spell.end - START, spell.state) for spell in told["b"]] == [
        (0, 50, "idle"),
        (50, 90, "offline"),
        (90, 100, "idle"),
    ]
    assert told["a"] == [Spell(START + 30, START + 100, "idle", "why")]


def test_who_has_been_one_thing_for_longer_than_spells_are_kept_was_so_all_the_time(pen, reader):
    entered(pen, replace(PLAIN, since=START - 1_000, reason="owner_away"))
    assert reader.spells(["plain"], START, START + 9) == {"plain": [Spell(START, START + 9, "idle", "owner_away")]}


def test_nodes_are_found_by_state_and_by_a_part_of_their_names(pen, reader):
    others = (replace(PLAIN, id="lab_2-ab", hostname="two", state=NodeState.BUSY), replace(PLAIN, id="x", hostname="%"))
    pen.save(Batch(START, changed_nodes={node.id: node for node in (PLAIN, GONE, *others)}))

    def ids(**words) -> list[str]:
        nodes, total = reader.page(NodeFilter(sort="id", descending=False, **words))
        assert len(nodes) == total
        return [node.id for node in nodes]

    assert (ids(state="busy"), ids(state="idle")) == (["lab_2-ab"], ["plain", "x"])
    assert (ids(search="LAB"), ids(search="lab_")) == (["lab_2-ab", "plain"], ["lab_2-ab"])
    assert (ids(search="%"), ids(search="lab", state="idle")) == (["x"], ["plain"])


def test_the_weeks_of_all_nodes_are_added_up(pen, engine, reader):
    assert reader.whole_week()[0] == 0
    pen.save(Batch(START, changed_nodes={node.id: node for node in (PLAIN, GONE, replace(PLAIN, id="other"))}))
    rows = [("plain", 5, 3_000.0, 1_500.0), ("other", 5, 1_000.0, 1_000.0), ("other", 6, 9.0, 9.0), ("gone", 5, 9e9, 0)]
    names = ("node_id", "hour", "seen_seconds", "idle_seconds")
    with engine.begin() as connection:
        connection.execute(insert(t.node_weeks), [dict(zip(names, row, strict=True)) for row in rows])
    workers, week = reader.whole_week()
    assert (workers, week.seen[5], week.idle[5], week.share(5)) == (2, 4_000.0, 2_500.0, 0.625)
    assert (week.seen[6], week.share(6), week.seen[7]) == (9.0, None, 0.0)
