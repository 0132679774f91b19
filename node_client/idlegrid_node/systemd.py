"""systemd as the node meets it: where the node's unit lies, and what `systemctl` does with it."""

import os
import shutil
import subprocess
from pathlib import Path

from idlegrid_node.errors import NodeError
from idlegrid_node.settings import write_whole
from idlegrid_node.unit import MARK, NAME

RUNS = Path("/run/systemd/system")
"""There while systemd is process 1 (sd_booted(3))."""
SYSTEM_UNITS = Path("/etc/systemd/system")
CALL_SECONDS = 300.0
"""Longer than stopping a node may take."""
SHOWN = ("ActiveState", "SubState", "Result", "ActiveEnterTimestamp", "UnitFileState", "MainPID")


class Manager:
    """The machine's systemd (`system`), or this user's own."""

    def __init__(self, *, system: bool) -> None:
        self.system = system
        self.file = (SYSTEM_UNITS if system else _user_units()) / NAME

    @property
    def called(self) -> str:
        """The command that speaks to it."""
        return "systemctl" if self.system else "systemctl --user"

    @property
    def runs(self) -> bool:
        """Whether there is one to speak to."""
        return RUNS.is_dir() and shutil.which("systemctl") is not None

    def written(self) -> str | None:
        """Return the unit as it is, or None where none is installed. Raises `NodeError` for one that cannot be read."""
        try:
            return self.file.read_text("utf-8", "replace")
        except FileNotFoundError:
            return None
        except OSError as error:
            raise NodeError(f"{self.file} cannot be read: {error.strerror}") from error

    def check_ours(self) -> None:
        """Raise `NodeError` when the unit that lies there was written by somebody else."""
        there = self.written()
        if there is not None and not there.startswith(MARK):
            raise NodeError(f"{self.file} was not written by this command: --force does it all the same")

    def check_allowed(self) -> None:
        """Raise `NodeError` when this user may not change the machine's units."""
        if self.system and os.geteuid() != 0:
            raise NodeError(f"only root may change {self.file}: run it with sudo, or take --user")

    def write(self, text: str) -> None:
        """Write the unit, readable for all. Raises `NodeError`."""
        try:
            self.file.parent.mkdir(parents=True, exist_ok=True)
            write_whole(self.file, text.rstrip("\n"))
            self.file.chmod(0o644)
        except OSError as error:
            raise NodeError(f"{self.file} cannot be written: {error.strerror}") from error

    def remove(self) -> None:
        """Remove the unit, and what enabled it. Raises `NodeError`."""
        try:
            for enabled in self.file.parent.glob(f"*.wants/{NAME}"):
                enabled.unlink()
            self.file.unlink(missing_ok=True)
        except OSError as error:
            raise NodeError(f"{self.file} cannot be removed: {error.strerror}") from error

    def do(self, *words: str) -> str:
        """Return what `systemctl` prints. Raises `NodeError` with its complaint."""
        command = [*self.called.split(), *words]
        try:
            done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=CALL_SECONDS)
        except (OSError, subprocess.TimeoutExpired) as error:
            raise NodeError(f"`{' '.join(command)}` failed: {error}") from error
        if done.returncode != 0:
            raise NodeError(f"`{' '.join(command)}` failed: {done.stderr.strip()}")
        return done.stdout

    def shown(self) -> dict[str, str]:
        """Return what systemd says of the unit, by its names. Raises `NodeError`."""
        lines = self.do("show", NAME, f"--property={','.join(SHOWN)}").splitlines()
        return dict(line.split("=", 1) for line in lines if "=" in line)


def _user_units() -> Path:
    return Path(os.environ.get("XDG_CONFIG_HOME") or "~/.config").expanduser() / "systemd" / "user"
