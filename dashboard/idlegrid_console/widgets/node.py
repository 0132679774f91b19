"""A node's sandbox in full: its level, what provides it, how it was tried, what would raise it."""

import streamlit as st

from idlegrid import NodeInfo
from idlegrid_console.data import sandbox
from idlegrid_console.texts import _
from idlegrid_console.widgets.parts import facts, sandbox_badge


def sandbox_panel(node: NodeInfo) -> None:
    """What is to be known of one node before trusting it with code, or lending it."""
    with st.container(border=True):
        with st.container(horizontal=True, vertical_alignment="center"):
            st.subheader(_("Sandbox"), width="content", anchor=False)
            sandbox_badge(node.sandbox_level)
        st.text(sandbox.meaning(node))
        facts(sandbox.facts(node, st.context.timezone))
        _raising(node)


def _raising(node: NodeInfo) -> None:
    if reason := sandbox.why_not_higher(node):
        with st.container(gap=None):
            st.caption(_("Why it is not higher"))
            st.text(reason)
    if command := sandbox.remedy(node):
        with st.container(gap=None):
            st.caption(_("What raises it, as the node says; read it before you run it there"))
            st.code(command, language=None, wrap_lines=True)
