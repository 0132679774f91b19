"""What a hostile program is, what must become of it, and how its lines are judged. Pure."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

PROGRAMS = Path(__file__).parent / "programs"
LINE = re.compile(r"(?P<name>[^:\n]+): (?P<verdict>\S.*)")
NEVER = "LEAK"

Lines = Mapping[str, str]


@dataclass(frozen=True)
class Program:
    """One program of a row.

    `lines` maps what a try is called to what its verdict must be, both patterns for the whole of it, the first that
    fits counts; `at_level_2`, if given, is all of them for there. Every line must be known, and every entry must have
    had a line; a program that is ended early (`cut`) need not have got so far. `ends` are the ways in which it may
    end, each `outcome/reason`. `crowd` marks what counts per user or acts on all of a user's processes: at level 2 it
    runs only where no process of anybody else's has that uid. `patient` ones only wait; they run beside each other.
    `memory` is in MB, `timeout` in seconds.
    """

    row: int
    name: str
    lines: Lines
    at_level_2: Lines = field(default_factory=dict)
    ends: tuple[str, ...] = ("completed/",)
    cut: bool = False
    crowd: bool = False
    patient: bool = False
    timeout: float = 20.0
    memory: int = 128

    @property
    def id(self) -> str:
        return f"{self.row:02}_{self.name}"

    @property
    def source(self) -> str:
        return (PROGRAMS / f"{self.id}.py").read_text()

    @property
    def title(self) -> str:
        """The first line of its docstring."""
        return self.source.removeprefix('"""').split("\n")[0].removesuffix('"""')

    def expected(self, level: int) -> Lines:
        """What its lines must be at a level."""
        return self.at_level_2 if level == 2 and self.at_level_2 else self.lines


def packed(source: str) -> str:
    """The program's text with the module `tries` in it, as it is submitted."""
    tries = (PROGRAMS / "tries.py").read_text()
    return f"import sys\n_tries = sys.modules['tries'] = type(sys)('tries')\nexec({tries!r}, _tries.__dict__)\n{source}"


def complaints(program: Program, level: int, report: Mapping[str, Any]) -> list[str]:
    """Everything about a report that is not as it must be; empty when the program was held."""
    ended = f"{report['outcome']}/{report['reason']}"
    wrong = [] if ended in program.ends else [f"ended as {ended}: {str(report['error'])[-600:]}"]
    expected = program.expected(level)
    met: set[str] = set()
    for line in filter(None, report["result"].split("\n")):
        found = LINE.fullmatch(line)
        pattern = found and next((name for name in expected if re.fullmatch(name, found["name"])), None)
        if NEVER in line:
            wrong.append(line)
        elif pattern is None:
            wrong += [] if program.cut else [f"unknown: {line!r}"]
        elif found and not re.fullmatch(expected[pattern], found["verdict"]):
            wrong.append(f"{line!r} is not {expected[pattern]!r}")
        met |= {pattern} if pattern is not None else set()
    missing = [] if program.cut else [f"no line for {name!r}" for name in expected if name not in met]
    return wrong + missing
