"""Submit: write code, run it, and watch its log and result come."""

import json
from collections.abc import Sequence
from typing import Any

import streamlit as st

from idlegrid import IdlegridError
from idlegrid_console.data import sandbox
from idlegrid_console.data.text import plain_markdown
from idlegrid_console.texts import PRIORITY, _, name
from idlegrid_console.widgets import grid
from idlegrid_console.widgets.files import call_for_files, files_panel
from idlegrid_console.widgets.live import Live
from idlegrid_console.widgets.run import run_panel

EXAMPLE = """\
import time

for step in range(1, 6):
    print("step", step, flush=True)
    time.sleep(0.5)
"""
"""What the editor holds at first: short, and it shows that the log is live."""

LONGEST_CODE = 10_000
"""The coordinator's limit, in characters."""


@st.fragment(key="form")
def _form() -> None:
    with st.form("submit"):
        st.text_area(_("Python code"), EXAMPLE, height=230, max_chars=LONGEST_CODE, key="code", persist_state="session")
        *options, last = st.columns(6, vertical_alignment="bottom")
        _options(options)
        with last:
            icon = ":material/play_arrow:"
            st.form_submit_button(_("Run it"), type="primary", icon=icon, width="stretch", on_click=_submit)
    if problem := st.session_state.get("submit_problem"):
        st.error(plain_markdown(problem), icon=":material/error:")


def _options(places: Sequence[Any]) -> None:
    timeout, cpu, memory, priority, more = places
    keep: Any = {"persist_state": "session"}
    timeout.number_input(_("Time limit (s)"), 1, None, 300, key="timeout", **keep)
    cpu.number_input(_("Cores"), 0.1, None, 1.0, 0.5, key="cpu", format="%g", **keep)
    memory.number_input(_("Memory (MB)"), 16, None, 512, 64, key="memory", **keep)
    names: Any = {"format_func": lambda code: name(code, PRIORITY)}
    priority.selectbox(_("Priority"), list(PRIORITY), 1, key="priority", **names, **keep)
    with more.popover(_("More"), icon=":material/tune:", width="stretch"):
        st.text_input(_("Labels that the node must carry"), key="requires", placeholder="gpu linux", **keep)
        st.selectbox(
            _("Sandbox level of the node, at least"), [0, 1, 2, 3, 4], key="min_sandbox", format_func=_level, **keep,
            help=_(
                "Left as it is, the level is 3, and workers that cannot tell theirs are taken at their operator's word."
            ),
        )  # fmt: skip
        st.text_area(
            _("Parameters (a JSON object)"), key="parameters", placeholder='{"n": 10}', height=110, **keep,
            help=_("The code finds them with `idlegrid.parameters()`, or as JSON in `$IDLEGRID_PARAMETERS`."),
        )  # fmt: skip


def _level(level: int) -> str:
    """A choice of levels: 0 stands for not asking."""
    return sandbox.level_name(level) if level else _("{level} (default)").format(level=sandbox.DEFAULT_LEVEL)


def _submit() -> None:
    given = st.session_state
    given.submit_problem = None
    try:
        run = grid.client().submit(
            given.code,
            timeout=given.timeout,
            cpu=given.cpu,
            memory=given.memory,
            priority=given.priority,
            requires=given.requires.replace(",", " ").split(),
            parameters=_parameters(given.parameters),
            min_sandbox=given.min_sandbox or None,
        )
        given.submitted = run.id
    except (IdlegridError, ValueError) as error:
        given.submit_problem = str(error)
    st.rerun(["form", "submitted"])


def _parameters(text: str) -> dict[str, Any] | None:
    """The parameters as an object; None for none. Raises ValueError when the text is something else."""
    if not text.strip():
        return None
    try:
        value = json.loads(text)
    except ValueError as error:
        raise ValueError(_("The parameters are not JSON: {error}").format(error=error)) from error
    if not isinstance(value, dict):
        raise ValueError(_('The parameters are JSON, but not an object: write {"name": value}'))  # noqa: TRY004
    return value


@st.fragment(run_every=1, key="submitted")
def _submitted() -> None:
    run = None
    with Live("submitted") as live:
        if (run_id := st.session_state.get("submitted")) is not None:
            run = run_panel(live, run_id, "submitted")
        else:
            st.caption(_("The run's status, log and result appear here."))
    call_for_files("submitted", run)


st.title(_("Submit"), anchor=False)
_form()
_submitted()
files_panel("submitted")
