"""An endpoint in full: how it stands, what can be done with it, and what it was sent (`deliveries`)."""

from datetime import UTC, datetime
from typing import Any

import streamlit as st

from idlegrid import Client
from idlegrid_console.data import webhooks
from idlegrid_console.data.text import one_line, plain_markdown
from idlegrid_console.system_texts import WEBHOOK_STATE
from idlegrid_console.texts import _, name
from idlegrid_console.widgets import address, confirm, grid
from idlegrid_console.widgets.acts import carry_out
from idlegrid_console.widgets.deliveries import deliveries
from idlegrid_console.widgets.live import Live
from idlegrid_console.widgets.parts import facts
from idlegrid_console.widgets.webhook_form import open_form

_BADGES = {"on": "green", "failing": "orange", "off": "gray", "switched_off": "red"}


def webhook_panel(webhook: webhooks.Webhook, live: Live) -> None:
    """The chosen endpoint."""
    now, state = datetime.now(UTC), webhooks.state(webhook)
    with st.container(border=True, key="webhook_panel"):
        with st.container(horizontal=True, vertical_alignment="center"):
            st.text(one_line(webhook.get("url") or "", 400), width="content")
            colour: Any = _BADGES[state]
            st.badge(name(state, WEBHOOK_STATE), color=colour)
        _buttons(webhook)
        if webhook.get("disabled_reason"):
            words = _("The grid switched it off: {reason}").format(reason=one_line(webhook["disabled_reason"], 600))
            st.warning(plain_markdown(words), icon=":material/power_off:")
        facts(webhooks.facts(webhook, now, st.context.timezone), in_a_row=5)
        st.caption(_("Events"))
        st.text(webhooks.events(webhook))
    deliveries(int(webhook["id"]), live)


def _buttons(webhook: webhooks.Webhook) -> None:
    webhook_id, active = int(webhook["id"]), bool(webhook.get("active"))
    with st.container(horizontal=True):
        _button(_("Send a test"), ":material/send:", "webhook_test", _test, webhook_id)
        _button(_("Edit"), ":material/edit:", "webhook_edit", open_form, dict(webhook))
        if active:
            _button(
                _("Switch off"),
                ":material/power_off:",
                "webhook_off",
                confirm.ask,
                "webhook_off",
                _("Switch this webhook off?"),
                _("What is on its way to it fails."),
                _switch,
                webhook_id,
                False,
            )
        else:
            _button(_("Switch on"), ":material/power:", "webhook_on", _switch, webhook_id, True)
        _button(_("Delete"), ":material/delete:", "webhook_delete", confirm.ask, "webhook_delete",
                _("Delete this webhook?"), _("{url} and all its deliveries are forgotten.").format(
                    url=one_line(webhook.get("url") or "", 400)), _delete, webhook_id)  # fmt: skip


def _button(label: str, icon: str, key: str, act: Any, *words: Any) -> None:
    st.button(label, icon=icon, key=key, on_click=act, args=words)


def _test(webhook_id: int) -> None:
    carry_out(Client.test_webhook, grid.client(), webhook_id, done=_("A test is on its way."))


def _switch(webhook_id: int, active: bool) -> None:
    client, words = grid.client(), _("It is switched on.") if active else _("It is switched off.")
    carry_out(lambda: client.change_webhook(webhook_id, active=active), done=words)


def _delete(webhook_id: int) -> None:
    if carry_out(Client.delete_webhook, grid.client(), webhook_id, done=_("The webhook is deleted.")):
        st.session_state.chosen_webhook = None
        address.put("webhook", None)
