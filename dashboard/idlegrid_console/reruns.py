"""A browser's requests for a rerun, put right before Streamlit serves them. Two do harm (seen in Streamlit 1.67).

**A fragment of the page just left.** When a click on a link also closes a popover or ends the editing of a field, the
browser asks for the next page first, and then reports that change, for a fragment of the page before. Streamlit keeps
a session's fragments until the next page is drawn, so it accepts this and serves it afterwards, as a run of the old
page that draws nothing. But the browser empties the next page for it, that page's next refresh finds no place for what
it draws ("Bad delta path index"), and all is white until a reload. Requests for unknown fragments Streamlit drops by
itself: here a page's fragments are forgotten as soon as it is left.

**A refresh that carries a click.** The browser reports a click some milliseconds after it. A refresh that falls due in
between carries the click as well, which would then be acted on twice. Here a refresh carries no clicks.
"""

from streamlit.proto.ClientState_pb2 import ClientState
from streamlit.runtime.app_session import AppSession

_request_rerun = AppSession.request_rerun


def put_requests_right() -> None:
    """Have all sessions of this process do so; once or more often is the same."""
    AppSession.request_rerun = _put_right  # type: ignore[assignment,method-assign]


def _put_right(session: AppSession, client_state: ClientState | None) -> None:
    """Streamlit's `request_rerun`, which runs on the event loop: between two requests, never beside one."""
    if client_state is not None:
        if client_state.is_auto_rerun:
            _drop_clicks(client_state)
        if not client_state.fragment_id and client_state.page_script_hash != session.page_script_hash:
            session._fragment_storage.clear()
    _request_rerun(session, client_state)


def _drop_clicks(client_state: ClientState) -> None:
    widgets = client_state.widget_states.widgets
    kept = [widget for widget in widgets if not widget.HasField("trigger_value")]
    del widgets[:]
    widgets.extend(kept)
