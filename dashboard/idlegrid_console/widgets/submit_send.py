"""Submitting: what the grid says to it beforehand, the button, and what was submitted last."""

from datetime import UTC, datetime
from typing import Any

import streamlit as st

from idlegrid import Client, IdlegridError, Run
from idlegrid_console.data import submit, syntax
from idlegrid_console.data.clock import ago
from idlegrid_console.data.task_form import FIELD, WrongField
from idlegrid_console.data.text import one_line, plain_markdown
from idlegrid_console.texts import _
from idlegrid_console.widgets import grid, submit_files, submit_state
from idlegrid_console.widgets.acts import why_not
from idlegrid_console.widgets.live import Live
from idlegrid_console.widgets.task_links import RUNS, leave_for, run_link

MOST_SHOWN = 8
"""Submissions that are remembered: the runs' own page has all."""

ROOM_SECONDS = 5
"""How often the grid is asked anew while the page is open."""

_TO = "submit_to"
_PROBLEM = "submit_problem"


def send_row() -> None:
    """The button with the grid's word beside it; what was wrong with the last try below."""
    if (run_id := st.session_state.pop(_TO, None)) is not None:
        leave_for(RUNS, run=run_id)
    with st.container(horizontal=True, vertical_alignment="center", border=True):
        st.button(_("Run it"), type="primary", key="submit_send", icon=":material/play_arrow:", on_click=_send)
        with st.container(width="stretch", gap="xxsmall"):
            _room()
    if problem := st.session_state.get(_PROBLEM):
        st.error(plain_markdown(problem), icon=":material/error:")


@st.fragment(run_every=ROOM_SECONDS, key="submit_room")
def _room() -> None:
    with Live("submit_room") as live:
        told = live.ask(Client.preview, **submit.needs_of(submit_state.draft()))
        if told is None:
            return
        room = submit.room(told)
        icon = {"green": "check_circle", "orange": "hourglass_top", "red": "block"}[room.colour]
        st.markdown(f":{room.colour}[:material/{icon}:] {plain_markdown(room.sentence)}")
        for reason in room.reasons:
            st.text(reason)


def _send() -> None:
    given = st.session_state
    given[_PROBLEM] = None
    draft = submit_state.draft()
    try:
        _doubt(draft)
        run = _sent(draft)
    except WrongField as error:
        given[_PROBLEM] = f"{_(FIELD.get(error.field, error.field))}: {error.problem}"
    except submit.WrongFile as error:
        given[_PROBLEM] = str(error)
    except IdlegridError as error:
        given[_PROBLEM] = why_not(error)
    else:
        _remember(run.id, draft)
        given[_TO] = run.id
        grid.forget()


def _doubt(draft: submit.Draft) -> None:
    """Raise WrongField for code that is no Python, once: nodes may run a newer Python than this one."""
    problem = syntax.find(draft["code"]) if draft["kind"] == "python" else None
    if problem and draft["code"] != st.session_state.get("submit_doubted"):
        st.session_state.submit_doubted = draft["code"]
        raise WrongField("code", f"{problem}. {_('Press “Run it” once more to send it all the same.')}")


def _sent(draft: submit.Draft) -> Run:
    if submit_files.given() and draft["kind"] != "http":
        return submit_files.send(grid.client(), draft)
    return grid.client().submit(**submit.body_of(draft))


def _remember(run_id: int, draft: submit.Draft) -> None:
    text = draft["url"] if draft["kind"] == "http" else draft["code"]
    kept: list[dict[str, Any]] = st.session_state.setdefault("submissions", [])
    kept.insert(0, {"run": run_id, "at": datetime.now(UTC), "text": one_line(text.strip(), 80)})
    del kept[MOST_SHOWN:]


def last_submissions() -> None:
    """The ways back to what was submitted from this tab, newest first."""
    kept = st.session_state.get("submissions")
    if not kept:
        return
    st.markdown(f"**{_('Submitted last')}**")
    now = datetime.now(UTC)
    for one in kept:
        with st.container(horizontal=True, vertical_alignment="center"):
            run_link(one["run"])
            st.caption(plain_markdown(ago(one["at"], now, st.context.timezone)), width="content")
            st.text(one["text"], width="content")
