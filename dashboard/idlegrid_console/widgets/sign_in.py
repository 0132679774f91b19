"""Signing in, to a grid that asks for keys: with an API key, or with an OpenID provider; and signing out."""

from importlib.util import find_spec

import streamlit as st

from idlegrid_console.data.text import one_line, plain_markdown
from idlegrid_console.texts import _
from idlegrid_console.widgets import grid, language, live, people, rights
from idlegrid_console.widgets.rights import Rights

_FIELD = "sign_in_key"
WIDTH = 460


def page(known: Rights) -> None:
    """What a visitor without a good key sees, and nothing else. What was typed on the page is kept for their return."""
    _keep_what_was_typed()
    st.title(_("Sign in"), anchor=False)
    with st.container(width=WIDTH):
        _reason(known)
        with st.form("sign_in", clear_on_submit=True, border=False):
            st.text_input(
                _("API key"), type="password", key=_FIELD, autocomplete="current-password",
                help=_("It is kept for this browser tab only. `idlegrid up` prints one when it asks for keys."),
            )  # fmt: skip
            st.form_submit_button(_("Sign in"), type="primary", on_click=_take_key, icon=":material/login:")
        _providers()


def account(known: Rights) -> None:
    """Who is signed in, with which scopes, and the way out; nothing where no keys are asked for."""
    if known.refused is None and known.name:
        with st.container(gap=None, key="account"):
            st.caption(_("Signed in as"))
            st.text(one_line(known.name))
            st.caption(plain_markdown(", ".join(known.scopes)))
        if st.session_state.get(grid.KEY) or people.signed_in():
            st.button(_("Sign out"), icon=":material/logout:", on_click=sign_out, type="tertiary", key="sign_out")


def sign_out() -> None:
    """Forget the visitor's key, all that was shown and typed with it, and what their provider said of them."""
    rights.forget_all()
    st.session_state.pop(grid.KEY, None)
    if people.signed_in():
        st.logout()


def _reason(known: Rights) -> None:
    """Why they are here; somebody who has only just come did nothing wrong."""
    if people.signed_in() and not people.key():
        _stranger()
    elif st.session_state.get(grid.KEY) or people.signed_in():
        st.warning(plain_markdown(known.refused), icon=":material/key:")
    else:
        st.text(_("This grid asks for a key."))


def _stranger() -> None:
    who = one_line(people.address() or str(st.user.get("name") or "")) or "?"
    st.warning(
        plain_markdown(_("You are signed in as {who}, for whom this console keeps no key.").format(who=who)),
        icon=":material/person_off:",
    )
    st.text(_("Ask the operator for one, or enter your own below."))
    st.button(_("Sign out"), icon=":material/logout:", on_click=sign_out, key="stranger_out")


def _providers() -> None:
    if people.signed_in() or not people.configured():
        return
    if not find_spec("authlib"):
        st.warning(_("Sign-in with a provider needs `pip install idlegrid-console[oidc]`."))
        return
    for name in people.providers():
        words = _("Sign in with {provider}").format(provider=plain_markdown(name or "OpenID"))
        st.button(words, icon=":material/badge:", on_click=st.login, args=(name,), key=f"provider_{name}")


def _take_key() -> None:
    """From now on ask with this key; what was typed is kept for the same person alone (see `rights`)."""
    st.session_state[grid.KEY] = str(st.session_state[_FIELD]).strip()
    live.forget()


def _keep_what_was_typed() -> None:
    """Streamlit forgets a field that is not drawn, unless it is set again. Buttons and tables cannot be set."""
    for name, value in st.session_state.to_dict().items():
        settable = isinstance(value, str | int | float | list) and not isinstance(value, bool)
        if settable and name not in (_FIELD, language.FIELD):
            st.session_state[name] = value
