"""The text of the node's systemd unit, and how words are quoted in it (systemd.service(5), systemd.exec(5)). Pure."""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from idlegrid_node.errors import SettingsError

NAME = "idlegrid-node.service"
MARK = "# Written by `idlegrid node service install`"
"""The first line begins so: a unit without it is somebody else's."""
FOLDER = "# Data folder: "
LEAVE_S = 15.0
"""Beside the grace of an eviction: the node leaves within 5 s, on a machine in demand a little later."""
WEIGHT = 3
"""Of 100, which is what everybody else has: beside one busy owner the whole node gets 3 % of the time."""
_PLAIN = re.compile(r"[A-Za-z0-9_@:,./=+-]+")
_ESCAPES = {"\\": r"\\", '"': r"\"", "%": "%%", "\n": r"\n", "\t": r"\t", "\r": r"\r"}

TEMPLATE = """\
{mark}, which writes it anew: put changes into `systemctl{user} edit {name}`.
{folder}
[Unit]
Description=idlegrid node, which works for the grid while the owner of this machine is away
{after}StartLimitIntervalSec=300
StartLimitBurst=10

[Service]
Type=exec
{who}ExecStart={command}
{environment}Restart=on-failure
RestartSec=10
RestartPreventExitStatus=2

# The node ends its runs itself, and gives what it evicts the time that its policy promises.
KillMode=mixed
TimeoutStopSec={stop_s}

# The node meters its runs in groups below its own; one that is out of memory there must not end the node.
Delegate=yes
OOMPolicy=continue

# Beside everybody else, and not below a slice that is worth as much as all that the owner runs.
Slice=-.slice
CPUWeight={weight}
IOWeight={weight}
Nice=5
IOSchedulingClass=best-effort
IOSchedulingPriority=7

# No PrivateTmp, no PrivateDevices: the node looks for its owner at X servers' sockets in /tmp, and in /dev/input.

[Install]
WantedBy={target}
"""
NETWORK = "After=network-online.target\nWants=network-online.target\n"
ROOT = "# As root: each run gets an unprivileged user of its own, and the kernel counts what it takes.\n"


@dataclass(frozen=True)
class Unit:
    """What a unit says: the words of its start, the seconds of grace, and in `key_file` what no unit should say."""

    system: bool
    command: tuple[str, ...]
    folder: Path
    grace_s: float
    environment: Mapping[str, str] = field(default_factory=dict)
    key_file: Path | None = None


def text(unit: Unit) -> str:
    """Return the unit file. Raises `SettingsError` for what cannot be written into one."""
    written = TEMPLATE.format(
        mark=MARK,
        name=NAME,
        user="" if unit.system else " --user",
        folder=FOLDER + _line(unit.folder),
        after=NETWORK if unit.system else "",
        who=ROOT if unit.system else "",
        command=" ".join(map(word, unit.command)),
        environment="".join(_environment(unit)),
        stop_s=math.ceil(unit.grace_s + LEAVE_S),
        weight=WEIGHT,
        target="multi-user.target" if unit.system else "default.target",
    )
    try:
        written.encode()
    except UnicodeEncodeError as error:
        raise SettingsError("a unit file is UTF-8, and one of the names given is not") from error
    return written


def data_folder(written: str) -> Path | None:
    """Return the data folder of a unit that `text` made."""
    lines = (line for line in written.splitlines() if line.startswith(FOLDER))
    return next((Path(line.removeprefix(FOLDER)) for line in lines), None)


def word(argument: str) -> str:
    """Return an argument as a word of ExecStart=, in which `$` begins a variable and `%` a specifier."""
    return argument if _PLAIN.fullmatch(argument) else quoted(argument).replace("$", "$$")


def quoted(value: str) -> str:
    """Return a text in quotes, as Environment= has it, too."""
    return f'"{"".join(map(_escaped, value))}"'


def _escaped(character: str) -> str:
    plain = character.isprintable() or ord(character) > 0x7F
    return _ESCAPES.get(character, character if plain else f"\\x{ord(character):02x}")


def _environment(unit: Unit) -> list[str]:
    lines = [f"Environment={quoted(f'{name}={value}')}\n" for name, value in unit.environment.items()]
    if unit.key_file is not None:
        lines.append(f"EnvironmentFile={_line(unit.key_file).replace('%', '%%')}\n")
    return lines


def _line(path: Path) -> str:
    """Return a path where systemd knows no quotes."""
    if not str(path).isprintable() or str(path).endswith(("\\", " ")):
        raise SettingsError(f"a service cannot have its data in {str(path)!r}: give another folder by --data DIR")
    return str(path)
