"""`idlegrid node status`: the state and why, what runs, what it took today."""

import argparse
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from idlegrid_node import control, given, ran
from idlegrid_node import pause as pausing
from idlegrid_node.verbs.words import moment, say, say_json, span

HELP = "show what the node does, why, and since when; exit status 3 when it does not run"
NOT_RUNNING = 3
"""As `systemctl status` and the LSB have it."""


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the verb's arguments."""
    parser.add_argument("--json", action="store_true", help="print it as JSON")


def run(arguments: argparse.Namespace) -> int:
    """Print it; returns 0, or 3 when no node runs in the folder."""
    folder = given.data_folder(arguments)
    told = control.ask(folder, "status") or from_folder(folder, time.time())
    if arguments.json:
        say_json(told)
    else:
        say("\n".join(sentences(told, time.time())))
    return 0 if told["running"] else NOT_RUNNING


def from_folder(folder: Path, now: float) -> dict[str, Any]:
    """Return what the folder of a node that does not run tells, by the names of one that does."""
    start, pause = given.last_start(folder), pausing.read(folder, now)
    return {
        "running": False,
        "data": str(folder),
        "node_id": start.get("node_id", ""),
        "started_at": start.get("started_at"),
        "profile": start.get("profile", ""),
        "pause": pause and pause.as_json(),
        "runs": [],
        "today": ran.taken(ran.lines(folder), ran.day_of(now)).as_json(),
        "coordinator": {"url": start.get("server", ""), "reachable": None},
    }


def sentences(told: dict[str, Any], now: float) -> Iterator[str]:
    """Yield a status's lines for people. Pure."""
    yield from _standing(told, now) if told["running"] else _absent(told)
    pause = told["pause"]
    if pause:
        until = f"until {moment(pause['until'])}" if pause["until"] else "until `idlegrid node resume`"
        yield f"paused       {until}, since {moment(pause['since'])}"
    for held in told["runs"]:
        yield f"runs         {_held(held, now)}"
    if told["running"] and not told["runs"]:
        yield "runs         nothing"
    yield f"today        {_taken(told['today'])}"
    if told.get("reclaims", {}).get("count"):
        yield f"reclaims     {_reclaims(told['reclaims'])}"
    if told["running"]:
        yield f"coordinator  {_coordinator(told['coordinator'])}"
        yield f"sandbox      {_sandbox(told['sandbox'])}"


def _standing(told: dict[str, Any], now: float) -> Iterator[str]:
    yield f"node         {told['node_id']} ({told['profile']}), process {told['pid']}, version {told['version']}"
    signal = f", by {told['signal']} ({span(told['signal_age_s'])} old then)" if told["signal"] else ""
    signal = f", {told['signal']}: {told['why']}" if told.get("why") else signal
    since = f"since {moment(told['since'])} ({span(now - told['since'])})"
    yield f"state        {told['state']}: {told['reason']}{signal}, {since}"


def _absent(told: dict[str, Any]) -> Iterator[str]:
    yield f"state        not running: no node works in {told['data']}"
    if told["started_at"]:
        where = told["coordinator"]["url"]
        yield f"last start   {moment(told['started_at'])}, as {told['node_id']} ({told['profile']}), for {where}"


def _held(held: dict[str, Any], now: float) -> str:
    used = held["usage"]
    return (
        f"{held['run']} (attempt {held['number']}, {held['task_type']}) of {held['submitter'] or 'nobody named'}, "
        f"{held['state']}, since {moment(held['since'])} ({span(now - held['since'])}): "
        f"{used['cpu_seconds']:.1f} s CPU, {used['max_memory_mb']:.0f} MB"
    )


def _taken(today: dict[str, Any]) -> str:
    return (
        f"{today['attempts']} attempts ended: {today['cpu_seconds']:.1f} s CPU, {today['wall_seconds']:.1f} s running, "
        f"{today['max_memory_mb']:.0f} MB at most"
    )


def _reclaims(measured: dict[str, Any]) -> str:
    frozen, memory = (_median_and_tail(measured, name) for name in ("frozen", "memory"))
    return f"{measured['count']} returns of the owner: all stood after {frozen}, memory was back after {memory}"


def _median_and_tail(measured: dict[str, Any], name: str) -> str:
    median, tail = measured[f"{name}_p50"], measured[f"{name}_p99"]
    return "?" if median is None else f"{median:.1f} s (p99 {tail:.1f} s)"


def _coordinator(contact: dict[str, Any]) -> str:
    answered = f"last answer {moment(contact['answered_at'])}" if contact["answered_at"] else "no answer so far"
    trouble = "reachable" if contact["reachable"] else f"not reachable: {contact['error']}"
    return f"{contact['url']}, {trouble}, {answered}"


def _sandbox(sandbox: dict[str, Any]) -> str:
    why = f"; not higher: {sandbox['reason']}" if sandbox["reason"] else ""
    remedy = f"; remedy: {sandbox['remedy']}" if sandbox["remedy"] else ""
    return f"level {sandbox['level']} ({sandbox['backend']}){why}{remedy}"
