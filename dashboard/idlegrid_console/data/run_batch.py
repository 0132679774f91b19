"""An act on several runs at once: which of them it can touch, and how it went."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from idlegrid import Client, IdlegridError, Unreachable
from idlegrid_console.data.runs import ENDED
from idlegrid_console.data.text import one_line
from idlegrid_console.texts import _

MOST_NAMED = 20
"""Runs that a sentence names; of more it says how many."""


@dataclass(frozen=True, slots=True)
class Plan:
    """The runs that an act can touch, and those that it cannot, as far as their last known states tell."""

    able: tuple[int, ...]
    unable: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Outcome:
    """How an act went for one run: whether it was done, and what came of it in a sentence."""

    run_id: int
    done: bool
    words: str


def to_cancel(chosen: Mapping[int, str]) -> Plan:
    """Of these runs, by their status: whatever has not ended can be called off."""
    return _plan(chosen, lambda status: status not in ENDED)


def to_restart(chosen: Mapping[int, str]) -> Plan:
    """Of these runs, by their status: whatever has ended can be made anew."""
    return _plan(chosen, lambda status: status in ENDED)


def cancel_words(plan: Plan) -> str:
    """What calling them off comes to, before it is done."""
    return _sentences(
        plan,
        _("{number} of the chosen runs will be called off: {runs}."),
        _("{number} cannot, because they have ended already: {runs}."),
    )


def restart_words(plan: Plan) -> str:
    """What restarting them comes to, before it is done."""
    return _sentences(
        plan,
        _("{number} new runs will be made, with the code and needs of {runs}."),
        _("{number} cannot, because they have not ended: {runs}."),
    )


def cancel(client: Client, run_ids: Sequence[int]) -> list[Outcome]:
    """Call each of them off, and tell how that went."""

    def one(run_id: int) -> Outcome:
        stopped = client.cancel(run_id)
        return Outcome(run_id, stopped, _("called off") if stopped else _("had ended already"))

    return _each(run_ids, one)


def restart(client: Client, run_ids: Sequence[int]) -> list[Outcome]:
    """Make each of them anew, and tell how that went."""
    return _each(run_ids, lambda run_id: Outcome(run_id, True, restarted_words(client.restart(run_id).id)))


def restarted_words(new_id: int) -> str:
    """Under which number a run was made anew."""
    return _("made anew as run {id}").format(id=new_id)


def summary(outcomes: Sequence[Outcome]) -> str:
    """How many were done, and how many were not."""
    done = sum(outcome.done for outcome in outcomes)
    return _("{done} done, {refused} refused").format(done=done, refused=len(outcomes) - done)


def table(outcomes: Sequence[Outcome]) -> pd.DataFrame:
    """One row per run, those that were refused first."""
    told = sorted(outcomes, key=lambda outcome: (outcome.done, outcome.run_id))
    rows = [{"id": one.run_id, "done": one.done, "words": one_line(one.words, 500)} for one in told]
    return pd.DataFrame(rows, columns=["id", "done", "words"])


def _plan(chosen: Mapping[int, str], able: Callable[[str], bool]) -> Plan:
    ids = sorted(chosen)
    return Plan(
        tuple(number for number in ids if able(chosen[number])),
        tuple(number for number in ids if not able(chosen[number])),
    )


def _sentences(plan: Plan, will: str, cannot: str) -> str:
    parts = ((will, plan.able), (cannot, plan.unable))
    return "\n".join(words.format(number=len(runs), runs=_named(runs)) for words, runs in parts if runs)


def _named(runs: Sequence[int]) -> str:
    shown = ", ".join(map(str, runs[:MOST_NAMED]))
    more = len(runs) - MOST_NAMED
    return _("{runs} and {number} more").format(runs=shown, number=more) if more > 0 else shown


def _each(run_ids: Sequence[int], act: Callable[[int], Outcome]) -> list[Outcome]:
    """The act on each; once the coordinator is away the others are not tried, each after its own patience."""
    outcomes: list[Outcome] = []
    for index, run_id in enumerate(run_ids):
        try:
            outcomes.append(act(run_id))
        except Unreachable as error:
            return outcomes + [Outcome(left, False, str(error)) for left in run_ids[index:]]
        except IdlegridError as error:
            outcomes.append(Outcome(run_id, False, str(error)))
    return outcomes
