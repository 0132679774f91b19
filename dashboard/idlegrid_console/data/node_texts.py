"""The charts of nodes in sentences, for those who hear them."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from idlegrid_console.data.text import duration, moment, one_line
from idlegrid_console.texts import NODE_KIND, NODE_STATE, _, name

Answer = Mapping[str, Any]

NAMED = 20
"""Of so many nodes a sentence tells."""


def said_of_kinds(kinds: Answer) -> str:
    """How many nodes there are of each kind now."""
    told = [f"{kinds[kind]} {_(words)}" for kind, words in NODE_KIND.items() if kinds.get(kind)]
    return _("Nodes: {kinds}").format(kinds=", ".join(told) or _("none"))


def harvest_title(usage: Answer) -> str:
    """The title of the chart of what was harvested, with the sum."""
    return _("Harvested in 24 hours: {sum} of core time").format(sum=_core_time(usage.get("total") or {}))


def said_of_harvest(usage: Answer) -> str:
    """What was harvested in all."""
    total = usage.get("total") or {}
    words = _("Harvested in {hours} hours: {sum} of core time by {attempts} attempts")
    hours = len(usage.get("hours") or ())
    return words.format(hours=hours, sum=_core_time(total), attempts=total.get("attempts") or 0)


def _core_time(total: Answer) -> str:
    return duration(float(total.get("cpu_seconds") or 0))


def said_of_bands(history: Answer) -> str:
    """For each node the states in which it was longest, and how long."""
    told = [_band(worker) for worker in (history.get("workers") or ())[:NAMED]]
    return _("What nodes were over time: {nodes}").format(nodes="; ".join(told) or _("nothing is known"))


def _band(worker: Answer) -> str:
    lengths: dict[str, float] = defaultdict(float)
    for spell in worker.get("spells") or ():
        begin, end = moment(spell.get("from")), moment(spell.get("to"))
        if begin and end:
            lengths[str(spell.get("state"))] += (end - begin).total_seconds()
    most = sorted(lengths.items(), key=lambda item: -item[1])[:3]
    states = ", ".join(f"{one_line(name(state, NODE_STATE))} {duration(round(length))}" for state, length in most)
    return f"{one_line(worker.get('worker_id'))}: {states or '–'}"


def said_of_week(shares: Sequence[Sequence[float | None]]) -> str:
    """The heatmap of a week: over how much of it machines were idle."""
    known = [share for day in shares for share in day if share is not None]
    if not known:
        return _("How much of each hour of the week was idle: nothing is known yet")
    words = _("How much of each hour of the week was idle: {share:.0%} of the {hours} hours that are known")
    return words.format(share=sum(known) / len(known), hours=len(known))
