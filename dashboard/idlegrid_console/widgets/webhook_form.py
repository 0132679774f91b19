"""The form of a webhook, new or changed; what the coordinator refuses stands beside the field."""

from collections.abc import Mapping
from typing import Any

import streamlit as st

from idlegrid import ApiError, IdlegridError
from idlegrid_console.data import webhooks
from idlegrid_console.data.text import one_line, plain_markdown
from idlegrid_console.system_texts import EVENT
from idlegrid_console.texts import _
from idlegrid_console.widgets import address, grid, once
from idlegrid_console.widgets.acts import why_not

PLACE = "webhook"
OPEN, PROBLEMS = "editing_webhook", "webhook_problems"

_FIELDS = {"url": "url", "events": "events", "secret": "secret"}


def is_open() -> bool:
    """Whether the page is to show the form."""
    return st.session_state.get(OPEN) is not None


def is_new() -> bool:
    """Whether the open form is that of a new endpoint."""
    return not st.session_state[OPEN]


def open_form(webhook: Mapping[str, Any] | None) -> None:
    """Have the page show the form: of this endpoint, or of a new one."""
    given, asked = st.session_state, list((webhook or {}).get("events") or [])
    once.forget(PLACE)
    given[OPEN], given[PROBLEMS] = dict(webhook or {}), {}
    given.webhook_url = (webhook or {}).get("url") or ""
    given.webhook_all = not asked or webhooks.ALL in asked
    given.webhook_events = [event for event in asked if event in EVENT]
    given.webhook_secret, given.webhook_renew = "", False


def close_form() -> None:
    """Have the page show the list again."""
    st.session_state[OPEN] = None


def webhook_form() -> None:
    """Where to, what of, and with which secret."""
    with st.container(border=True, key="webhook_form"):
        st.text_input(_("URL"), key="webhook_url", max_chars=2_000, placeholder="https://example.org/hook")
        _problem("url")
        st.checkbox(_("All events, those to come included"), key="webhook_all")
        if not st.session_state.webhook_all:
            st.multiselect(_("Events"), list(EVENT), key="webhook_events", format_func=_event)
        _problem("events")
        _secret()
        _problem("secret", "")
        with st.container(horizontal=True):
            st.button(_("Save"), type="primary", icon=":material/save:", key="webhook_save", on_click=_save)
            st.button(_("Discard"), icon=":material/close:", key="webhook_discard", on_click=close_form)


def _event(event: str) -> str:
    return f"{event}: {_(EVENT[event])}"


def _secret() -> None:
    if not is_new():
        st.checkbox(_("Have another secret made"), key="webhook_renew")
    hint = _("`whsec_` and base64 of 24 to 64 bytes (Standard Webhooks). What is sent is signed with it.")
    label = _("Secret of your own; empty: one is made") if is_new() else _("Secret of your own; empty: it stays")
    st.text_input(label, key="webhook_secret", type="password", max_chars=200, width=420, help=hint,
                  disabled=bool(st.session_state.get("webhook_renew")))  # fmt: skip


def _problem(*fields: str) -> None:
    for field in fields:
        if problem := st.session_state[PROBLEMS].get(field):
            st.error(plain_markdown(problem), icon=":material/error:")


def _save() -> None:
    given = st.session_state
    asked = webhooks.asked_events(given.webhook_all, given.get("webhook_events") or [])
    given[PROBLEMS] = {} if asked else {"events": _("Choose at least one event.")}
    if given[PROBLEMS]:
        return
    try:
        saved = _send(given[OPEN], given.webhook_url.strip(), asked, given.webhook_secret or None)
    except IdlegridError as error:
        given[PROBLEMS] = _refused(error)
        return
    if str(saved.get("secret") or "").startswith("whsec_") and "…" not in str(saved["secret"]):
        once.keep(PLACE, _("The secret of {url}").format(url=one_line(saved.get("url") or "")), str(saved["secret"]))
    given.chosen_webhook = saved.get("id")
    address.put("webhook", given.chosen_webhook)
    grid.forget()
    close_form()


def _send(before: Mapping[str, Any], url: str, asked: list[str], secret: str | None) -> dict[str, Any]:
    client = grid.client()
    if not before:
        return client.make_webhook(url, asked, secret=secret)
    changes = webhooks.changes(before, url, asked, secret, renews=bool(st.session_state.get("webhook_renew")))
    return client.change_webhook(int(before["id"]), **changes) if changes else dict(before)


def _refused(error: IdlegridError) -> dict[str, str]:
    """By field, where the coordinator names one; else for the form as a whole."""
    named = dict(error.fields) if isinstance(error, ApiError) else {}
    return {_FIELDS.get(field.partition(".")[0], ""): words for field, words in named.items()} or {"": why_not(error)}
