"""Nodes' weeks in the record: folded from spells, once, and nothing of what nobody saw."""

import pytest

from idlegrid_server.core.batch import Batch
from idlegrid_server.core.errors import RecordUnavailable
from idlegrid_server.core.model import Node, NodeSpell, NodeState, NodeWish
from idlegrid_server.core.weeks import GAP, HOUR, LOOK_SECONDS, Watch, Week, hour_at, lessons
from idlegrid_server.housekeeping.weeks import AGAIN_SECONDS, WeekFolder
from idlegrid_server.record.node_reader import SqlNodeReader
from idlegrid_server.record.weeks import SqlWeeks

from ..parts import START

BERLIN = 3_600


@pytest.fixture
def folder(engine, clock) -> WeekFolder:
    return WeekFolder(SqlWeeks(engine), clock)


@pytest.fixture
def known(engine) -> SqlNodeReader:
    return SqlNodeReader(engine)


def enter(pen, clock, node_id: str, state: str, *, spell: bool = True, **words: object) -> None:
    """The node is in this state from now on."""
    now = clock.now()
    node = Node(id=node_id, registered_at=START, last_seen=now, state=NodeState(state), since=now, **words)  # type: ignore[arg-type]
    spells = [NodeSpell(node_id, now, state, "")] if spell else []
    pen.save(Batch(now, changed_nodes={node_id: node}, spells=spells))


def look(folder, clock, seconds: float) -> None:
    """Keep house for so long."""
    for _ in range(round(seconds / LOOK_SECONDS)):
        clock.advance(LOOK_SECONDS)
        folder.fold_weeks()


def expected(spells, begin, end, utc_offset=0) -> Week:
    week = Week()
    week.take(lessons(spells, begin, end, utc_offset))
    return week


def test_spells_become_weeks_on_the_owners_clock_hour_by_hour(pen, clock, folder, known):
    enter(pen, clock, "a", "idle", utc_offset=BERLIN)
    enter(pen, clock, "b", "running")
    folder.fold_weeks()
    look(folder, clock, 1_200)
    enter(pen, clock, "a", "busy", utc_offset=BERLIN)
    changed = clock.now()
    look(folder, clock, 3 * HOUR - 1_200)
    end = START + 3 * HOUR
    a, b = known.week("a"), known.week("b")
    assert a.seen == pytest.approx(expected([(START, "idle"), (changed, "busy")], START, end, BERLIN).seen)
    assert a.idle == pytest.approx(expected([(START, "idle"), (changed, "busy")], START, end, BERLIN).idle)
    assert b.idle == pytest.approx(expected([(START, "idle")], START, end).idle)
    assert known.weeks() == {"a": (BERLIN, a), "b": (0, b)}


def test_a_node_that_has_done_one_thing_for_long_is_known_by_its_row(pen, clock, folder, known):
    enter(pen, clock, "a", "idle", spell=False)
    clock.advance(40 * 24 * HOUR)
    begin = clock.now()
    folder.fold_weeks()
    look(folder, clock, HOUR)
    assert known.week("a").idle == pytest.approx(expected([(START, "idle")], begin, clock.now()).idle)


def test_one_that_was_sent_away_is_not_folded_and_not_read(pen, clock, folder, known):
    enter(pen, clock, "a", "idle")
    folder.fold_weeks()
    look(folder, clock, HOUR)
    assert known.weeks().keys() == {"a"}
    seen = known.week("a").seen
    enter(pen, clock, "a", "offline", wish=NodeWish.GONE)
    look(folder, clock, HOUR)
    assert known.week("a").seen == seen
    assert not known.weeks()


def test_a_time_in_which_no_coordinator_looked_teaches_nothing(pen, clock, engine, folder, known):
    enter(pen, clock, "a", "idle")
    folder.fold_weeks()
    look(folder, clock, 1_800)
    stopped = clock.now()
    clock.advance(10 * HOUR)
    look(WeekFolder(SqlWeeks(engine), clock), clock, HOUR + LOOK_SECONDS)
    week, back = known.week("a"), stopped + 10 * HOUR + LOOK_SECONDS
    wanted = expected([(START, "idle")], START, stopped)
    wanted.take(lessons([(START, "idle")], back, back + HOUR, 0))
    assert week.seen == pytest.approx(wanted.seen)
    assert week.share(hour_at(stopped + 5 * HOUR, 0)) is None


def test_a_restart_between_two_notes_is_no_gap(pen, clock, engine, folder, known):
    enter(pen, clock, "a", "idle")
    folder.fold_weeks()
    look(folder, clock, 1_800)
    clock.advance(GAP - LOOK_SECONDS)
    look(WeekFolder(SqlWeeks(engine), clock), clock, HOUR)
    folded = SqlWeeks(engine).watch()[1].folded
    assert known.week("a").seen == pytest.approx(expected([(START, "idle")], START, folded).seen)


def test_two_that_fold_the_same_hour_add_it_once(pen, clock, engine, known):
    weeks = SqlWeeks(engine)
    enter(pen, clock, "a", "idle")
    weeks.note("", Watch(START, START))
    noted, watch = weeks.watch()
    end = START + HOUR
    assert weeks.fold(noted, watch, end, Watch(end, end))
    assert not weeks.fold(noted, watch, end, Watch(end, end))
    weeks.note(noted, Watch(START, START))
    assert weeks.watch()[1] == Watch(end, end)
    assert known.week("a").seen == pytest.approx(expected([(START, "idle")], START, end).seen)


def test_a_record_that_does_not_answer_is_asked_again_soon(clock):
    class Away:
        asked = 0

        def watch(self):
            self.asked += 1
            raise RecordUnavailable("away")

    away = Away()
    folder = WeekFolder(away, clock)  # type: ignore[arg-type]
    for _ in range(3):
        with pytest.raises(RecordUnavailable):
            folder.fold_weeks()
        clock.advance(AGAIN_SECONDS - 1)
        folder.fold_weeks()
        clock.advance(1)
    assert away.asked == 3
