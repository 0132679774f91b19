import math

from idlegrid_node.ladder import Ladder, Position, State
from idlegrid_node.policy import ALWAYS, DESKTOP, Policy
from idlegrid_node.presence import Hysteresis, Signs

AWAY = Signs(input_idle_s=4000.0, other_cpu_pct=1.0, on_battery=False, free_memory_pct=60.0)
TYPING = Signs(input_idle_s=0.1, other_cpu_pct=1.0, on_battery=False, free_memory_pct=60.0)


def left_alone(policy: Policy = DESKTOP) -> Ladder:
    ladder = Ladder(policy, 0.0)
    ladder.sandbox(0.0, works=True)
    ladder.look(AWAY, 0.0)
    return ladder


def seen(**changes: float | bool | None) -> Signs:
    return Signs(**{**AWAY.__dict__, **changes})


def test_a_new_node_starts_as_unknown():
    assert Ladder(DESKTOP, 0.0).position == Position(State.UNKNOWN, "starting")


def test_a_machine_without_a_sandbox_takes_no_work():
    ladder = Ladder(ALWAYS, 0.0)
    assert ladder.sandbox(0.0, works=False) == Position(State.UNKNOWN, "no_sandbox")
    assert not ladder.takes_work


def test_the_profile_always_is_idle_without_looking():
    ladder = Ladder(ALWAYS, 0.0)
    assert ladder.sandbox(0.0, works=True) == Position(State.IDLE, "always")
    assert ladder.hold(1, 1.0) == Position(State.RUNNING, "always")
    assert ladder.look(TYPING, 2.0) == Position(State.RUNNING, "always")


def test_an_unregistered_node_takes_nothing_whatever_comes():
    gone = Position(State.PAUSED, "unregistered")
    ladder = left_alone()
    ladder.hold(1, 1.0)
    assert ladder.unregister(2.0) == gone
    assert ladder.hold(0, 3.0) == gone
    assert ladder.look(TYPING, 4.0) == ladder.look(AWAY, 5.0) == ladder.sandbox(6.0, works=False) == gone
    assert ladder.order(7.0, draining=True) == ladder.order(8.0, draining=False) == gone
    assert not ladder.takes_work


def test_a_machine_left_alone_is_idle():
    assert left_alone().position == Position(State.IDLE, "owner_away")


def test_before_the_first_look_nothing_is_taken():
    ladder = Ladder(DESKTOP, 0.0)
    assert ladder.sandbox(0.0, works=True) == Position(State.UNKNOWN, "starting")


def test_after_an_input_the_machine_is_busy_then_cools_then_is_idle():
    ladder = left_alone()
    path = [ladder.look(seen(input_idle_s=age), age) for age in (1.0, 59.0, 61.0, 299.0, 301.0)]
    assert path == [
        Position(State.BUSY, "input"),
        Position(State.BUSY, "input"),
        Position(State.COOLING, "after_return"),
        Position(State.COOLING, "after_return"),
        Position(State.IDLE, "owner_away"),
    ]


def test_a_machine_that_cools_says_when_it_may_be_looked_at_again():
    ladder = left_alone()
    assert ladder.quiet_in_s == math.inf
    ladder.look(seen(input_idle_s=1.0), 1.0)
    assert ladder.quiet_in_s == 299.0
    ladder.look(seen(input_idle_s=299.5), 299.5)
    assert ladder.quiet_in_s == 0.5
    ladder.look(seen(input_idle_s=301.0, other_cpu_pct=None), 301.0)
    assert ladder.quiet_in_s == math.inf


def test_an_input_freezes_what_runs_and_a_pause_thaws_it():
    ladder = left_alone()
    ladder.hold(1, 0.0)
    assert ladder.look(TYPING, 1.0) == Position(State.FROZEN, "input")
    assert ladder.look(seen(input_idle_s=179.0), 180.0) == Position(State.FROZEN, "input")
    assert ladder.look(seen(input_idle_s=181.0), 182.0) == Position(State.RUNNING, "owner_away")


def test_an_owner_who_stays_has_the_guest_evicted():
    ladder = left_alone()
    ladder.hold(1, 0.0)
    ladder.look(TYPING, 1.0)
    assert ladder.look(TYPING, 600.0).state is State.FROZEN
    assert ladder.look(TYPING, 601.0) == Position(State.EVICTING, "max_frozen")
    assert ladder.look(AWAY, 602.0) == Position(State.EVICTING, "max_frozen")
    assert ladder.hold(0, 603.0) == Position(State.IDLE, "owner_away")


def test_a_frozen_guest_leaves_when_the_owner_needs_its_memory():
    ladder = left_alone()
    ladder.hold(1, 0.0)
    ladder.look(TYPING, 1.0)
    assert ladder.look(seen(input_idle_s=0.0, free_memory_pct=19.0), 2.0) == Position(State.EVICTING, "memory_short")


