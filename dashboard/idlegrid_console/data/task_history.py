"""How a task's runs went, as a strip of marks: told apart by shape as well as by colour."""

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

from idlegrid_console.data.figures import QUIET, STATUS_COLOURS
from idlegrid_console.texts import RUN_STATUS, _, name

MARKS = {"completed": "■", "failed": "✕", "aborted": "–", "running": "▶", "pending": "○"}
"""One mark per status of a run; the words for them stand beside the strip."""

STEP, HEIGHT = 11, 28
"""A mark with its gap, and the strip's height, in pixels: a table draws an image as high as its rows allow."""

_SHAPES = {
    "completed": '<rect x="{left}" y="7" width="8" height="14" rx="1.5" fill="{colour}"/>',
    "failed": '<path d="M{left} 10l8 8m0-8l-8 8" stroke="{colour}" stroke-width="2.6" stroke-linecap="round"/>',
    "aborted": '<rect x="{left}" y="12.5" width="8" height="3" rx="1" fill="{colour}"/>',
    "running": '<path d="M{left} 9l8 5l-8 5z" fill="{colour}"/>',
    "pending": '<circle cx="{middle}" cy="14" r="3.2" fill="none" stroke="{colour}" stroke-width="1.8"/>',
}

MOST = 12
"""Runs in a strip, the newest: so many leave a table's other columns their room."""

Recent = Sequence[Mapping[str, Any]]
"""A task's newest runs, newest first, each with `id` and `status`."""


def image(recent: Recent) -> str | None:
    """The runs drawn in colours, the newest at the right, as the address of an SVG image; None when there are none."""
    if not recent:
        return None
    shapes = "".join(_shape(place, str(run.get("status"))) for place, run in enumerate(reversed(recent[:MOST])))
    width = STEP * MOST + 4
    svg = f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{HEIGHT}">{shapes}</svg>'
    return f"data:image/svg+xml,{quote(svg)}"


def legend() -> str:
    """What the marks mean."""
    return "  ".join(f"{mark} {name(status, RUN_STATUS)}" for status, mark in MARKS.items())


def words(recent: Recent) -> str:
    """The strip for those who hear it: how many went how, and how the latest did."""
    if not recent:
        return _("no runs yet")
    counts = {status: sum(run.get("status") == status for run in recent) for status in MARKS}
    told = ", ".join(f"{name(status, RUN_STATUS)} {count}" for status, count in counts.items() if count)
    return _("of the latest {number} runs: {counts}").format(number=len(recent), counts=told)


def _shape(place: int, status: str) -> str:
    left, colour = 3 + STEP * place, STATUS_COLOURS.get(status, QUIET)
    return _SHAPES.get(status, _SHAPES["aborted"]).format(left=left, middle=left + 4, colour=colour)
