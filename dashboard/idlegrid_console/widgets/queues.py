"""Parts of the Queues page: what stands still and why, the table of queues, how long runs waited."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

import pandas as pd
import streamlit as st

from idlegrid import Client, NotFound
from idlegrid_console.data import queues, system_figures
from idlegrid_console.system_texts import QUEUE_SERVED
from idlegrid_console.texts import _
from idlegrid_console.widgets import rights
from idlegrid_console.widgets.live import Live
from idlegrid_console.widgets.parts import chart, label_column, tile
from idlegrid_console.widgets.task_links import RUNS, run_link

MOST_NAMED = 5
"""Unserved queues that are explained over the table; the others stand in it."""


def suspended() -> None:
    """Nothing is given to nodes: said before all else."""
    st.error(
        _(
            "The queue is suspended: nodes are given nothing until it is resumed, and what is submitted waits. "
            "Whoever runs the coordinator resumes it with `rq resume`."
        ),
        icon=":material/pause_circle:",
    )


def tiles(answer: Mapping[str, Any]) -> None:
    """How much waits and runs, and for how long the oldest has waited."""
    known = queues.totals(answer)
    with st.grid(3, min_column_width=150):
        tile(_("Waiting"), known.waiting, _("Runs that are queued for a node."))
        tile(_("Executing"), known.executing, _("Runs that a node holds now."))
        st.metric(
            _("Oldest waits"), queues.waited(known.oldest), border=True,
            help=_("How long the run has waited that has waited longest."),
        )  # fmt: skip


def why(client: Client, run_ids: Sequence[int]) -> dict[int, str]:
    """Why each of these runs waits, in the coordinator's sentence; those that are gone by now are left out."""
    told = {}
    for run_id in run_ids:
        with suppress(NotFound):
            told[run_id] = client.run(run_id).explain().summary
    return told


def unserved(live: Live, found: Sequence[queues.Unserved]) -> None:
    """Queues that no node could take, each with why, and the way to its runs."""
    named = [queue.run_id for queue in found[:MOST_NAMED] if queue.run_id is not None]
    asks = named and rights.may("read:runs", "submit")
    told = (live.ask(why, slowly=True, run_ids=named) if asks else None) or {}
    for number, queue in enumerate(found[:MOST_NAMED]):
        with st.container(border=True, gap="xsmall", key=f"unserved_{number}"):
            with st.container(horizontal=True, vertical_alignment="center"):
                st.badge(_("no node can"), color="red", icon=":material/block:")
                st.text(queue.needs, width="content")
                st.caption(_("{count} waiting").format(count=queue.waiting), width="content")
            st.text(queues.reason(told.get(queue.run_id or 0)))
            _ways(queue.run_id)
    if len(found) > MOST_NAMED:
        st.caption(_("and {count} more: they stand first in the table.").format(count=len(found) - MOST_NAMED))


def _ways(run_id: int | None) -> None:
    with st.container(horizontal=True):
        if run_id is not None:
            run_link(run_id)
        st.page_link(RUNS, label=_("Waiting runs"), icon=":material/list_alt:", query_params={"status": "pending"})


def queue_table(answer: Mapping[str, Any]) -> None:
    """All queues, those that no node can serve first."""
    known = answer.get("queues") or []
    st.dataframe(
        queues.table(known), hide_index=True, key="queues_table", column_config=_columns(), height="content",
        placeholder="", alt=_("Queues"),
    )  # fmt: skip
    if len(known) > queues.MOST_ROWS:
        st.caption(_("The first {shown} of {count} queues.").format(shown=queues.MOST_ROWS, count=len(known)))


def _columns() -> dict[str, Any]:
    column = st.column_config
    return {
        "served": label_column(_("Served"), QUEUE_SERVED, system_figures.SERVED_COLOURS, width=104),
        "priority": column.TextColumn(_("Priority"), width=72),
        "needs": column.TextColumn(_("Asks for"), width="large"),
        "waiting": column.NumberColumn(_("Waiting"), format="localized", width=72),
        "executing": column.NumberColumn(_("Executing"), format="localized", width=80),
        "oldest": column.TextColumn(_("Oldest"), width=110),
        "able": column.NumberColumn(_("Able"), width=56, help=_("Nodes that could take its runs, whatever they do")),
        "taking": column.NumberColumn(_("Taking"), width=64, help=_("Those of them that take work now")),
    }


def waits(answer: Mapping[str, Any]) -> None:
    """How long runs waited by priority and class, as a chart and as a table."""
    table = queues.waits(answer)
    if table.empty:
        st.caption(_("No run has started in this span."))
        return
    chart(_("Waiting times by priority and class"), system_figures.waits(table), "waits")
    _wait_table(table)


def _wait_table(table: pd.DataFrame) -> None:
    column = st.column_config
    words = {
        "priority": column.TextColumn(_("Priority"), width=72),
        "needs": column.TextColumn(_("Asks for"), width=200),
        "started": column.NumberColumn(_("Started"), format="localized", width=72),
        "p50": column.NumberColumn(_("p50"), format="%.3g s", width=80, help=_("Half of them waited less")),
        "p95": column.NumberColumn(_("p95"), format="%.3g s", width=80, help=_("19 of 20 waited less")),
    }
    st.dataframe(table, hide_index=True, key="waits_table", column_config=words, height="content", placeholder="",
                 alt=_("Waiting times by priority and class"))  # fmt: skip
