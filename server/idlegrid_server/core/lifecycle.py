"""The transition table of a run: which event is allowed in which state, where it leads, what follows.

Pure: no clock, no I/O. `evict`, `return` and `lose` spend no retry: a guest that is sent away did nothing wrong.
A late report of the newest lease may find the run pending again; it still counts, and takes the run out of its queue.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from idlegrid_server.core.errors import IllegalTransition
from idlegrid_server.core.model import RunState


class Event(StrEnum):
    """What can happen to a run."""

    RELEASE = "release"
    """Its dependency is satisfied, or its retry's delay is over."""
    LEASE = "lease"
    COMPLETE = "complete"
    FAIL = "fail"
    TIME_OUT = "time_out"
    RETRY = "retry"
    """It failed or timed out with a retry left."""
    CANCEL = "cancel"
    EVICT = "evict"
    """The owner came back."""
    RETURN = "return"
    """The node handed it back."""
    LOSE = "lose"
    """The lease ran out, or the node could not see the attempt through."""
    ABANDON = "abandon"
    """It was lost once too often."""


class Effect(StrEnum):
    """What a transition asks of the queue and the node."""

    ENQUEUE = "enqueue"
    ENQUEUE_FRONT = "enqueue_front"
    DEQUEUE = "dequeue"
    START = "start"
    END = "end"
    """The attempt is over: it leaves the executing list and its history is kept."""
    STOP = "stop"
    """The node must kill it."""


@dataclass(frozen=True, slots=True)
class Transition:
    """Where an event leads and what follows."""

    to: RunState
    effects: tuple[Effect, ...] = ()


_LATE: Final = (Effect.DEQUEUE,)
_BACK: Final = Transition(RunState.PENDING, (Effect.END, Effect.ENQUEUE_FRONT))
_END: Final = (Effect.END,)
_STAYS: Final = Transition(RunState.PENDING)

TABLE: Final[dict[tuple[RunState, Event], Transition]] = {
    (RunState.WAITING, Event.RELEASE): Transition(RunState.PENDING, (Effect.ENQUEUE,)),
    (RunState.WAITING, Event.FAIL): Transition(RunState.FAILED),
    (RunState.WAITING, Event.CANCEL): Transition(RunState.CANCELLED),
    (RunState.PENDING, Event.LEASE): Transition(RunState.RUNNING, (Effect.START,)),
    (RunState.PENDING, Event.CANCEL): Transition(RunState.CANCELLED, _LATE),
    (RunState.PENDING, Event.COMPLETE): Transition(RunState.COMPLETED, _LATE),
    (RunState.PENDING, Event.FAIL): Transition(RunState.FAILED, _LATE),
    (RunState.PENDING, Event.TIME_OUT): Transition(RunState.TIMED_OUT, _LATE),
    (RunState.PENDING, Event.RETRY): Transition(RunState.WAITING, _LATE),
    (RunState.PENDING, Event.EVICT): _STAYS,
    (RunState.PENDING, Event.RETURN): _STAYS,
    (RunState.PENDING, Event.LOSE): _STAYS,
    (RunState.RUNNING, Event.COMPLETE): Transition(RunState.COMPLETED, _END),
    (RunState.RUNNING, Event.FAIL): Transition(RunState.FAILED, _END),
    (RunState.RUNNING, Event.TIME_OUT): Transition(RunState.TIMED_OUT, _END),
    (RunState.RUNNING, Event.RETRY): Transition(RunState.WAITING, _END),
    (RunState.RUNNING, Event.CANCEL): Transition(RunState.CANCELLED, (Effect.END, Effect.STOP)),
    (RunState.RUNNING, Event.EVICT): _BACK,
    (RunState.RUNNING, Event.RETURN): _BACK,
    (RunState.RUNNING, Event.LOSE): _BACK,
    (RunState.RUNNING, Event.ABANDON): Transition(RunState.FAILED, _END),
}


def transition(state: RunState, event: Event, story: str = "") -> Transition:
    """Where `event` leads a run in `state`.

    Raises IllegalTransition, with the run's story, when the table has no such row.
    """
    try:
        return TABLE[state, event]
    except KeyError:
        raise IllegalTransition(f"A {state} run cannot {event}. {story}".strip()) from None
