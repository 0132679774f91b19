"""The list of runs: the table, and what can be done with the runs that are chosen in it."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from idlegrid import Client, RunInfo, RunPage
from idlegrid_console.data import run_batch, run_filters, runs
from idlegrid_console.data.run_batch import Outcome, Plan
from idlegrid_console.texts import _
from idlegrid_console.widgets import choice, confirm, grid, rights
from idlegrid_console.widgets.parts import status_column, time_column
from idlegrid_console.widgets.run import ACTING
from idlegrid_console.widgets.run_filters import chosen as filters
from idlegrid_console.widgets.task_links import RUNS

_TABLE = "runs_table"
_CHOSEN = "runs_chosen"
_SHOWN = "runs_shown"
_OPEN = "runs_open"
_TO = "runs_to"
_OUTCOMES = "runs_outcomes"


def page_of_runs(client: Client, within: int | None, **question: Any) -> RunPage:
    """`Client.runs`, with `within` seconds back from now instead of its `since` (see `data/run_filters.py`)."""
    since = None if within is None else datetime.now(UTC) - timedelta(seconds=within)
    return client.runs(since=since, **question)


def run_table(items: tuple[RunInfo, ...]) -> None:
    """The table; a run's number opens it, the boxes at the left choose several."""
    frame = runs.table(items)
    chosen = _chosen()
    chosen.update((run.id, run.status) for run in items if run.id in chosen)
    st.session_state[_SHOWN] = [(run.id, run.status) for run in items]
    choice.mark(_TABLE, runs.positions(frame, chosen))
    st.dataframe(
        frame.assign(id=frame["id"].astype(str)), hide_index=True, key=_TABLE, on_select=_choose,
        selection_mode="multi-row", column_config=_columns(), column_order=runs.worth_showing(frame),
        height="content", placeholder="", alt=_("Runs"),
    )  # fmt: skip


def go_on() -> None:
    """Leave for the run that was just opened, if one was."""
    if (run_id := st.session_state.pop(_TO, None)) is None:
        return
    # A refresh of the list may be under way: it must find nothing to refresh (see `reruns.py`).
    if context := get_script_run_ctx():
        context.fragment_storage.clear()
    st.switch_page(RUNS, query_params=_address_of(run_id))


def acts() -> None:
    """What can be done with the chosen runs, above the table; the buttons stand while none is chosen, too."""
    chosen = _chosen()
    with st.container(horizontal=True, vertical_alignment="center", key="runs_acts"):
        if rights.may(*ACTING):
            _buttons(run_batch.to_cancel(chosen), run_batch.to_restart(chosen))
        if not chosen:
            st.caption(_("Open a run by its number; choose several by the boxes at the left."), width="content")
            return
        st.text(_("{number} chosen").format(number=len(chosen)), width="content")
        if len(chosen) == 1:
            run_id = next(iter(chosen))
            label = _("Run {id}").format(id=run_id)
            st.page_link(RUNS, label=label, icon=":material/arrow_forward:", query_params=_address_of(run_id))
        st.button(_("Choose none"), key="runs_none", icon=":material/close:", type="tertiary", on_click=_choose_none)


def outcomes() -> None:
    """How the last act on several runs went, until the visitor has seen enough of it."""
    told: list[Outcome] = st.session_state.get(_OUTCOMES) or []
    if not told:
        return
    with st.container(border=True, key="runs_told"):
        with st.container(horizontal=True, vertical_alignment="center"):
            st.text(run_batch.summary(told), width="stretch")
            st.button(_("Close"), key="runs_told_close", icon=":material/close:", type="tertiary", on_click=_close)
        columns = {
            "id": st.column_config.NumberColumn(_("Run"), format="%d", width=80),
            "done": st.column_config.CheckboxColumn(_("Done"), width=70),
            "words": st.column_config.TextColumn(_("What came of it")),
        }
        st.dataframe(run_batch.table(told), hide_index=True, key="runs_told_table", column_config=columns, height=180)


def _buttons(to_cancel: Plan, to_restart: Plan) -> None:
    st.button(
        _("Cancel"), key="runs_cancel", icon=":material/stop_circle:", disabled=not to_cancel.able, on_click=_ask,
        args=("cancel_runs", _("Cancel these runs?"), run_batch.cancel_words, run_batch.cancel, to_cancel),
    )  # fmt: skip
    st.button(
        _("Restart"), key="runs_restart", icon=":material/restart_alt:", disabled=not to_restart.able, on_click=_ask,
        args=("restart_runs", _("Restart these runs?"), run_batch.restart_words, run_batch.restart, to_restart),
    )  # fmt: skip


def _ask(
    key: str, title: str, words: Callable[[Plan], str], act: Callable[..., list[Outcome]], plan: Plan
) -> None:  # fmt: skip
    confirm.ask(key, title, words(plan), _carry_out, act, plan.able)


def _carry_out(act: Callable[..., list[Outcome]], run_ids: tuple[int, ...]) -> None:
    st.session_state[_OUTCOMES] = act(grid.client(), run_ids)
    st.session_state[_CHOSEN] = {}
    grid.forget()


def _close() -> None:
    st.session_state[_OUTCOMES] = []


def _chosen() -> dict[int, str]:
    """The chosen runs with their status as last seen; they stay chosen when they move to another page of the list."""
    chosen: dict[int, str] = st.session_state.setdefault(_CHOSEN, {})
    return chosen


def _choose() -> None:
    shown: list[tuple[int, str]] = st.session_state[_SHOWN]
    elsewhere = {run_id: status for run_id, status in _chosen().items() if run_id not in dict(shown)}
    st.session_state[_CHOSEN] = elsewhere | dict(choice.all_marked(_TABLE, shown))


def _choose_none() -> None:
    st.session_state[_CHOSEN] = {}


def _open() -> None:
    row = st.session_state[_OPEN]["row"]
    shown: list[tuple[int, str]] = st.session_state[_SHOWN]
    if row < len(shown):
        st.session_state[_TO] = shown[row][0]


def _address_of(run_id: int) -> dict[str, str]:
    """A run's page, which keeps the list's filters for the way back."""
    return {"run": str(run_id)} | run_filters.for_address(filters())


def _columns() -> dict[str, Any]:
    column = st.column_config
    return {
        "id": column.ButtonColumn(_("Run"), width=76, pinned=True, type="tertiary", on_click=_open, key=_OPEN),
        "status": status_column(_("Status")),
        "why": column.TextColumn(_("Reason"), width=190),
        "name": column.TextColumn(_("Task"), width=110),
        "node": column.TextColumn(_("Node")),
        "created": time_column(_("Submitted"), "D MMM HH:mm:ss"),
        "started": time_column(_("Started"), "D MMM HH:mm:ss"),
        "seconds": column.NumberColumn(_("Run time"), format="%.2f s", width=80),
        "result": column.TextColumn(_("Result"), width=190),
        "submitter": column.TextColumn(_("Submitter"), width=90),
        "attempts": column.NumberColumn(_("Attempts"), width=72),
    }
