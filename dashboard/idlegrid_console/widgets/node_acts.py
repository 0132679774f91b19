"""What an operator does with nodes: drain, pause, resume and unregister them, after a question that says what of it."""

from collections.abc import Sequence
from typing import NamedTuple

import streamlit as st

from idlegrid import IdlegridError, NodeInfo
from idlegrid_console.data.nodes import is_held
from idlegrid_console.data.text import one_line
from idlegrid_console.texts import _, n_
from idlegrid_console.widgets import confirm, grid, rights
from idlegrid_console.widgets.acts import carry_out


class Act(NamedTuple):
    """A status that an operator gives to nodes: its button, the question before, what comes of it."""

    label: str
    icon: str
    question: str
    sentence: str


ACTS = {
    "draining": Act(
        n_("Drain"), ":material/logout:", n_("Drain {nodes}?"),
        n_("What runs there goes on to its end. Nothing new is taken until it is resumed."),
    ),
    "offline": Act(
        n_("Pause"), ":material/pause_circle:", n_("Pause {nodes}?"),
        n_("What runs there is stopped and goes back to its queue at once. Nothing new is taken until it is resumed."),
    ),
    "active": Act(
        n_("Resume"), ":material/resume:", n_("Resume {nodes}?"),
        n_("It takes work again as soon as its owner is away."),
    ),
}  # fmt: skip
"""By the status that the coordinator is told."""

UNREGISTERED = n_(
    "What runs there is stopped and goes back to the front of its queue. The node takes nothing more until it is "
    "started anew; its history stays."
)


def steering(nodes: Sequence[NodeInfo], key: str) -> None:
    """A button for each act that changes anything for one of the nodes; none without the scope."""
    if not rights.may("write:workers"):
        return
    for status, act in ACTS.items():
        if ids := [node.id for node in nodes if _changes(node, status)]:
            question = _(act.question).format(nodes=_named(ids))
            st.button(
                _(act.label), icon=act.icon, key=f"{key}_{status}", on_click=confirm.ask,
                args=(f"{key}_{status}", question, _(act.sentence), steer, ids, status),
            )  # fmt: skip


def quarantine(node: NodeInfo) -> None:
    """Of a node that fails nearly all that it takes: say so, and offer to take it out."""
    if not node.suspect:
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        st.error(
            _("This node fails nearly all that it takes, so fast that it may swallow the queue."),
            icon=":material/dangerous:", width="stretch",
        )  # fmt: skip
        if rights.may("write:workers") and _changes(node, "offline"):
            question = _("Quarantine {nodes}?").format(nodes=_named([node.id]))
            st.button(
                _("Quarantine"), icon=":material/shield_lock:", key="quarantine", type="primary", on_click=confirm.ask,
                args=("quarantine", question, _(ACTS["offline"].sentence), steer, [node.id], "offline"),
            )  # fmt: skip


def unregistering(node: NodeInfo) -> None:
    """The button that sends a node away; none without the scope."""
    if rights.may("write:workers"):
        question = _("Unregister {nodes}?").format(nodes=_named([node.id]))
        st.button(
            _("Unregister"), icon=":material/person_remove:", key="unregister", on_click=confirm.ask,
            args=("unregister", question, _(UNREGISTERED), _unregister, node.id),
        )  # fmt: skip


def steer(node_ids: Sequence[str], status: str) -> None:
    """Give these nodes this status, and tell how that went."""
    words = {"draining": _("{nodes}: draining."), "offline": _("{nodes}: paused."), "active": _("{nodes}: resumed.")}
    carry_out(_steer_each, node_ids, status, done=words[status].format(nodes=_named(node_ids)))


def _steer_each(node_ids: Sequence[str], status: str) -> None:
    """All are tried; raises the first refusal afterwards."""
    refusals: list[IdlegridError] = []
    for node_id in node_ids:
        try:
            grid.client().steer_node(node_id, status)
        except IdlegridError as error:
            refusals.append(error)
    if refusals:
        raise refusals[0]


def _unregister(node_id: str) -> None:
    words = _("{nodes}: unregistered.").format(nodes=_named([node_id]))
    if carry_out(grid.client().unregister_node, node_id, done=words):
        st.query_params.pop("node", None)


def _changes(node: NodeInfo, status: str) -> bool:
    """Whether the act would change anything: a node that is away does not hear it."""
    able = {"draining": {"active"}, "offline": {"active", "draining"}, "active": {"draining"}}
    return node.status in able[status] or (status == "active" and is_held(node))


def _named(node_ids: Sequence[str]) -> str:
    if len(node_ids) == 1:
        return one_line(node_ids[0])
    return _("{count} nodes").format(count=len(node_ids))
