"""The transition table, whole."""

from itertools import product

import pytest

from idlegrid_server.core.errors import IllegalTransition
from idlegrid_server.core.lifecycle import TABLE, Effect, Event, Transition, transition
from idlegrid_server.core.model import FINAL_STATES, RunState

PAIRS = list(product(RunState, Event))


@pytest.mark.parametrize(("state", "event"), PAIRS)
def test_a_pair_is_in_the_table_or_illegal(state, event):
    if (state, event) in TABLE:
        assert transition(state, event) is TABLE[state, event]
    else:
        with pytest.raises(IllegalTransition, match=f"A {state} run cannot {event}"):
            transition(state, event)


def test_nothing_leads_out_of_a_final_state():
    assert {state for state, _ in TABLE} & FINAL_STATES == set()


def test_every_state_but_the_first_can_be_reached():
    assert {step.to for step in TABLE.values()} == set(RunState)


def test_from_every_state_that_is_not_final_a_run_can_be_cancelled():
    for state in set(RunState) - FINAL_STATES:
        assert transition(state, Event.CANCEL).to is RunState.CANCELLED


def test_an_illegal_transition_tells_the_runs_story():
    with pytest.raises(IllegalTransition, match="Its last words: memory_limit"):
        transition(RunState.FAILED, Event.LEASE, "Its last words: memory_limit.")


def test_every_way_out_of_running_ends_the_attempt():
    out = [step for (state, _), step in TABLE.items() if state is RunState.RUNNING]
    assert out
    assert all(Effect.END in step.effects for step in out)


def test_every_way_into_pending_puts_the_run_in_its_queue():
    into = [step for (state, _), step in TABLE.items() if step.to is RunState.PENDING and state is not step.to]
    assert into
    assert all({Effect.ENQUEUE, Effect.ENQUEUE_FRONT} & set(step.effects) for step in into)


def test_every_way_out_of_pending_but_a_lease_takes_the_run_out_of_its_queue():
    out = [
        (event, step)
        for (state, event), step in TABLE.items()
        if state is RunState.PENDING and step.to is not RunState.PENDING
    ]
    assert all(Effect.DEQUEUE in step.effects for event, step in out if event is not Event.LEASE)


@pytest.mark.parametrize("event", [Event.EVICT, Event.RETURN, Event.LOSE])
def test_a_run_that_is_back_already_stays_where_it_waits(event):
    assert transition(RunState.PENDING, event) == Transition(RunState.PENDING)


@pytest.mark.parametrize("event", [Event.EVICT, Event.RETURN, Event.LOSE])
def test_a_run_that_was_sent_away_waits_at_the_front(event):
    step = transition(RunState.RUNNING, event)
    assert step.to is RunState.PENDING
    assert Effect.ENQUEUE_FRONT in step.effects
