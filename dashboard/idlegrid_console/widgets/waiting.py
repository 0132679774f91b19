"""Why a run is not running yet: what holds it back, its place in the queue, when it may start."""

from datetime import UTC, datetime
from typing import Any

import streamlit as st

from idlegrid import Client, Explanation
from idlegrid_console.data import waiting
from idlegrid_console.data.text import plain_markdown
from idlegrid_console.texts import _
from idlegrid_console.widgets.live import Live
from idlegrid_console.widgets.parts import facts


def explanation(live: Live, run: dict[str, Any]) -> Explanation | None:
    """Why the run waits, as fresh as `live` has it; None for one that does not, and where nothing is known."""
    return live.ask(explain, run_id=int(run["id"])) if run.get("status") == "pending" else None


def explain(client: Client, run_id: int) -> Explanation:
    """Why the run is not running yet."""
    return client.run(run_id).explain()


def waiting_panel(why: Explanation, place: str) -> None:
    """All that holds the run back; one that nothing does is about to start, and a frame would only flash up."""
    with st.container(border=True, key=f"waiting_{place}"):
        st.markdown(_("**Why it waits**"))
        for title, message in waiting.reasons(why):
            with st.container(horizontal=True, wrap=False):
                st.badge(plain_markdown(title), color="orange")
                st.text(message, width="stretch")
        facts(waiting.facts(why, datetime.now(UTC), st.context.timezone), in_a_row=3)