def test_a_frozen_guest_that_holds_its_memory_leaves_in_time_to_be_gone_after_a_minute():
    ladder = left_alone()
    ladder.hold(1, 0.0)
    ladder.look(seen(input_idle_s=0.4), 1.0)
    assert ladder.held_memory(400.0, 1.5) == Position(State.FROZEN, "input")
    assert ladder.held_memory(400.0, 28.5).state is State.FROZEN
    assert ladder.held_memory(400.0, 28.6) == Position(State.EVICTING, "memory_held")
    assert ladder.grace_s == 30.0
    assert ladder.held_memory(0.0, 29.0) == ladder.look(AWAY, 29.5) == Position(State.EVICTING, "memory_held")


def test_a_frozen_guest_that_holds_little_or_gives_its_memory_back_stays():
    ladder = left_alone()
    ladder.hold(1, 0.0)
    ladder.look(TYPING, 1.0)
    ladder.held_memory(400.0, 1.5)
    assert ladder.held_memory(64.0, 28.0).state is State.FROZEN
    assert ladder.look(TYPING, 600.0).state is State.FROZEN


def test_memory_that_was_held_at_one_return_does_not_count_at_the_next():
    ladder = left_alone()
    ladder.hold(1, 0.0)
    ladder.look(TYPING, 1.0)
    ladder.held_memory(400.0, 1.5)
    assert ladder.look(AWAY, 20.0).state is State.RUNNING
    ladder.look(TYPING, 100.0)
    assert ladder.look(TYPING, 200.0).state is State.FROZEN


def test_an_eviction_is_hurried_once_the_owner_runs_short_of_memory():
    ladder = left_alone()
    ladder.hold(1, 0.0)
    ladder.look(TYPING, 1.0)
    ladder.held_memory(400.0, 40.0)
    assert ladder.look(seen(free_memory_pct=5.0), 41.0) == Position(State.EVICTING, "memory_short")
    assert ladder.grace_s == 3.0
    assert ladder.look(AWAY, 42.0) == Position(State.EVICTING, "memory_short")


def test_load_of_other_programs_counts_only_when_it_lasts():
    ladder = left_alone()
    ladder.hold(1, 0.0)
    assert ladder.look(seen(other_cpu_pct=90.0), 1.0).state is State.RUNNING
    # The first figure is a mean of the half second before.
    assert ladder.look(seen(other_cpu_pct=90.0), 15.4).state is State.RUNNING
    assert ladder.look(seen(other_cpu_pct=90.0), 15.5) == Position(State.FROZEN, "cpu_load")
    assert ladder.look(seen(other_cpu_pct=20.0), 17.0).state is State.FROZEN
    assert ladder.look(seen(other_cpu_pct=5.0), 18.0).state is State.FROZEN
    assert ladder.look(seen(other_cpu_pct=5.0), 78.0) == Position(State.RUNNING, "owner_away")


def test_a_machine_on_battery_takes_nothing_until_it_is_on_mains_for_a_while():
    ladder = left_alone()
    assert ladder.look(seen(on_battery=True), 1.0) == Position(State.BUSY, "battery")
    assert ladder.look(seen(on_battery=False), 2.0) == Position(State.BUSY, "battery")
    assert ladder.look(seen(on_battery=False), 62.0) == Position(State.IDLE, "owner_away")


def test_a_probe_that_cannot_tell_counts_as_busy():
    ladder = left_alone()
    assert ladder.look(seen(input_idle_s=None), 1.0) == Position(State.UNKNOWN, "probe_unknown")
    ladder.look(AWAY, 2.0)
    ladder.hold(1, 3.0)
    assert ladder.look(seen(other_cpu_pct=None), 4.0) == Position(State.FROZEN, "probe_unknown")


def test_a_headless_machine_may_declare_that_it_has_no_input():
    ladder = left_alone(Policy(input="not_applicable"))
    assert ladder.look(seen(input_idle_s=None), 1.0).state is State.IDLE


def test_a_draining_node_goes_on_but_takes_no_more_and_still_yields():
    ladder = left_alone()
    ladder.hold(1, 0.0)
    assert ladder.order(1.0, draining=True) == Position(State.DRAINING, "operator_drain")
    assert not ladder.takes_work
    assert ladder.look(TYPING, 2.0).state is State.FROZEN
    assert ladder.look(AWAY, 3.0).state is State.DRAINING
    assert ladder.hold(0, 4.0).state is State.DRAINING
    assert ladder.order(5.0, draining=False) == Position(State.IDLE, "owner_away")


def test_an_owner_may_pause_the_node():
    ladder = left_alone()
    ladder.hold(1, 0.0)
    assert ladder.order(1.0, paused=True) == Position(State.FROZEN, "owner_paused")
    assert ladder.hold(0, 2.0) == Position(State.PAUSED, "owner_paused")
    assert ladder.order(3.0, paused=False) == Position(State.IDLE, "owner_away")


def test_hysteresis_needs_an_unbroken_stretch():
    flag = Hysteresis(10.0, 5.0)
    feeds = [(True, 0.0), (True, 9.0), (False, 9.5), (True, 10.0), (True, 20.0), (False, 21.0), (False, 26.0)]
    assert [flag.feed(above=up, below=not up, now=now) for up, now in feeds] == [
        *([False] * 4),
        True,
        True,
        False,
    ]
