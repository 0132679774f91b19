"""The node's settings: from the command line, and where that is silent from the environment."""

import os
import re
import secrets
import socket
from dataclasses import dataclass, field
from pathlib import Path

from idlegrid import trust
from idlegrid_node.errors import SettingsError
from idlegrid_node.layers import Owners
from idlegrid_node.policy import Policy

NODE_ID = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}")
DEFAULT_FOLDER = Path("~/.idlegrid/node")
FIRST_SLOT_UID = 64000
"""A uid far from people's and services': what a node started as root becomes before it starts a sandbox."""

TOP_LEVEL = 4
TASK_TYPES = ("python", "shell", "http")
_MODULE = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*", re.ASCII)


@dataclass(frozen=True)
class Settings:
    """All that a node has to know; checked by `idlegrid_node.command` before it starts."""

    server: str
    node_id: str
    folder: Path
    policy: Policy
    """In effect when the node starts."""
    owners: Owners | None = None
    """What of it the owner said; None: all of it."""
    join: str | None = field(default=None, repr=False)
    """The token to be exchanged for a key of its own."""
    api_key: str | None = field(default=None, repr=False)
    """A key that was made for nodes by hand; with one, the node asks for none."""
    ca_file: str | None = None
    slots: int | None = None
    labels: tuple[str, ...] = ()
    trust_submitters: bool = False
    slot_uid: int = FIRST_SLOT_UID
    packages: Path | None = None
    preload: tuple[str, ...] = ()
    max_level: int = TOP_LEVEL
    task_types: tuple[str, ...] = ("python", "shell")


def task_types(text: str, network: str) -> tuple[str, ...]:
    """Return the types of tasks that the node takes, all when nothing is said. Raises `SettingsError`."""
    allowed = TASK_TYPES if network != "none" else tuple(name for name in TASK_TYPES if name != "http")
    wanted = tuple(dict.fromkeys(filter(None, (name.strip() for name in text.split(",")))))
    for name in wanted:
        if name not in TASK_TYPES:
            raise SettingsError(f"--task-types: {name!r} is none of {', '.join(TASK_TYPES)}")
        if name not in allowed:
            raise SettingsError("--task-types: http needs --network public or --network any")
    return wanted or allowed


def slot_uid(environment: dict[str, str]) -> int:
    """Return IDLEGRID_NODE_SLOT_UID or its default. Raises `SettingsError` for one that is no plain user."""
    text = environment.get("IDLEGRID_NODE_SLOT_UID", str(FIRST_SLOT_UID))
    if not text.isdigit() or not 1000 <= int(text) < 2**31:
        raise SettingsError(f"IDLEGRID_NODE_SLOT_UID must be a uid from 1000 on, not {text!r}")
    return int(text)


def max_level(environment: dict[str, str]) -> int:
    """Return IDLEGRID_NODE_MAX_LEVEL: the node announces no better sandbox. Raises `SettingsError`."""
    text = environment.get("IDLEGRID_NODE_MAX_LEVEL", str(TOP_LEVEL))
    if text not in {"0", "1", "2", "3", "4"}:
        raise SettingsError(f"IDLEGRID_NODE_MAX_LEVEL must be from 0 to 4, not {text!r}")
    return int(text)


def ca_file(given: str | None) -> str | None:
    """Return the file of certificates to believe. Raises `SettingsError` for one that holds none."""
    if given:
        try:
            trust.believing(given)
        except OSError as error:
            raise SettingsError(f"--ca-file: {trust.unusable(given, error)}") from error
    return given or None


def packages(given: Path | None) -> Path | None:
    """Return the folder of packages that runs may import, absolute. Raises `SettingsError`."""
    if given is None:
        return None
    folder = given.expanduser().absolute()
    if not folder.is_dir():
        raise SettingsError(f"--packages: {folder} is no folder: make one with `pip install --target {folder} …`")
    return folder


def preload(text: str) -> tuple[str, ...]:
    """Return the modules to import before there is a job. Raises `SettingsError` naming one that is none."""
    names = tuple(filter(None, (name.strip() for name in text.split(","))))
    for name in names:
        if not _MODULE.fullmatch(name):
            raise SettingsError(f"--preload: {name!r} is no module's name: separate them by commas")
    return names


def identity(folder: Path, name: str | None) -> str:
    """Return the node's id: the given name, else one made once and kept in its data folder."""
    if name is not None:
        return _checked(name)
    kept = folder / "node_id"
    try:
        return _checked(kept.read_text("utf-8").strip())
    except FileNotFoundError:
        host = re.sub(r"[^A-Za-z0-9_.-]", "-", socket.gethostname()).strip("-.")[:100] or "node"
        made = f"{host}-{secrets.token_hex(4)}"
        write_whole(kept, made)
        return made


def last_joined(folder: Path) -> str:
    """Return the `server_id` of the coordinator that the node last worked for, or empty.

    With it a node's first heartbeat can already name the reports that it still owes.
    """
    try:
        return (folder / "server_id").read_text("utf-8").strip()
    except FileNotFoundError:
        return ""


def note_joined(folder: Path, server_id: str) -> None:
    """Keep the coordinator's `server_id` for `last_joined`."""
    write_whole(folder / "server_id", server_id)


def write_whole(path: Path, text: str, mode: int = 0o666) -> None:
    """Write a file whole or not at all; `mode` is what the umask leaves of it. Raises OSError."""
    draft = path.with_name(f".{path.name}.part")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode), "w", encoding="utf-8") as file:
        file.write(text + "\n")
    draft.rename(path)


def _checked(name: str) -> str:
    if not NODE_ID.fullmatch(name):
        raise SettingsError(f"{name!r} is no name for a node: letters, digits, . _ - (at most 128)")
    return name
