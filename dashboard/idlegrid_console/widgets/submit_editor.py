"""The editor of the Submit page: what is run, written there, started from an example, or opened from a file."""

import streamlit as st

from idlegrid_console.data import submit, syntax
from idlegrid_console.data.examples import EXAMPLES
from idlegrid_console.data.text import plain_markdown
from idlegrid_console.texts import TASK_TYPE, _, name
from idlegrid_console.widgets import submit_state
from idlegrid_console.widgets.submit_state import key

HEIGHT = 380
"""Of the editor in pixels: the longest example scrolls a little, and the button below stays on a laptop's screen."""

_EXAMPLE = "submit_example"


def editor() -> None:
    """The work itself; what is wrong with Python stands below it."""
    _sources()
    now = submit_state.draft()
    if now["kind"] == "http":
        _request()
        return
    with st.container(key="code"):
        st.text_area(_("Code"), height=HEIGHT, max_chars=submit.LONGEST_CODE, **key("code"))
    if now["kind"] == "python" and (problem := syntax.find(now["code"])):
        st.warning(plain_markdown(problem), icon=":material/warning:")
        st.code(problem.excerpt, language=None)


def _sources() -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        st.segmented_control(
            _("Type"), submit.KINDS, format_func=lambda code: name(code, TASK_TYPE), required=True,
            label_visibility="collapsed", **key("kind"),
        )  # fmt: skip
        st.menu_button(
            _("Examples"), list(EXAMPLES), format_func=lambda code: _(EXAMPLES[code].title), key=_EXAMPLE,
            on_click=_start, icon=":material/lightbulb:",
        )  # fmt: skip
        with st.popover(_("Open a file"), icon=":material/folder_open:"):
            _opener()
        if submit_state.drafts():
            label = _("Back to what I wrote")
            st.button(label, key="submit_back", icon=":material/undo:", on_click=submit_state.go_back)


def _start() -> None:
    submit_state.replace(submit.started_from(EXAMPLES[st.session_state[_EXAMPLE]]))


def _opener() -> None:
    st.caption(_("A program (.py, .sh) opens in the editor. Data belongs to the files below."))
    place = f"submit_open_{st.session_state.get('submit_opened', 0)}"
    st.file_uploader(_("A program"), type=list(submit.SCRIPTS), key=place, on_change=_open, args=(place,),
                     label_visibility="collapsed", max_upload_size=submit.MOST_BYTES // 2**20)  # fmt: skip
    if refusal := st.session_state.get("submit_refused"):
        st.error(plain_markdown(refusal), icon=":material/error:")


def _open(place: str) -> None:
    """Take what was chosen; an empty place is there for the next."""
    st.session_state.submit_refused = None
    file = st.session_state[place]
    if file is None:
        return
    try:
        submit_state.replace(submit.opened(file.name, file.getvalue()))
    except submit.WrongFile as error:
        st.session_state.submit_refused = str(error)
    st.session_state.submit_opened = st.session_state.get("submit_opened", 0) + 1


def _request() -> None:
    left, right = st.columns([1, 4])
    left.selectbox(_("Method"), submit.METHODS, **key("method"))
    right.text_input(_("URL"), placeholder="https://example.org/ping", **key("url"))
    st.text_area(_("Headers (a JSON object)"), height=90, placeholder='{"Accept": "text/csv"}', **key("headers"))
    st.text_area(_("Body"), height=110, **key("body"))
    st.caption(_("The answer's body is the result; a status of 400 or above is a failure."))
