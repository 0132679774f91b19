"""The overview's tiles: how many runs and nodes are in which state, and how that went lately."""

from collections.abc import Mapping
from typing import Any

import streamlit as st

from idlegrid_console.data.overview import number, spark
from idlegrid_console.texts import _
from idlegrid_console.widgets.parts import tile

Answer = Mapping[str, Any]

NARROWEST = 140
"""The least width of a tile in pixels: its name is whole, and two stand beside each other on a phone."""


def tiles(known: Answer, timeline: Answer) -> None:
    """Runs that wait, run, are done and have failed, and nodes of four kinds; the answers of `Client.overview`, and of
    `Client.timeline` for the trends of what ended.
    """
    samples = known.get("samples") or {}
    with st.grid(4, min_column_width=NARROWEST):
        waiting = _("Queued, or waiting for another run or the next attempt.")
        tile(_("Runs waiting"), number(known, "runs", "pending"), waiting, spark(samples.get("waiting")))
        running = _("On a node now, those frozen while its owner is there included.")
        tile(_("Runs running"), number(known, "runs", "running"), running, spark(samples.get("running")))
        done = _("Ended with exit status 0, since midnight.")
        tile(_("Done today"), number(known, "since", "completed"), done, spark(timeline.get("completed")))
        failed = _("Ended with an error or at a limit, since midnight; what was cancelled is not counted.")
        tile(_("Failed today"), number(known, "since", "failed"), failed, spark(timeline.get("failed")))
        _node_tiles(known.get("nodes") or {}, samples.get("nodes") or {})


def _node_tiles(counts: Answer, samples: Answer) -> None:
    kinds = {
        "idle": (_("Nodes idle"), _("Ready to take a run.")),
        "owner": (_("With owner"), _("The owner is there, or has just left.")),
        "working": (_("Nodes working"), _("Running at least one run.")),
        "lost": (_("Nodes lost"), _("Not heard of, though they did not say that they leave; for a week.")),
    }
    for kind, (label, meaning) in kinds.items():
        tile(label, counts.get(kind), meaning, spark(samples.get(kind)))
