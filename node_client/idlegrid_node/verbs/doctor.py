"""`idlegrid node doctor`: whether this machine could work for the grid, and what is in the way.

A running node is asked; without one everything is tried here, as the node would at its start, and nothing is spent:
a join token is not exchanged.
"""

import argparse
import platform
import shutil
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from idlegrid.display import columns, size
from idlegrid_node import __version__, control, given, logs
from idlegrid_node.probes.platforms import experimental
from idlegrid_node.settings import Settings
from idlegrid_node.verbs.words import say, say_json, span

HELP = "show what each probe, the sandbox and the coordinator answer; exit status 1 when the node could not work"
HEADERS = ("", "CHECK", "ANSWER", "WHY", "AGE")
LOOKS, BETWEEN_LOOKS_S = 4, 0.3
"""A probe that measures a share needs two looks, and one that is late is asked again."""
ROOM_BYTES = 250_000_000
"""The cache of tasks' files (200 MB) and the files of one run (50 MB) must find room in the data folder."""
NOT_HERE = "not here"
"""The answer of a probe whose device, service or server this machine does not have."""
MENDS = {
    "idle_detect": "start the service idle_detect, or remove what it left behind: rm /dev/shm/idle_detect_shmem",
    "input file": "start the helper that touches the file, or take input_file out of the policy",
    "X11": (
        "let the node's user in (xhost +si:localuser:NAME) and keep libX11, libXss and /tmp/.X11-unix in its sight, or "
        "start the node without DISPLAY"
    ),
    "Mutter": "log in to the desktop anew, or start the node without its session bus (DBUS_SESSION_BUS_ADDRESS)",
    "devices": "look whether keyboard and pointer work, and start the node again",
    "terminals": "say watch_terminals = false in the policy where nobody logs in",
    "sessions": "sudo systemctl restart systemd-logind, or say watch_sessions = false in the policy",
    "inhibitors": "sudo systemctl restart systemd-logind, or say inhibitors_count = false in the policy",
    "exclusive": "say exclusive_programs = [] in the policy",
    "battery": "say stop_on_battery = false in the policy",
    "cpu pressure": "say busy_above_cpu_pressure_pct = 0 in the policy",
    "memory pressure": "say busy_above_memory_pressure_pct = 0 in the policy",
    "last input": "start the node in its owner's session, at logon, and not as a service",
    "other sessions": "say watch_sessions = false in the policy",
}
"""What makes a probe answer, or not needed. A policy that counts nothing of it does without it, too."""
REJOIN = "start the node again: a start joins anew"


@dataclass(frozen=True)
class Check:
    """One answer. `ok` is None for what stands in nobody's way; `age_s` in seconds, None for now."""

    name: str
    ok: bool | None
    answer: str
    why: str = ""
    remedy: str = ""
    age_s: float | None = None


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the verb's arguments."""
    parser.add_argument("--json", action="store_true", help="print it as JSON")


def run(arguments: argparse.Namespace) -> int:
    """Print all answers; returns 0 when the node could work, else 1. Raises `SettingsError` for a bad policy."""
    folder = given.data_folder(arguments)
    told = control.ask(folder, "doctor") or by_itself(given.as_last_started(arguments), folder)
    checks = [*of(told), *untried(experimental()), disk(folder), versions(told["sandbox"])]
    good = all(check.ok is not False for check in checks)
    if arguments.json:
        say_json({"ok": good, "running": told["running"], "checks": [asdict(check) for check in checks]})
    else:
        say("\n".join(table(checks)))
        say(f"\nThis machine {'could' if good else 'could not'} work for the grid.")
    return 0 if good else 1


def by_itself(arguments: argparse.Namespace, folder: Path) -> dict[str, Any]:
    """Return what a running node would tell, found out here."""
    from idlegrid_node.sandbox import interpreters, selftest

    logs.configure()
    settings = given.settings(given.named(arguments, folder), folder)
    # As in the node: before any thread, which would not see what is staged.
    means = given.means(settings, staged=interpreters.stage(settings.packages))
    standing = selftest.choose(means)
    seen = _looked(settings)
    return {
        "running": False,
        "profile": settings.policy.profile,
        **seen,
        "sandbox": standing.as_json(),
        "coordinator": {"url": settings.server, **_coordinator(settings)},
    }


