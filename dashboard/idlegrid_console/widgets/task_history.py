"""A task's newest runs as a strip of coloured marks, each a link to its run."""

from typing import Any

import streamlit as st

from idlegrid import Client, RunPage
from idlegrid_console.data import task_history
from idlegrid_console.texts import _
from idlegrid_console.widgets import rights
from idlegrid_console.widgets.live import Live
from idlegrid_console.widgets.task_links import RUNS

_COLOURS = {"completed": "green", "failed": "red", "aborted": "gray", "running": "blue", "pending": "orange"}


def newest_runs(client: Client, task_id: int) -> RunPage:
    """A task's newest runs."""
    return client.runs(size=task_history.MOST, task_id=task_id)


def history(live: Live, task_id: int) -> None:
    """The strip, oldest first, and what it says in words."""
    if not rights.may("read:runs", "submit"):
        return
    page = live.ask(newest_runs, task_id=task_id)
    if page is None:
        return
    recent = [{"id": run.id, "status": run.status} for run in page.items]
    st.markdown(f"**{_('History')}** · {task_history.words(recent)}")
    with st.container(horizontal=True, gap="xsmall", key="task_history"):
        for run in reversed(recent):
            _link(run)


def _link(run: dict[str, Any]) -> None:
    colour, mark = _COLOURS.get(run["status"], "gray"), task_history.MARKS.get(run["status"], "?")
    st.page_link(RUNS, label=f":{colour}[{mark}] {int(run['id'])}", query_params={"run": str(run["id"])})
