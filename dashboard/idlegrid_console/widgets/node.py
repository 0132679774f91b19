"""A node's sandbox in full: its level, what provides it, how it was tried, what would raise it; and draining it."""

import streamlit as st

from idlegrid import IdlegridError, NodeInfo
from idlegrid_console.data import sandbox
from idlegrid_console.data.text import one_line, plain_markdown
from idlegrid_console.texts import _
from idlegrid_console.widgets import grid
from idlegrid_console.widgets.parts import facts, sandbox_badge


def node_panel(node: NodeInfo) -> None:
    """What is to be known of one node before trusting it with code, or lending it."""
    with st.container(border=True):
        with st.container(horizontal=True, vertical_alignment="center"):
            st.subheader(_("Sandbox"), width="content", anchor=False)
            sandbox_badge(node.sandbox_level)
            st.text(one_line(node.id), width="stretch")
            _steering(node)
        st.text(sandbox.meaning(node))
        facts(sandbox.facts(node, st.context.timezone))
        _raising(node)


def _steering(node: NodeInfo) -> None:
    """Have the node finish what it runs and take no more, or undo that; nothing for one that is not there."""
    if node.status == "active":
        words, icon, status = _("Drain"), ":material/logout:", "draining"
    elif node.status == "draining":
        words, icon, status = _("Resume"), ":material/resume:", "active"
    else:
        return
    hint = _("A drained node finishes what runs there and takes no more.")
    st.button(words, icon=icon, key=f"node_{status}", help=hint, on_click=_steer, args=(node.id, status))


def _steer(node_id: str, status: str) -> None:
    try:
        grid.client().steer_node(node_id, status)
    except IdlegridError as error:
        st.toast(plain_markdown(error), icon=":material/error:")
    else:
        grid.forget()


def _raising(node: NodeInfo) -> None:
    if reason := sandbox.why_not_higher(node):
        with st.container(gap=None):
            st.caption(_("Why it is not higher"))
            st.text(reason)
    if command := sandbox.remedy(node):
        with st.container(gap=None):
            st.caption(_("What raises it, as the node says; read it before you run it there"))
            st.code(command, language=None, wrap_lines=True)
