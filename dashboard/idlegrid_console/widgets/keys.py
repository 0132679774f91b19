"""A key in full, its revocation, and the form of a new one."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import streamlit as st

from idlegrid import ApiError, Client, IdlegridError
from idlegrid_console.data import keys
from idlegrid_console.data.text import one_line, plain_markdown
from idlegrid_console.system_texts import KEY_STATE, SCOPE
from idlegrid_console.texts import _, name
from idlegrid_console.widgets import confirm, grid, once
from idlegrid_console.widgets.acts import carry_out, why_not
from idlegrid_console.widgets.parts import facts

PLACE = "key"
OPEN, PROBLEMS = "making_key", "key_problems"

_BADGES = {"valid": "green", "spent": "gray", "expired": "orange", "revoked": "gray"}


def key_panel(key: keys.Key, mine: int | None) -> None:
    """What a key may do, since when, and the button that ends it; `mine` is the visitor's own."""
    now = datetime.now(UTC)
    state = keys.state(key, now)
    with st.container(border=True, key="key_panel"):
        with st.container(horizontal=True, vertical_alignment="center"):
            st.text(f"{one_line(key.get('name') or '')}  {one_line(key.get('prefix') or '')}…", width="content")
            colour: Any = _BADGES.get(state, "gray")
            st.badge(name(state, KEY_STATE), color=colour)
            st.space("stretch")
            if state != "revoked":
                _revoke_button(key, mine)
        facts(keys.facts(key, now, st.context.timezone))
        for scope in key.get("scopes") or []:
            st.text(f"{one_line(scope, 40)}: {name(scope, SCOPE) if scope in SCOPE else '–'}")


def _revoke_button(key: keys.Key, mine: int | None) -> None:
    words = _("What uses {name} ({prefix}…) is refused from now on, everywhere within seconds. This cannot be undone.")
    sentence = words.format(name=one_line(key.get("name") or ""), prefix=one_line(key.get("prefix") or ""))
    if key.get("id") == mine:
        sentence += "\n" + _("It is the key that this console uses now for you.")
    st.button(
        _("Revoke"), icon=":material/key_off:", key="key_revoke", on_click=confirm.ask,
        args=("key_revoke", _("Revoke this key?"), sentence, _revoke, int(key["id"])),
    )  # fmt: skip


def _revoke(key_id: int) -> None:
    carry_out(Client.revoke_key, grid.client(), key_id, done=_("The key is revoked."))


def is_open() -> bool:
    """Whether the page is to show the form."""
    return bool(st.session_state.get(OPEN))


def open_form() -> None:
    """Have the page show the form of a new key."""
    once.forget(PLACE)
    st.session_state[OPEN], st.session_state[PROBLEMS] = True, {}


def close_form() -> None:
    """Have the page show the list again."""
    st.session_state[OPEN] = False


def key_form() -> None:
    """What the key is called, may do, and until when; what the coordinator refuses stands beside it."""
    with st.container(border=True, key="key_form"):
        st.text_input(_("Name"), key="key_name", max_chars=100, placeholder="ada", width=420, help=_(
            "Who it is: runs record it as their submitter, and keys of one name are one submitter."
        ))  # fmt: skip
        _problem("name")
        _scopes()
        with st.container(horizontal=True):
            st.selectbox(_("Expires"), list(keys.EXPIRY), index=3, format_func=lambda code: _(keys.EXPIRY[code][0]),
                         key="key_expiry", width=200)  # fmt: skip
            if keys.JOIN in _chosen():
                st.number_input(_("Nodes that it may enrol"), 1, 1_000_000, 1, key="key_uses", width=200)
        _problem("expires_in", "uses", "")
        with st.container(horizontal=True):
            st.button(_("Make the key"), type="primary", icon=":material/key:", key="key_make", on_click=_make)
            st.button(_("Discard"), icon=":material/close:", key="key_discard", on_click=close_form)


def _scopes() -> None:
    st.markdown(_("**What it may do**"))
    with st.container(horizontal=True, vertical_alignment="center"):
        st.caption(_("Start from"), width="content")
        for code, (words, scopes) in keys.PRESETS.items():
            st.button(_(words), key=f"preset_{code}", type="tertiary", on_click=_preset, args=(scopes,))
    with st.grid(2, min_column_width=320, gap="xsmall"):
        for scope, words in SCOPE.items():
            with st.container(gap=None):
                st.checkbox(f"`{scope}`", key=_box(scope))
                st.caption(_(words))
    _problem("scopes")


def _preset(scopes: tuple[str, ...]) -> None:
    for scope in SCOPE:
        st.session_state[_box(scope)] = scope in scopes


def _box(scope: str) -> str:
    return f"scope_{scope.replace(':', '_')}"


def _chosen() -> list[str]:
    return [scope for scope in SCOPE if st.session_state.get(_box(scope))]


def _problem(*fields: str) -> None:
    for field in fields:
        if problem := st.session_state[PROBLEMS].get(field):
            st.error(plain_markdown(problem), icon=":material/error:")


def _make() -> None:
    given = st.session_state
    asked = keys.wanted(given.key_name or "", _chosen(), given.key_expiry, int(given.get("key_uses") or 1))
    given[PROBLEMS] = {field: words for field, words in _missing(asked).items() if words}
    if given[PROBLEMS]:
        return
    try:
        made = grid.client().make_key(**asked)
    except IdlegridError as error:
        given[PROBLEMS] = (dict(error.fields) if isinstance(error, ApiError) else {}) or {"": why_not(error)}
        return
    command = keys.join_command(grid.address(), made["key"]) if keys.JOIN in asked["scopes"] else None
    once.keep(PLACE, _("The key of {name}").format(name=asked["name"]), str(made["key"]), command)
    grid.forget()
    close_form()


def _missing(asked: Mapping[str, Any]) -> dict[str, str]:
    return {
        "name": "" if asked["name"] else _("A key has a name."),
        "scopes": "" if asked["scopes"] else _("A key that may do nothing is of no use: choose at least one."),
    }
