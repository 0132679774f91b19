"""`idlegrid node service status`: whether there is a service, whether it runs, and what the node says of itself."""

import argparse
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from idlegrid_node import control, given, unit
from idlegrid_node.errors import NodeError
from idlegrid_node.systemd import Manager
from idlegrid_node.verbs import status
from idlegrid_node.verbs.words import say, say_json

NOT_RUNNING, NOT_INSTALLED = 3, 4
"""As `systemctl status` and the LSB have it."""


def tell(arguments: argparse.Namespace) -> int:
    """Print it; returns 0 for a service that runs, else NOT_RUNNING or NOT_INSTALLED."""
    manager = _installed(arguments.system)
    told = found(manager, given.data_folder(arguments))
    if arguments.json:
        say_json(told)
    else:
        say("\n".join(sentences(told, time.time())))
    if not told["installed"]:
        return NOT_INSTALLED
    return 0 if told["state"] == "active" else NOT_RUNNING


def found(manager: Manager, folder: Path) -> dict[str, Any]:
    """Return `idlegrid node service status --json`; `folder` is the node's, where the unit names none."""
    there = manager.written()
    folder = unit.data_folder(there or "") or folder
    shown = manager.shown() if manager.runs else {}
    return {
        "installed": there is not None,
        "file": str(manager.file),
        "enabled": _enabled(manager, shown),
        "state": shown.get("ActiveState", "unknown"),
        "detail": shown.get("SubState", "systemd does not run here"),
        "result": shown.get("Result", ""),
        "since": shown.get("ActiveEnterTimestamp", ""),
        "data": str(folder),
        **_node(folder),
    }


def sentences(told: dict[str, Any], now: float) -> Iterator[str]:
    """Yield a service's lines for people. Pure."""
    if not told["installed"]:
        yield f"service      not installed: there is no {told['file']}"
        return
    yield f"service      {told['file']}, {'starts by itself' if told['enabled'] else 'not enabled'}"
    result = f", {told['result']}" if told["result"] not in {"", "success"} else ""
    since = f", since {told['since']}" if told["since"] and told["state"] == "active" else ""
    yield f"systemd      {told['state']} ({told['detail']}{result}){since}"
    if told["node"] is not None:
        yield from status.sentences(told["node"], now)
    else:
        yield f"node         {told['silent']}"


def _installed(system: bool | None) -> Manager:
    """Return the manager that is named, else the one that has the service, else the one that would."""
    if system is not None:
        return Manager(system=system)
    usual = Manager(system=os.geteuid() == 0)
    other = Manager(system=not usual.system)
    return other if usual.written() is None and other.written() is not None else usual


def _enabled(manager: Manager, shown: dict[str, str]) -> bool:
    if shown:
        return shown.get("UnitFileState", "").startswith("enabled")
    return any(manager.file.parent.glob(f"*.wants/{unit.NAME}"))


def _node(folder: Path) -> dict[str, Any]:
    try:
        answer = control.ask(folder, "status")
    except NodeError as error:
        return {"node": None, "silent": str(error)}
    return {"node": answer, "silent": "" if answer else f"no node works in {folder}"}
