"""What the work of the Submit page needs, and what it is given: machines, time, attempts, parameters."""

import streamlit as st

from idlegrid_console.data import sandbox
from idlegrid_console.texts import PRIORITY, _, name
from idlegrid_console.widgets.submit_state import key


def needs() -> None:
    """The fields beside the editor."""
    with st.grid(2, min_column_width=130):
        st.number_input(_("Cores"), 0.1, None, step=0.5, format="%g", **key("cpu"))
        st.number_input(_("Memory (MB)"), 16, None, step=64, **key("memory"))
        st.number_input(_("Time limit (s)"), 1.0, None, step=60.0, format="%g", **key("timeout"))
        st.number_input(_("Retries"), 0, 100, step=1, **key("retry_count"))
        st.selectbox(_("Priority"), list(PRIORITY), format_func=lambda code: name(code, PRIORITY), **key("priority"))
        st.selectbox(
            _("Sandbox level, at least"), range(5), format_func=level_name, **key("min_sandbox"),
            help=_(
                "Left as it is, the level is 3, and workers that cannot tell theirs are taken at their operator's word."
            ),
        )  # fmt: skip
    st.text_input(_("Labels that the node must carry"), placeholder="gpu linux", **key("requires"))
    with st.container(key="parameters"):
        st.text_area(
            _("Parameters (a JSON object)"), placeholder='{"n": 10}', height=110, **key("parameters"),
            help=_("The code finds them with `idlegrid.parameters()`, or as JSON in `$IDLEGRID_PARAMETERS`."),
        )  # fmt: skip


def level_name(level: int) -> str:
    """A choice of sandbox levels: 0 stands for not asking."""
    return sandbox.level_name(level) if level else _("{level} (default)").format(level=sandbox.DEFAULT_LEVEL)