def of(told: dict[str, Any]) -> Iterator[Check]:
    """Yield the checks that a node's answer holds. Pure."""
    for name, reading in told["readings"].items():
        silence = NOT_HERE if reading["absent"] else "cannot tell"
        known = reading["value"] is not None
        answer = f"{reading['value']:g}" if known else silence
        mends = MENDS.get(name, "") if silence != NOT_HERE and not known else ""
        yield Check(f"probe {name}", True if known else None, answer, reading["why"], mends, reading["age_s"])
    yield _owner(told)
    sandbox, contact = told["sandbox"], told["coordinator"]
    level = f"level {sandbox['level']} ({sandbox['backend']})"
    yield Check("sandbox", sandbox["level"] > 0, level, sandbox["reason"], sandbox["remedy"])
    if told["reason"] == "unregistered":
        yield Check("coordinator", False, contact["url"], "its operator has unregistered this node", REJOIN)
    else:
        yield Check("coordinator", contact["reachable"], contact["url"], contact["error"])


def untried(why: str) -> Iterator[Check]:
    """Tell of probes that nobody should rely on yet. Pure."""
    if why:
        yield Check("probes", None, "experimental", why)


def disk(folder: Path) -> Check:
    """Check the room in the data folder, or where it would be made."""
    there = next(place for place in (folder, *folder.parents) if place.exists())
    free = shutil.disk_usage(there).free
    good = free >= ROOM_BYTES
    why = "" if good else f"the node wants {size(ROOM_BYTES)}"
    return Check("disk", good, f"{size(free)} free", why, "" if good else f"make room in {folder}")


def versions(sandbox: dict[str, Any]) -> Check:
    """Tell what stands here; nothing of it is in the way."""
    told = f"idlegrid-node {__version__}, Python {platform.python_version()}, {platform.system()} {platform.release()}"
    return Check("versions", True, told, f"{sandbox['backend']} {sandbox['version']}".strip())


def table(checks: list[Check]) -> Iterator[str]:
    """Yield the table, and below it what mends. Pure."""
    rows = [
        (mark(check), check.name, check.answer, check.why, "" if check.age_s is None else span(check.age_s))
        for check in checks
    ]
    yield columns(HEADERS, rows)
    for check in checks:
        if check.remedy:
            yield f"\n{check.name}: {check.remedy}"


def mark(check: Check) -> str:
    """Return the table's first cell."""
    if check.ok is None:
        return "-" if check.answer == NOT_HERE else "?"
    return "ok" if check.ok else "FAIL"


def _owner(told: dict[str, Any]) -> Check:
    if not told["readings"]:
        return Check("owner", True, "not looked for", f"by the profile {told['profile']}")
    blind = told["reason"] == "probe_unknown"
    remedy = 'make a probe answer, or say input = "not_applicable" in the policy where nobody sits' if blind else ""
    why = f"{told['signal']}: {told.get('why', '')}" if blind else ""
    return Check("owner", not blind, "cannot be told from absent" if blind else "can be told from absent", why, remedy)


def _looked(settings: Settings) -> dict[str, Any]:
    """Return the reason and the sign that the node would stand by, and what each probe answers."""
    from idlegrid_node.crew import Crew
    from idlegrid_node.desk import readings_as_json
    from idlegrid_node.probes.panel import Panel
    from idlegrid_node.slots import Room

    if not settings.policy.watches:
        return {"reason": "always", "signal": "", "why": "", "readings": {}}
    panel, crew = Panel(settings.policy, lambda: 0.0), Crew(settings.policy, Room(1, 1.0, 1), lambda *_: None)
    crew.sandbox(works=True)
    for _ in range(LOOKS):
        crew.saw(panel.look())
        time.sleep(BETWEEN_LOOKS_S)
    panel.close()
    stands = crew.position
    told = {"reason": stands.reason, "signal": stands.signal, "why": stands.why}
    return {**told, "readings": readings_as_json(panel.readings())}


def _coordinator(settings: Settings) -> dict[str, Any]:
    """Tell whether the coordinator answers and takes the node's key."""
    from idlegrid.errors import ApiError, IdlegridError, NotAllowed, ServerError
    from idlegrid.session import Session
    from idlegrid_node.enrolment import HOW_TO_JOIN, KeyFile
    from idlegrid_node.link import ANSWER_SECONDS, Link

    with Session(settings.server, timeout=ANSWER_SECONDS, ca_file=settings.ca_file) as session:
        key = settings.api_key or KeyFile(settings.folder, session.url, settings.node_id).read()
        if key:
            session.use_key(key)
        try:
            Link(session, settings.node_id).knock()
        except NotAllowed as error:
            if not key and settings.join:
                return {"reachable": None, "error": "it answers; the join token is exchanged for a key at the start"}
            return {"reachable": False, "error": f"it refuses this node: {error.detail}; {HOW_TO_JOIN}"}
        except IdlegridError as error:
            answers = isinstance(error, ApiError) and not isinstance(error, ServerError)
            return {"reachable": answers, "error": "" if answers else str(error)}
    return {"reachable": True, "error": ""}
