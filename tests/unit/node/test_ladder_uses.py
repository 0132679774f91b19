from dataclasses import replace
from datetime import datetime, timedelta

from idlegrid_node.ladder import Ladder, Position, State
from idlegrid_node.policy import DESKTOP, OFFICE_HOURS, Policy
from idlegrid_node.presence import Signs

AWAY = Signs(4000.0, 1.0, on_battery=False, free_memory_pct=60.0)
MONDAY_AT_SEVEN = datetime.fromisoformat("2026-06-01T07:00:00+02:00")
IDLE, RUNNING = Position(State.IDLE, "owner_away"), Position(State.RUNNING, "owner_away")


def left_alone(policy: Policy = DESKTOP, attempts: int = 0) -> Ladder:
    ladder = Ladder(policy, 0.0)
    ladder.sandbox(0.0, works=True)
    ladder.look(AWAY, 0.0, MONDAY_AT_SEVEN)
    ladder.hold(attempts, 0.0)
    return ladder


def seen(ladder: Ladder, now: float, **changes: float | bool | None) -> Position:
    return ladder.look(replace(AWAY, **changes), now, MONDAY_AT_SEVEN + timedelta(seconds=now))


def seen_until(ladder: Ladder, since: int, now: int, **changes: float | bool | None) -> Position:
    """Look again and again, as a node does: a long time without a look is a machine that slept."""
    for then in range(since, now, 300):
        seen(ladder, then, **changes)
    return seen(ladder, now, **changes)


def test_a_film_is_use_though_nobody_touches_anything():
    ladder = left_alone(attempts=1)
    assert seen(ladder, 5, inhibited=True) == Position(State.FROZEN, "inhibitor")
    assert seen(ladder, 10, inhibited=False) == Position(State.FROZEN, "inhibitor")
    assert seen(ladder, 189, inhibited=False) == Position(State.FROZEN, "inhibitor")
    assert seen(ladder, 190, inhibited=False) == RUNNING


def test_an_owner_may_say_that_inhibitors_mean_nothing():
    assert seen(left_alone(replace(DESKTOP, inhibitors_count=False)), 5, inhibited=True) == IDLE


def test_a_film_whose_sign_cannot_be_read_any_more_goes_on():
    ladder = left_alone()
    seen(ladder, 5, inhibited=True)
    assert seen_until(ladder, 10, 4000, inhibited=None) == Position(State.BUSY, "inhibitor")


def test_what_nobody_watches_stands_in_nobodys_way():
    assert seen(left_alone(), 5, inhibited=None, exclusive=None, memory_pressure_pct=None) == IDLE


def test_an_exclusive_program_has_the_machine_until_it_has_been_gone_for_a_while():
    ladder = left_alone(attempts=1)
    assert seen(ladder, 5, exclusive=True) == Position(State.FROZEN, "exclusive_program")
    assert seen(ladder, 6, exclusive=False) == Position(State.FROZEN, "exclusive_program")
    assert seen(ladder, 20, exclusive=False).state is State.FROZEN
    assert seen(ladder, 21, exclusive=False) == RUNNING


def test_programs_that_wait_for_memory_stop_the_guest_at_once():
    ladder = left_alone(replace(DESKTOP, busy_above_memory_pressure_pct=5.0), attempts=1)
    assert seen(ladder, 5, memory_pressure_pct=5.0) == RUNNING
    assert seen(ladder, 6, memory_pressure_pct=5.1) == Position(State.FROZEN, "memory_pressure")
    assert seen(ladder, 7, memory_pressure_pct=0.0).state is State.FROZEN
    assert seen(ladder, 67, memory_pressure_pct=0.0) == RUNNING


def test_pressure_counts_only_where_the_owner_wants_it():
    assert seen(left_alone(), 5, memory_pressure_pct=90.0) == IDLE
    ladder = left_alone()
    seen(ladder, 5, cpu_pressure_pct=90.0)
    assert seen(ladder, 100, cpu_pressure_pct=90.0) == IDLE
    ladder = left_alone(replace(DESKTOP, busy_above_cpu_pressure_pct=20.0))
    seen(ladder, 5, cpu_pressure_pct=90.0)
    assert seen(ladder, 20, cpu_pressure_pct=90.0) == Position(State.BUSY, "cpu_load")


