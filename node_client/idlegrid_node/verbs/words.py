"""How the verbs say things: moments, spans, and what foreign programs named."""

import argparse
import datetime
import json
import sys
from pathlib import Path
from typing import Any

from idlegrid.display import visible


def take_folder(parser: argparse.ArgumentParser) -> None:
    """Let a verb be given the data folder; what stands before the verb holds where it is not."""
    parser.add_argument("--data", type=Path, default=argparse.SUPPRESS, metavar="DIR", help="the node's data folder")


def say(text: str = "") -> None:
    """Print for people: what would drive the terminal is escaped."""
    print(visible(text))


def say_json(answer: Any) -> None:
    """Print for programs: JSON in ASCII, which drives no terminal."""
    json.dump(answer, sys.stdout, indent=2)
    print()


def moment(epoch: float) -> str:
    """Return a time by the machine's own clock, to the second."""
    return datetime.datetime.fromtimestamp(epoch).astimezone().strftime("%Y-%m-%d %H:%M:%S")


def span(seconds: float) -> str:
    """Return 42 s, 5 min or 3 h 20 min."""
    minutes = int(max(0.0, seconds) // 60)
    if minutes < 1:
        return f"{max(0.0, seconds):.0f} s"
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"
