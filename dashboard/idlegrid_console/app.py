"""The console's entry: what every page has, and which pages there are."""

from pathlib import Path

import streamlit as st

from idlegrid_console.reruns import put_requests_right
from idlegrid_console.texts import _, speak_to
from idlegrid_console.widgets import grid
from idlegrid_console.widgets.live import own_key

HERE = Path(__file__).parent

STYLE = """<style>
[data-stale="true"] {opacity: 1 !important; transition: none !important}
.st-key-code textarea, .st-key-parameters textarea, [class*="st-key-task_"] textarea, .st-key-trigger textarea
{font-family: monospace; font-size: 13px; line-height: 1.45}
</style>"""
"""What the theme cannot say: parts do not fade while they wait for their refresh, and code looks like code."""


def main() -> None:
    """Draw the frame and the page that was opened."""
    put_requests_right()
    speak_to(lambda: st.context.locale)
    st.set_page_config(
        page_title="idlegrid", page_icon=str(HERE / "logo.svg"), layout="wide", initial_sidebar_state=224
    )
    st.html(STYLE)
    st.logo(str(HERE / "logo.svg"), size="large")
    page = st.navigation(
        [
            st.Page("views/overview.py", title=_("Overview"), icon=":material/monitoring:", default=True),
            st.Page("views/submit.py", title=_("Submit"), icon=":material/send:"),
            st.Page("views/tasks.py", title=_("Tasks"), icon=":material/event_repeat:"),
            st.Page("views/runs.py", title=_("Runs"), icon=":material/list_alt:"),
            st.Page("views/nodes.py", title=_("Nodes"), icon=":material/dns:"),
        ]
    )
    with st.sidebar.container(gap=None):
        st.caption(_("Coordinator"))
        st.text(grid.address())
        own_key()
    # Whatever the address says is for whoever opens a page; while it stands, what they choose there goes before.
    st.session_state.just_opened = st.session_state.get("standing") != page.url_path
    st.session_state.standing = page.url_path
    page.run()


main()
