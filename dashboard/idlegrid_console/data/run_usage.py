"""What a run used over time: from the points that nodes told to series and figures."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import plotly.graph_objects as go

from idlegrid_console.data.figures import DONE, QUIET, WAITING, blank
from idlegrid_console.texts import _

MOST_ATTEMPTS = 8
"""Attempts drawn, the newest: more lines cannot be told apart."""

COLOURS = (WAITING, DONE, "#e0a030", "#b08bc9", "#7fb7d6", "#d1495b", "#ecc878", "#5d6673")
"""One colour per attempt, told apart on a light and a dark page."""

Point = Sequence[float]
"""Seconds since the attempt began, CPU seconds, MB, processes."""


@dataclass(frozen=True, slots=True)
class Series:
    """One attempt over time: `seconds` since it began, `cores` used since the point before, and `memory` in MB."""

    number: int
    seconds: tuple[float, ...]
    cores: tuple[float, ...]
    memory: tuple[float, ...]


def series(usage: Mapping[str, Any]) -> list[Series]:
    """Each attempt of which something was told, the newest `MOST_ATTEMPTS`."""
    told = [attempt for attempt in usage.get("attempts") or () if attempt.get("points")]
    return [_series(int(attempt["number"]), attempt["points"]) for attempt in told[-MOST_ATTEMPTS:]]


def cores(attempts: Sequence[Series], asked: float | None) -> go.Figure:
    """Cores in use over time, against those asked for."""
    return _figure(attempts, [attempt.cores for attempt in attempts], asked, _("cores"))


def memory(attempts: Sequence[Series], asked: float | None) -> go.Figure:
    """Memory in use over time, in MB, against what was asked for."""
    return _figure(attempts, [attempt.memory for attempt in attempts], asked, _("MB"))


def _series(number: int, points: Sequence[Point]) -> Series:
    """The rate of CPU time between two points stands at the later one; the first one's is since the beginning."""
    rates, before = [], (0.0, 0.0)
    for seconds, cpu_seconds, *_rest in points:
        passed = seconds - before[0]
        rates.append(max(0.0, (cpu_seconds - before[1]) / passed) if passed > 0 else 0.0)
        before = (seconds, cpu_seconds)
    return Series(number, tuple(point[0] for point in points), tuple(rates), tuple(point[2] for point in points))


def _figure(attempts: Sequence[Series], values: Sequence[Sequence[float]], asked: float | None, unit: str) -> go.Figure:
    figure = blank(showlegend=True)
    for index, (attempt, shown) in enumerate(zip(attempts, values, strict=True)):
        figure.add_scatter(
            x=attempt.seconds, y=shown, name=_("attempt {number}").format(number=attempt.number),
            mode="lines+markers" if len(shown) < 3 else "lines", line={"color": COLOURS[index], "width": 2},
            hovertemplate=f"%{{y:.3g}} {unit}, %{{x:.0f}} s<extra></extra>",
        )  # fmt: skip
    if asked:
        ends = [0, max((attempt.seconds[-1] for attempt in attempts), default=1)]
        line = {"color": QUIET, "width": 1.5, "dash": "dash"}
        figure.add_scatter(x=ends, y=[asked, asked], name=_("asked for"), mode="lines", line=line)
    figure.update_yaxes(rangemode="tozero", nticks=6)
    figure.update_xaxes(rangemode="tozero", ticksuffix=" s")
    return figure
