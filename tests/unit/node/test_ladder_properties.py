"""What holds on every path through the ladder, whatever is seen, held and ordered, and whatever the clocks do."""

from dataclasses import replace
from datetime import datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from idlegrid_node.ladder import Ladder, Position, State
from idlegrid_node.policy import ALWAYS, DESKTOP, OFFICE_HOURS, Policy
from idlegrid_node.presence import Signs

AWAY = Signs(4000.0, 1.0, on_battery=False, free_memory_pct=60.0)
TYPING = replace(AWAY, input_idle_s=0.1)
MONDAY = datetime.fromisoformat("2026-06-01T00:00:00+00:00")
HEADLESS = Policy(input="not_applicable", busy_above_cpu_pressure_pct=20.0)

share = st.one_of(st.none(), st.floats(0, 100))
flag = st.one_of(st.none(), st.booleans())
signs = st.one_of(
    st.builds(Signs, st.one_of(st.none(), st.floats(0, 5000)), share, flag, share, flag, flag, share, share),
    st.just(AWAY),
)
hours = st.one_of(st.none(), st.floats(-200, 200))
steps = st.lists(
    st.tuples(
        st.one_of(st.floats(0, 400), st.just(30_000.0)),
        st.one_of(
            st.tuples(signs, hours),
            st.integers(0, 3),
            st.floats(0, 1000),
            st.sampled_from(["drain", "resume", "pause", "unpause", "broken", "works"]),
        ),
    ),
    max_size=40,
)
unhurried = settings(deadline=None)
policies = st.sampled_from([DESKTOP, OFFICE_HOURS, HEADLESS])


def walk(ladder: Ladder, path: list[tuple[float, object]]) -> tuple[float, list[Position]]:
    ladder.sandbox(0.0, works=True)
    now, positions = 0.0, [ladder.look(AWAY, 0.0, MONDAY)]
    for delay, step in path:
        now += delay
        positions.append(_step(ladder, step, now))
    return now, positions


def _step(ladder: Ladder, step: object, now: float) -> Position:
    match step:
        case (seen, jump):
            return ladder.look(seen, now, None if jump is None else MONDAY + timedelta(seconds=now, hours=jump))
        case int():
            return ladder.hold(step, now)
        case float():
            return ladder.held_memory(step, now)
        case "drain" | "resume":
            return ladder.order(now, draining=step == "drain")
        case "pause" | "unpause":
            return ladder.order(now, paused=step == "pause")
    return ladder.sandbox(now, works=step == "works")


@unhurried
@given(policies, steps, hours)
def test_after_an_input_nothing_goes_on_running(policy, path, jump):
    ladder = Ladder(policy, 0.0)
    now, _ = walk(ladder, path)
    position = _step(ladder, (TYPING, jump), now + 0.5)
    at_rest = {State.BUSY, State.UNKNOWN, State.PAUSED, State.DRAINING}
    assert position.state in ({State.FROZEN, State.EVICTING} if ladder._held else at_rest)
    assert not ladder.takes_work


@pytest.mark.parametrize("missing", ["input_idle_s", "other_cpu_pct", "free_memory_pct"])
@unhurried
@given(path=steps, jump=hours)
def test_what_cannot_be_told_counts_as_busy(missing, path, jump):
    ladder = Ladder(DESKTOP, 0.0)
    now, _ = walk(ladder, path)
    position = _step(ladder, (replace(AWAY, **{missing: None}), jump), now + 0.5)
    assert position.state not in {State.RUNNING, State.IDLE}
    assert not ladder.takes_work


@unhurried
@given(policies, steps)
def test_nothing_leads_from_evicting_back_to_running(policy, path):
    _, positions = walk(Ladder(policy, 0.0), path)
    for before, after in pairwise(positions):
        if before.state is State.EVICTING:
            assert after.state not in {State.RUNNING, State.FROZEN}


