"""Figures beside their targets: as a table, as JSON, as Markdown."""

import statistics
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

HEADERS = ("", "measured", "value", "beside", "ratio", "target", "")


@dataclass(frozen=True)
class Target:
    """What a figure is divided by, and the bound that the ratio is to keep."""

    reference: float
    name: str
    bound: Literal["≥", "≤"]
    ratio: float = 1.0


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
        if self.target is None or self.ratio is None:
            return None
        return self.ratio >= self.target.ratio if self.target.bound == "≥" else self.ratio <= self.target.ratio

    def row(self) -> tuple[str, ...]:
        """The cells of its line in the table."""
        value = f"{self.value:,.{_digits(self.value)}f} {self.unit}"
        if self.target is None or self.ratio is None:
            return (self.section, self.name, value, "", "", "", "")
        target = f"{self.target.bound} {self.target.ratio:g} ×"
        verdict = "met" if self.met else "MISSED"
        return (self.section, self.name, value, self.target.name, f"{self.ratio:.2f} ×", target, verdict)

    def as_json(self) -> dict[str, Any]:
        """All of it, with the ratio and the verdict."""
        return {**asdict(self), "ratio": self.ratio, "met": self.met}


def at_most(limit: float, unit: str) -> Target:
    """A target that is a plain bound: the ratio is the share of it that is used."""
    return Target(limit, f"{limit:g} {unit}", "≤")


def p99(values: Sequence[float]) -> float:
    """Return the 99th percentile, interpolated."""
    return statistics.quantiles(values, n=100, method="inclusive")[98]


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
