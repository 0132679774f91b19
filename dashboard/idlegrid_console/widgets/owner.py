"""A node's owner: how fast they got their machine back, and what they allow."""

import streamlit as st

from idlegrid import NodeInfo
from idlegrid_console.data import owner
from idlegrid_console.texts import _
from idlegrid_console.widgets.parts import facts


def owner_panel(node: NodeInfo) -> None:
    """What a node told of its owner; the node as `Client.node` gives it."""
    with st.container(border=True):
        st.subheader(_("Owner"), anchor=False)
        if rules := owner.in_short(node):
            st.text("\n".join(rules))
        facts(owner.reclaims(node.reclaims), in_a_row=3)
        if sentence := owner.refused(node):
            with st.container(gap=None):
                st.caption(_("What of the operator's wishes it does not take, and why"))
                st.text(sentence)
        _policy(node)


def _policy(node: NodeInfo) -> None:
    frame = owner.policy(node)
    if frame.empty:
        st.caption(_("This node does not tell what its owner allows."))
        return
    column = st.column_config.TextColumn
    columns = {"rule": column(_("Rule"), width="large"), "pushed": column(_("Wanted by the operator"))}
    shown = ["rule", "pushed"] if any(frame["pushed"]) else ["rule"]
    with st.expander(_("What its owner allows"), icon=":material/rule:"):
        st.dataframe(
            frame, hide_index=True, key="node_policy", height="content", column_config=columns, column_order=shown,
            alt=_("What its owner allows"),
        )  # fmt: skip