def test_each_position_names_the_sign_that_decided_and_its_age():
    ladder = left_alone(attempts=1)
    frozen = seen(ladder, 5, input_idle_s=0.3)
    assert (frozen.signal, frozen.age_s) == ("input_idle_s", 0.3)
    cause = seen(ladder, 605, input_idle_s=40.0)
    assert (cause.state, cause.reason, cause.signal, cause.age_s) == (State.EVICTING, "max_frozen", "input_idle_s", 40)
    ladder = left_alone()
    seen(ladder, 5, other_cpu_pct=90.0)
    seen(ladder, 20, other_cpu_pct=90.0)
    busy = seen(ladder, 50, other_cpu_pct=90.0)
    assert (busy.reason, busy.signal, busy.age_s) == ("cpu_load", "other_cpu_pct", 30)
    blind = seen(ladder, 55, free_memory_pct=None)
    assert (blind.reason, blind.signal) == ("probe_unknown", "free_memory_pct")


def test_before_closing_nothing_starts_and_then_what_runs_is_handed_back():
    ladder = left_alone(OFFICE_HOURS, attempts=1)
    closing = Position(State.RUNNING, "hours")
    assert seen_until(ladder, 5, 1829) == RUNNING
    assert ladder.takes_work
    assert seen(ladder, 1830) == closing
    assert not ladder.takes_work
    assert seen_until(ladder, 1835, 3029) == closing
    assert seen(ladder, 3030) == Position(State.EVICTING, "hours")
    assert ladder.hold(0, 3031) == Position(State.BUSY, "hours")


def test_a_closed_machine_opens_when_its_hours_are_over():
    ladder = left_alone(OFFICE_HOURS)
    assert seen_until(ladder, 5, 1830) == Position(State.BUSY, "hours")
    assert seen_until(ladder, 1835, 10 * 3600 + 299) == Position(State.BUSY, "hours")
    assert seen(ladder, 10 * 3600 + 300) == IDLE


def test_a_frozen_guest_is_handed_back_at_closing_too():
    ladder = left_alone(OFFICE_HOURS, attempts=1)
    seen_until(ladder, 5, 2900)
    seen(ladder, 3000, input_idle_s=1.0)
    assert seen(ladder, 3030, input_idle_s=31.0) == Position(State.EVICTING, "hours")


def test_hours_without_a_wall_clock_cannot_be_kept():
    blind = left_alone(OFFICE_HOURS).look(AWAY, 5.0)
    assert (blind, blind.signal) == (Position(State.UNKNOWN, "probe_unknown"), "hours")


def test_waking_the_machine_counts_as_an_input_where_the_clock_stood_still_in_sleep():
    ladder = left_alone(attempts=1)
    frozen = ladder.look(AWAY, 5.0, MONDAY_AT_SEVEN + timedelta(hours=8))
    assert (frozen, frozen.signal) == (Position(State.FROZEN, "input"), "wake")
    assert ladder.look(AWAY, 184.0, MONDAY_AT_SEVEN + timedelta(hours=8, seconds=179)).state is State.FROZEN
    assert ladder.look(AWAY, 185.0, MONDAY_AT_SEVEN + timedelta(hours=8, seconds=180)) == RUNNING


def test_waking_counts_as_an_input_where_the_clock_went_on_in_sleep():
    assert seen(left_alone(), 8 * 3600) == Position(State.BUSY, "input")


def test_a_wall_clock_that_is_set_back_does_nothing():
    ladder = left_alone(attempts=1)
    assert ladder.look(AWAY, 5.0, MONDAY_AT_SEVEN - timedelta(hours=5)) == RUNNING


def test_a_machine_without_input_has_nobody_who_wakes_it():
    ladder = left_alone(Policy(input="not_applicable"))
    assert ladder.look(AWAY, 5.0, MONDAY_AT_SEVEN + timedelta(hours=8)) == IDLE
