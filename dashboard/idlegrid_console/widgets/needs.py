"""The overview's list of what wants somebody, each line a link to where it is mended."""

from collections.abc import Sequence

import streamlit as st

from idlegrid_console.data.overview import Need
from idlegrid_console.data.text import plain_markdown
from idlegrid_console.texts import _

FIRST = 5
"""So many are shown at once, the worst: the charts below stay in sight."""


def needs_you(needs: Sequence[Need]) -> None:
    """The list in a card, or that there is nothing."""
    with st.container(border=True, gap="small"):
        if not needs:
            st.markdown(_("**Nothing needs you**"))
            st.caption(_("No node is lost, no task fails again and again, every queue has nodes that can serve it."))
            return
        st.markdown(_("**Needs you** ({count})").format(count=len(needs)))
        _lines(needs[:FIRST])
        if len(needs) > FIRST:
            with st.expander(_("{count} more").format(count=len(needs) - FIRST)):
                _lines(needs[FIRST:])


def _lines(needs: Sequence[Need]) -> None:
    for need in needs:
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            st.page_link(
                f"views/{need.page}.py", label=f"**{plain_markdown(need.title)}**", icon=need.icon,
                query_params=need.params or None,
            )  # fmt: skip
            st.text(need.sentence, width="content")
            st.caption(plain_markdown(need.since), width="content")
