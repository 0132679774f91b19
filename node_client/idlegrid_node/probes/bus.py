"""What D-Bus services tell, asked in one child process for all probes that need it (`bus_child.py`).

Only buses of the node's own user and the system's are asked: a desktop's session bus answers nobody else.
"""

import json
import os
import threading
import time
from pathlib import Path
from typing import Any, NamedTuple

from idlegrid_node.probes.child import Child
from idlegrid_node.probes.reading import AbsentError

CHILD = "idlegrid_node.probes.bus_child"
FRESH_S = 0.2
"""Probes that ask within one look share one answer."""


class Address(NamedTuple):
    """Where a bus listens, by D-Bus's own notation; "" for nowhere."""

    system: str
    session: str


def addresses() -> Address:
    """Return the buses of this machine: by their environment variables, else where they usually listen."""
    system = os.environ.get("DBUS_SYSTEM_BUS_ADDRESS") or "unix:path=/run/dbus/system_bus_socket"
    session = os.environ.get("DBUS_SESSION_BUS_ADDRESS") or f"unix:path=/run/user/{_uid()}/bus"
    return Address(_if_there(system), _if_there(session))


def _uid() -> int:
    return os.getuid() if hasattr(os, "getuid") else -1


def _if_there(address: str) -> str:
    """Return the address, or "" for a socket in the file system that is not there (D-Bus: "Server Addresses")."""
    kind, _, path = address.partition(",")[0].partition("=")
    return "" if kind == "unix:path" and not Path(path).exists() else address


class Bus:
    """The services' answers. Safe to use from several threads."""

    def __init__(self, module: str = CHILD) -> None:
        self._child = Child(module)
        self._lock = threading.Lock()
        self._at = -FRESH_S
        self._parts: dict[str, Any] = {}
        self._fault = ""

    def part(self, name: str) -> Any:
        """Return what the service `name` of `bus_child.PARTS` told. Raises AbsentError, and OSError with a fault."""
        if not any(addresses()):
            raise AbsentError("no D-Bus")
        with self._lock:
            if time.monotonic() - self._at > FRESH_S:
                self._look()
            if self._fault:
                raise OSError(self._fault)
            part = self._parts[name]
        if "absent" in part:
            raise AbsentError(part["absent"])
        if "fault" in part:
            raise OSError(part["fault"])
        return part["told"]

    def close(self) -> None:
        """End the child."""
        self._child.close()

    def _look(self) -> None:
        try:
            self._parts, self._fault = json.loads(self._child.ask()), ""
        except (OSError, ValueError) as error:
            self._fault = f"D-Bus: {error}"
        self._at = time.monotonic()
