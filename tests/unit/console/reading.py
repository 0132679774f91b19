"""Reading a page that AppTest has drawn."""

import streamlit as st


def texts(app):
    """All that the page says in words."""
    return [part.value for kind in (app.title, app.markdown, app.caption, app.text, app.code) for part in kind]


def fresh(app):
    """Draw again with answers from now: as the next refresh after the shared ones have aged."""
    st.cache_data.clear()
    app.run()
    assert not app.exception
    return app


def press(app, key):
    """Press the button with this key."""
    app.button(key=key).click().run()
    assert not app.exception
    return app
