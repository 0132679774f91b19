"""What an operator wants of a node: how many runs it may hold, and other values of its owner's policy."""

from typing import Any

import streamlit as st

from idlegrid import NodeInfo
from idlegrid_console.data import owner
from idlegrid_console.data.text import one_line
from idlegrid_console.policy_texts import POLICY_CODES
from idlegrid_console.texts import _, name
from idlegrid_console.widgets import confirm, grid, rights
from idlegrid_console.widgets.acts import carry_out

MOST_RUNS = 1024
"""The most that a coordinator lets a node hold (its `MAX_SLOTS`)."""


def wishes_panel(node: NodeInfo) -> None:
    """A field for the most runs and a small form for the policy; nothing without the scope."""
    if not rights.may("write:workers"):
        return
    with st.container(border=True):
        st.subheader(_("Wishes of the operator"), anchor=False)
        _limit(node)
        values = owner.in_effect(node)
        if values:
            _wish(node, values)
        if wanted := owner.wanted(node):
            _taking_back(node, wanted)


def _limit(node: NodeInfo) -> None:
    with st.container(horizontal=True, vertical_alignment="bottom"):
        most = min(max(1, node.max_concurrent_tasks), MOST_RUNS)
        st.number_input(_("Runs at a time, at most"), 1, MOST_RUNS, most, key="node_limit", width=200)
        st.button(_("Set"), key="set_limit", on_click=_set_limit, args=(node.id,))


def _set_limit(node_id: str) -> None:
    runs = st.session_state.node_limit
    carry_out(grid.client().limit_node, node_id, runs, done=_("It holds at most {count} runs.").format(count=runs))


def _wish(node: NodeInfo, values: dict[str, Any]) -> None:
    st.caption(_("A wish may ask for more consideration than the owner's profile has, never for less."))
    with st.container(horizontal=True, vertical_alignment="bottom"):
        key = st.selectbox(_("Rule"), list(values), format_func=owner.label, key="wish_rule", width=440)
        if key in values:
            _field(key, values[key])
            st.button(_("Ask for it"), key="ask_for_it", on_click=_push, args=(node.id, key, values[key]))


def _field(key: str, value: Any) -> None:
    place, unit = f"wish_{key}", owner.unit(key)
    label = _("Value ({unit})").format(unit=unit) if unit else _("Value")
    if isinstance(value, bool):
        st.toggle(_("yes"), value, key=place)
    elif isinstance(value, int | float):
        st.number_input(label, 0.0, value=float(value), key=place, width=200, format="%g")
    elif key in POLICY_CODES:
        codes = POLICY_CODES[key]
        st.selectbox(label, list(codes), format_func=lambda code: name(code, codes), key=place, width=200)
    else:
        text = ", ".join(map(str, value)) if isinstance(value, list) else str(value)
        st.text_input(label, text, key=place, width=260, max_chars=1000)


def _push(node_id: str, key: str, like: Any) -> None:
    value = owner.typed(st.session_state[f"wish_{key}"], like)
    carry_out(_push_beside, node_id, {key: value}, done=_("The node is asked with its next heartbeat."))


def _push_beside(node_id: str, wish: dict[str, Any]) -> None:
    """What was wished before is wished still."""
    client = grid.client()
    client.push_policy(node_id, owner.wanted(client.node(node_id)) | wish)


def _taking_back(node: NodeInfo, wanted: dict[str, Any]) -> None:
    after = _("The owner's own policy holds again.")
    with st.container(horizontal=True, vertical_alignment="center"):
        wishes = ", ".join(f"{owner.label(key)}: {one_line(value)}" for key, value in wanted.items())
        st.text(_("Asked for: {wishes}").format(wishes=one_line(wishes, limit=600)), width="stretch")
        st.button(
            _("Take all back"), key="take_back", icon=":material/undo:", on_click=confirm.ask,
            args=("take_back", _("Take all wishes back?"), after, _take_back, node.id),
        )  # fmt: skip


def _take_back(node_id: str) -> None:
    carry_out(grid.client().push_policy, node_id, None, done=_("The node is told with its next heartbeat."))
