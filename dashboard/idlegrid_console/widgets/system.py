"""Parts of the System page: components as cards, the coordinator's figures, what was harvested and by whom."""

from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st

from idlegrid import Client, ServerError
from idlegrid_console.data import system, system_figures
from idlegrid_console.data.text import plain_markdown
from idlegrid_console.system_texts import COMPONENT, HEALTH
from idlegrid_console.texts import _, name
from idlegrid_console.widgets.parts import chart, facts

_LOOKS = {
    "healthy": ("green", ":material/check_circle:"),
    "degraded": ("orange", ":material/warning:"),
    "unhealthy": ("red", ":material/error:"),
}


def components(client: Client) -> dict[str, Any]:
    """Each part of the grid as it is now, also while the record is away: the refusal has them then."""
    try:
        return client.components()
    except ServerError as error:
        if not isinstance(error.details.get("components"), dict):
            raise
        return {"status": "unhealthy", **error.details}


def component_cards(cards: Sequence[system.Card]) -> None:
    """A card for each component: how it is, and when it is not well what that means and what to do."""
    with st.grid(5, min_column_width=190):
        for card in cards:
            with st.container(border=True, gap="xsmall", key=f"component_{card.component}", height="stretch"):
                _card(card)


def _card(card: system.Card) -> None:
    colour, icon = _LOOKS.get(card.status, ("gray", ":material/help:"))
    shade: Any = colour
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
        st.markdown(f"**{plain_markdown(name(card.component, COMPONENT))}**", width="content")
        st.badge(plain_markdown(name(card.status, HEALTH)), color=shade, icon=icon)
    if card.wrong:
        st.markdown(card.wrong)
    if card.remedy:
        st.caption(card.remedy)
    if card.figures:
        st.text(card.figures)


def coordinator(stats: Mapping[str, Any]) -> None:
    """The machine that the coordinator runs on, and how fast owners got theirs back."""
    with st.container(border=True):
        st.markdown(_("**Coordinator**"))
        facts(system.facts(stats))


def harvest(usage: Mapping[str, Any]) -> None:
    """What runs used hour by hour, which nodes gave most and which submitters got most."""
    facts(system.harvest_total(usage), in_a_row=3)
    chart(_("Core-hours by hour"), system_figures.harvest(usage, st.context.timezone), "harvest")
    with st.grid(2, min_column_width=320, gap="medium"):
        _shares(_("Nodes that gave most"), usage.get("workers") or [], "givers")
        _shares(_("Submitters that got most"), usage.get("submitters") or [], "takers")


def _shares(title: str, shares: Sequence[Mapping[str, Any]], key: str) -> None:
    column = st.column_config
    words = {
        "name": column.TextColumn(_("Name"), width="medium"),
        "cpu_hours": column.NumberColumn(_("Core-hours"), format="%.2f", width=90),
        "wall_hours": column.NumberColumn(_("Hours of runs"), format="%.2f", width=104),
        "attempts": column.NumberColumn(_("Attempts"), format="localized", width=80),
    }
    with st.container(gap="xsmall"):
        st.markdown(f"**{title}**")
        st.dataframe(system.harvested(shares), hide_index=True, key=key, column_config=words, height="content",
                     placeholder="", alt=title)  # fmt: skip
