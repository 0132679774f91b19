"""A D-Bus of a test's own, and stand-ins for the services of a desktop on it."""

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

CONFIGURATION = """<busconfig><type>session</type><listen>unix:path={path}</listen><auth>EXTERNAL</auth>
<policy context="default"><allow send_destination="*"/><allow eavesdrop="true"/><allow own="*"/></policy></busconfig>"""


class Desktop:
    """A bus and the services on it."""

    def __init__(self, address: str) -> None:
        script = str(Path(__file__).with_name("bus_services.py"))
        self.process = subprocess.Popen(
            [sys.executable, script, address], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )

    def tells(self, **told: Any) -> None:
        """Let the services reply with this from now on: null for never; those not named are not there."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps(told).encode() + b"\n")
        self.process.stdin.flush()
        assert self.process.stdout.readline() == b"told\n"

    def has_sessions(self, **sessions: dict[str, Any]) -> None:
        listed = [[name, 1000, "ada", "seat0", f"/session/{name}"] for name in sessions]
        known = {"Class": "user", "Type": "tty", "Remote": False, "LockedHint": False, "State": "active", "TTY": ""}
        told = {f"/session/{name}": known | given for name, given in sessions.items()}
        self.tells(ListSessions=("a(susso)", listed), GetAll=("a{sv}", told))


@contextmanager
def own_bus(folder: Path) -> Iterator[str]:
    """Its address; skips the test where there is no dbus-daemon."""
    if shutil.which("dbus-daemon") is None:
        pytest.skip("needs a dbus-daemon")
    (folder / "conf").write_text(CONFIGURATION.format(path=folder / "bus"))
    command = ["dbus-daemon", "--nofork", "--nopidfile", "--print-address=1", f"--config-file={folder / 'conf'}"]
    daemon = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    assert daemon.stdout is not None
    try:
        yield daemon.stdout.readline().decode().strip()
    finally:
        _ended(daemon)


@contextmanager
def desktop_on(address: str) -> Iterator[Desktop]:
    """The services, on the bus that this process takes for the system's and for the session's."""
    desktop = Desktop(address)
    try:
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("DBUS_SYSTEM_BUS_ADDRESS", address)
            patch.setenv("DBUS_SESSION_BUS_ADDRESS", address)
            yield desktop
    finally:
        _ended(desktop.process)


def _ended(process: "subprocess.Popen[bytes]") -> None:
    process.kill()
    process.communicate()
