"""`idlegrid node log`: what ever ran here, the newest last."""

import argparse
from typing import Any

from idlegrid.display import columns
from idlegrid_node import control, given, ran
from idlegrid_node.errors import SettingsError
from idlegrid_node.verbs.words import moment, say, say_json

HELP = "show what ran on this machine, for whom, and what became of it"
HEADERS = ("BEGAN", "RUN", "OF", "TYPE", "SHA-256", "OUTCOME", "REASON", "CPU S", "WALL S", "MB")


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the verb's arguments."""
    parser.add_argument("-n", type=int, default=20, metavar="COUNT", help="how many attempts (default: 20)")
    parser.add_argument("--json", action="store_true", help="print them as JSON, with all that is known")


def run(arguments: argparse.Namespace) -> int:
    """Print the last attempts. Raises `SettingsError` for a count below 1."""
    if arguments.n < 1:
        raise SettingsError(f"-n must be at least 1, not {arguments.n}")
    folder = given.data_folder(arguments)
    found = ran.attempts(ran.lines(folder))[-arguments.n :]
    if arguments.json:
        say_json(found)
        return 0
    answer = control.ask(folder, "status") or {"runs": []}
    states = {held["lease_id"]: held["state"] for held in answer["runs"]}
    say(columns(HEADERS, [row(line, states) for line in found]) if found else f"nothing has run in {folder} yet")
    return 0


def row(line: dict[str, Any], states: dict[str, str]) -> tuple[Any, ...]:
    """Return an attempt's cells; one without an end runs (`states`, by lease), or its node was killed. Pure."""
    used = line["usage"]
    outcome = line.get("outcome") or states.get(line["lease_id"], "no end known")
    return (
        moment(line["began"]),
        str(line.get("run"))[:8],
        line.get("submitter"),
        line.get("task_type"),
        str(line.get("sha256"))[:12],
        outcome,
        line.get("reason"),
        used.get("cpu_seconds"),
        used.get("wall_seconds"),
        used.get("max_memory_mb"),
    )
