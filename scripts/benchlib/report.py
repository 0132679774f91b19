"""Figures beside their targets: as a table, as JSON, as Markdown."""

import statistics
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Literal

HEADERS = ("", "measured", "value", "beside", "ratio", "target", "")


@dataclass(frozen=True)
class Target:
    """What a figure is divided by, and the bound that the ratio is to keep; without a ratio it keeps none."""

    reference: float
    name: str
    bound: Literal["≥", "≤"]
    ratio: float | None = 1.0


@dataclass(frozen=True)
class Figure:
    """One measured value; without a target it is there for comparison only."""

    section: str
    name: str
    value: float
    unit: str
    target: Target | None = None
    detail: dict[str, Any] = field(default_factory=dict)

    @property
    def ratio(self) -> float | None:
        """The value over its reference."""
        return self.value / self.target.reference if self.target and self.target.reference else None

    @property
    def met(self) -> bool | None:
        """Whether the target is kept; None when there is none."""
        if self.target is None or self.target.ratio is None or self.ratio is None:
            return None
        return self.ratio >= self.target.ratio if self.target.bound == "≥" else self.ratio <= self.target.ratio

    def row(self) -> tuple[str, ...]:
        """The cells of its line in the table."""
        value = f"{self.value:,.{_digits(self.value)}f} {self.unit}"
        if self.target is None or self.ratio is None:
            return (self.section, self.name, value, "", "", "", "")
        beside = (self.section, self.name, value, self.target.name, f"{self.ratio:.2f} ×")
        if self.target.ratio is None:
            return (*beside, "", "")
        return (*beside, f"{self.target.bound} {self.target.ratio:g} ×", "met" if self.met else "MISSED")

    def as_json(self) -> dict[str, Any]:
        """All of it, with the ratio and the verdict."""
        return {**asdict(self), "ratio": self.ratio, "met": self.met}


def at_most(limit: float, unit: str) -> Target:
    """A target that is a plain bound: the ratio is the share of it that is used."""
    return Target(limit, f"{limit:g} {unit}", "≤")


def p50(values: Sequence[float]) -> float:
    """Return the median."""
    return statistics.median(values)


def p99(values: Sequence[float]) -> float:
    """Return the 99th percentile, interpolated."""
    return statistics.quantiles(values, n=100, method="inclusive")[98]


def spread(
    section: str, name: str, times: Sequence[float], bound: Target | None = None, tail: float | None = None
) -> list[Figure]:
    """The p50 and the p99 of times in milliseconds; `bound` is for the p50, `tail` the p99's ratio to the same."""
    detail = {"rounds": len(times), "ms": [round(value, 2) for value in times]}
    return [
        Figure(section, f"{name}, p50", p50(times), "ms", bound, detail),
        Figure(section, f"{name}, p99", p99(times), "ms", bound and replace(bound, ratio=tail)),
    ]


def text_table(figures: Iterable[Figure]) -> str:
    """An aligned table for a terminal."""
    rows = [HEADERS, *(figure.row() for figure in figures)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join("  ".join(map(str.ljust, row, widths)).rstrip() for row in rows)


def markdown_table(figures: Iterable[Figure]) -> str:
    """The same for a page of the documentation."""
    return "\n".join([_line(HEADERS), _line(["---"] * len(HEADERS)), *(_line(f.row()) for f in figures)])


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _digits(value: float) -> int:
    return 0 if value >= 100 else 1 if value >= 10 else 2