@settings(max_examples=50, deadline=None)
@given(policies, steps, st.lists(signs, min_size=1, max_size=6), st.floats(0.1, 1.0))
def test_an_owner_who_is_back_has_the_memory_back_in_time_or_lets_the_guest_go_on(policy, path, seen, period):
    """Whatever the looks of a node see: the runs hold 400 MB until they are killed."""
    ladder = Ladder(policy, 0.0)
    now, _ = walk(ladder, [*path, (0.0, 0), (0.0, 1), (0.0, (TYPING, None))])
    returned, short, killed = now, None, now + 1000.0
    for look in (seen[number % len(seen)] for number in range(int(62 / period))):
        now += period
        ladder.look(look, now, MONDAY + timedelta(seconds=now))
        position = ladder.held_memory(400.0, now)
        if position.state is not State.EVICTING:
            if position.state is not State.FROZEN:
                return
            continue
        killed = min(killed, now + ladder.grace_s)
        short = short or (now if (look.free_memory_pct or 100.0) < policy.evict_below_free_memory_pct else None)
    assert killed <= returned + policy.memory_back_s
    assert short is None or killed <= short + policy.memory_short_back_s


@unhurried
@given(policies, steps)
def test_every_position_has_a_reason_and_running_means_holding(policy, path):
    ladder = Ladder(policy, 0.0)
    _, positions = walk(ladder, path)
    assert all(position.reason and position.age_s >= 0 for position in positions)
    if ladder.position.state in {State.RUNNING, State.FROZEN, State.EVICTING}:
        assert ladder._held


@unhurried
@given(steps, st.floats(-200, 200))
def test_a_machine_that_is_closed_runs_nothing_whatever_came_before(path, jump):
    ladder = Ladder(OFFICE_HOURS, 0.0)
    now, _ = walk(ladder, path)
    noon = datetime.fromisoformat("2026-06-03T12:00:00+00:00") + timedelta(hours=jump / 100)
    position = ladder.look(AWAY, now, noon)
    assert position.state not in {State.RUNNING, State.IDLE, State.FROZEN}
    assert not ladder.takes_work


@unhurried
@given(path=steps)
def test_a_machine_that_nobody_uses_is_never_taken_from_the_grid_by_what_is_seen(path):
    _, positions = walk(Ladder(ALWAYS, 0.0), [step for step in path if step[1] != "pause"])
    assert not {position.state for position in positions} & {State.BUSY, State.COOLING, State.EVICTING}


@unhurried
@given(policies, steps)
def test_a_machine_left_alone_long_enough_is_given_to_the_grid_again(policy, path):
    """However the clocks have jumped: the ladder gets stuck nowhere."""
    ladder = Ladder(policy, 0.0)
    now, _ = walk(ladder, path)
    ladder.hold(0, now)
    ladder.order(now, draining=False, paused=False)
    ladder.sandbox(now, works=True)
    quiet = replace(AWAY, inhibited=False, exclusive=False, cpu_pressure_pct=0.0, memory_pressure_pct=0.0)
    sunday = datetime.fromisoformat("2026-06-07T12:00:00+00:00")
    for second in range(0, 365, 5):
        ladder.look(quiet, now + second, sunday + timedelta(seconds=second))
    assert ladder.position == Position(State.IDLE, "owner_away")


@pytest.mark.parametrize("held", [0, 1])
@pytest.mark.parametrize("signal", ["other_cpu_pct", "memory_pressure_pct", "cpu_pressure_pct"])
@settings(max_examples=15, deadline=None)
@given(period=st.integers(500, 7000), phase=st.integers(0, 120_000))
def test_a_load_that_comes_and_goes_each_minute_does_not_make_it_flap(held, signal, period, phase):
    ladder = Ladder(replace(DESKTOP, busy_above_cpu_pressure_pct=20.0), 0.0)
    walk(ladder, [(0.0, held)])
    positions = [ladder.position]
    for milliseconds in range(period, 1_300_000, period):
        now = milliseconds / 1000
        load = 90.0 if (milliseconds + phase) % 120_000 < 60_000 else 0.0
        positions.append(ladder.look(replace(AWAY, **{signal: load}), now, MONDAY + timedelta(seconds=now)))
        if ladder.position.state is State.EVICTING:
            positions.append(ladder.hold(0, now))
    assert sum(before != after for before, after in pairwise(positions)) <= (3 if held else 1)
