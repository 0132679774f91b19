#!/usr/bin/env python3
"""Measure a grid of real processes: dispatch, round trip, idle cost, queues, the sandbox; prints a table, writes JSON.

usage: python3 scripts/bench.py [--only a,b,c,d,e,f,g,h | --sandbox | --history | --nodes | --auth | --coordinators |
                                 --forgetting | --windows | --console | --guest] [--runs N] [--rounds N] [--trips N]
                                [--seconds S] [--starts N] [--count N] [--wakes N] [--parts LETTERS] [--presses N]
                                [--visits N] [--json FILE] [--markdown FILE]

Needs the packages of the server and the node: `python3 scripts/start.py --install-only` installs them.
"""

import argparse
import importlib.util
import json
import os
import signal
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

SECTIONS, SANDBOX, HISTORY = "abcdefgh", "befgh", "i"
ALONE = {
    "history": (HISTORY, "pages of a long history"),
    "nodes": ("j", "what a thousand nodes that wait cost, and how soon the right one is woken"),
    "auth": ("k", "what keys cost"),
    "coordinators": ("l", "one coordinator and two, on PostgreSQL"),
    "forgetting": ("m", "submissions while old runs are forgotten"),
    "console": ("v", "how soon the console's pages stand on a long history, and what open ones cost"),
    "guest": ("p", "the guest's manners, with a synthetic owner"),
    "windows": ("w", "predicted idle windows against those of made-up owners"),
}
"""Sections that are measured by themselves."""
RUNS = {HISTORY: 1_000_000, "m": 110_000, "v": 1_000_000}
"""How many runs a section has when nobody says; the others have 2,000."""
SECONDS = {"v": 30.0}
"""The same for the window in which something is watched; the others have 60."""
OWNERS = 50
"""Of each kind, for the windows."""
ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "scripts"))


def main() -> int:
    """Measure what was asked for; the exit status says whether it could be measured, not whether it is fast."""
    options = _options()
    _with_packages()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # through every `with`, which stops the processes
    from benchlib import machine, page, report

    facts = machine.facts(Path(tempfile.gettempdir()))
    print(machine.sentence(facts), flush=True)
    figures = [figure for name in options.only for figure in _section(name, options)]
    facts["load_after"] = machine.load()
    document = {"machine": facts, "settings": _settings(options), "figures": [one.as_json() for one in figures]}
    _write(options.json, json.dumps(document, indent=1, ensure_ascii=False) + "\n")
    if options.markdown:
        _write(options.markdown, page.page(facts, _settings(options), figures))
    print(report.text_table(figures))
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Measure a grid of real processes.")
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--only", type=_sections, default=SECTIONS, help=f"of {','.join(SECTIONS)} (default: all)")
    which.add_argument("--sandbox", dest="only", action="store_const", const=SANDBOX, help="what the sandbox costs")
    for name, (letter, words) in ALONE.items():
        which.add_argument(f"--{name}", dest="only", action="store_const", const=letter, help=words)
    parser.add_argument("--runs", type=int, help="runs per round (2000), or of the history (1000000)")
    parser.add_argument("--rounds", type=int, default=3, help="rounds of a (default: %(default)s)")
    parser.add_argument("--trips", type=int, default=100, help="round trips of b (default: %(default)s)")
    parser.add_argument("--seconds", type=float, help="window of c (60), or of --console (30)")
    parser.add_argument("--starts", type=int, default=100, help="starts of each kind of e (default: %(default)s)")
    parser.add_argument("--count", type=int, default=1000, help="nodes of --nodes (default: %(default)s)")
    parser.add_argument("--wakes", type=int, default=200, help="submissions of --nodes (default: %(default)s)")
    parser.add_argument("--parts", default="abcdef", help="parts of --guest (default: %(default)s)")
    parser.add_argument("--visits", type=int, default=5, help="of each page of --console (default: %(default)s)")
    parser.add_argument("--presses", type=int, default=50, help="keys of --guest (default: %(default)s)")
    parser.add_argument("--json", type=Path, default=ROOT / "build" / "bench.json", metavar="FILE")
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="write docs/benchmarks.md or such, too")
    options = parser.parse_args()
    options.runs = options.runs or RUNS.get(options.only, 2000)
    options.seconds = options.seconds or SECONDS.get(options.only, 60.0)
    return options


def _sections(text: str) -> str:
    letters = text.replace(",", "").strip()
    if not letters or set(letters) - set(SECTIONS):
        raise argparse.ArgumentTypeError(f"{text!r} is not some of {','.join(SECTIONS)}")
    return letters


def _with_packages() -> None:
    """Go on under the virtual environment of start.py where the packages are not installed here."""
    if importlib.util.find_spec("idlegrid_server") and importlib.util.find_spec("psutil"):
        return
    python = ROOT / ".venv" / "bin" / "python"
    if not python.exists() or Path(sys.prefix) == ROOT / ".venv":
        raise SystemExit("idlegrid is not installed: run `python3 scripts/start.py --install-only` first")
    os.execv(python, [str(python), *sys.argv])


def _section(name: str, options: argparse.Namespace) -> list[Any]:
    from benchlib import (
        authentication,
        coordinators,
        dispatch,
        filling,
        forgetting,
        guest,
        halting,
        history,
        idle,
        nodes,
        queues,
        roundtrip,
        waiting,
        warmth,
        windows,
    )

    print(f"measuring {name} …", file=sys.stderr, flush=True)
    sections: dict[str, Callable[[], list[Any]]] = {
        "a": lambda: dispatch.figures(options.runs, options.rounds),
        "b": lambda: roundtrip.figures(options.trips),
        "c": lambda: idle.figures(options.seconds),
        "d": queues.figures,
        "e": lambda: warmth.figures(options.starts),
        "f": halting.figures,
        "g": filling.figures,
        "h": waiting.figures,
        "i": lambda: history.figures(options.runs),
        "j": lambda: nodes.figures(options.count, options.seconds, options.wakes),
        "k": lambda: authentication.figures(options.runs, options.rounds),
        "l": lambda: coordinators.figures(options.runs, options.rounds),
        "m": lambda: forgetting.figures(options.runs),
        "p": lambda: guest.figures(options.parts, options.presses, options.rounds, options.seconds),
        "v": lambda: _console(options),
        "w": lambda: windows.figures(OWNERS),
    }
    return sections[name]()


def _console(options: argparse.Namespace) -> list[Any]:
    """By itself: it alone needs Chromium and what drives it."""
    from benchlib import console

    return console.figures(options.runs, options.visits, options.seconds)


def _settings(options: argparse.Namespace) -> dict[str, Any]:
    names = ("only", "runs", "rounds", "trips", "seconds", "starts", "count", "wakes", "parts", "presses", "visits")
    return {name: getattr(options, name) for name in names}


def _write(file: Path, text: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")
    print(f"written to {file}", file=sys.stderr)


if __name__ == "__main__":
    raise SystemExit(main())
