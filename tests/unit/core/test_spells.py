"""What nodes were over a time."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from idlegrid_server.core.spells import FINEST, Spell, spells

STATES = st.sampled_from(["idle", "busy", "running", "offline"])


def test_what_a_node_was_is_cut_to_the_time_that_was_asked_for():
    entered = [(-50.0, "idle", "owner_away"), (40.0, "busy", "input"), (900.0, "idle", "owner_away")]
    assert spells(entered, 0, 500) == [Spell(0, 40.0, "idle", "owner_away"), Spell(40.0, 500, "busy", "input")]


def test_it_begins_when_the_node_was_first_known():
    assert spells([(300.0, "idle", "")], 0, 500) == [Spell(300.0, 500, "idle", "")]
    assert spells([], 0, 500) == spells([(600.0, "idle", "")], 0, 500) == []


def test_what_is_too_short_to_be_seen_belongs_to_what_was_before_it():
    entered = [(0.0, "idle", ""), (10.0, "busy", ""), (10.4, "idle", ""), (30.0, "idle", "x")]
    assert spells(entered, 0, FINEST * 0.5) == [Spell(0.0, 30.0, "idle", ""), Spell(30.0, 1_000.0, "idle", "x")]


def test_the_first_spell_is_told_however_short_it_was():
    assert spells([(0.0, "unknown", "starting"), (0.1, "idle", "")], 0, 1_000)[0] == Spell(
        0.0, 0.1, "unknown", "starting"
    )


@given(st.lists(st.tuples(st.floats(-100, 600), STATES, st.just("")), max_size=30))
def test_spells_have_no_gaps_and_no_twins_and_end_now(entered):
    told = spells(sorted(entered), 0.0, 500.0)
    ends = [told[0].start, *(spell.end for spell in told)] if told else []
    assert ends[:-1] == [spell.start for spell in told]
    assert not told or (told[-1].end == 500.0 and told[0].start == max(0.0, min(at for at, *_ in entered)))
    assert all(one.state != other.state for one, other in pairwise(told))
    assert all(spell.end - spell.start >= 500 / FINEST for spell in told[1:])
