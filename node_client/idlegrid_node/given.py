"""What the command line and the environment say, and where both are silent the node's last start.

`start.json` in the data folder holds how the node was started, without its keys: so the owner's verbs speak of the
node as it runs, with nothing but the folder on their command line.
"""

import argparse
import json
import os
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from idlegrid_node import __version__, pushed
from idlegrid_node import policy as policies
from idlegrid_node import settings as reading
from idlegrid_node.errors import SettingsError
from idlegrid_node.layers import AT_START, Owners, settled
from idlegrid_node.settings import Settings

if TYPE_CHECKING:
    from idlegrid_node.sandbox.selftest import Means

START = "start.json"
DEFAULT_PROFILE = "desktop"
REMEMBERED = (
    *("server", "ca_file", "profile", "policy_file", "network", "name", "trust_submitters"),
    *("slots", "labels", "preload", "task_types"),
)
"""What a start says and later verbs leave out, by the arguments' names; --packages is there as a path, too."""


def settings(arguments: argparse.Namespace, folder: Path) -> Settings:
    """Return all that a node has to know. Raises `SettingsError` naming what is wrong or missing."""
    server = arguments.server or os.environ.get("IDLEGRID_URL")
    if not server:
        raise SettingsError("which coordinator? give --server URL or set IDLEGRID_URL")
    said = owners(arguments)
    ours, _ = settled(said, pushed.read(folder))
    return Settings(
        server=server,
        node_id=reading.identity(folder, arguments.name),
        folder=folder,
        policy=ours,
        owners=said,
        join=arguments.join or os.environ.get("IDLEGRID_JOIN") or None,
        api_key=arguments.api_key or _key_of_environment(arguments),
        ca_file=reading.ca_file(arguments.ca_file or os.environ.get("IDLEGRID_CA_FILE")),
        slots=arguments.slots,
        labels=tuple(filter(None, (label.strip() for label in (arguments.labels or "").split(",")))),
        trust_submitters=arguments.trust_submitters,
        slot_uid=reading.slot_uid(dict(os.environ)),
        packages=reading.packages(arguments.packages),
        preload=reading.preload(arguments.preload or ""),
        max_level=reading.max_level(dict(os.environ)),
        task_types=reading.task_types(task_types_given(arguments), ours.network),
    )


def means(settings: Settings, *, staged: bool) -> "Means":
    """Return what there is to run code with; `staged` as `sandbox.interpreters.stage` answered."""
    from idlegrid_node.sandbox import interpreters
    from idlegrid_node.sandbox.selftest import Means
    from idlegrid_node.sandbox.users import SlotUsers

    return Means(
        staged=staged,
        users=SlotUsers(settings.slot_uid) if os.geteuid() == 0 else None,
        packages=interpreters.packages(settings.packages, staged=staged),
        preload=settings.preload,
        max_level=settings.max_level,
        trust_submitters=settings.trust_submitters,
    )


def owners(arguments: argparse.Namespace) -> Owners:
    """Return what the owner says of the policy: profile, over it the file, over both the command line's network.

    Raises `SettingsError` for what cannot be read or kept.
    """
    taken, values = policies.read(profile(arguments), policy_file(arguments))
    network = network_given(arguments)
    said = Owners(taken, {**values, "network": network} if network else values)
    policies.validated(said.policy)
    return said


def profile(arguments: argparse.Namespace) -> str:
    """Return the name of the profile."""
    return str(arguments.profile or DEFAULT_PROFILE)


def policy_file(arguments: argparse.Namespace) -> Path | None:
    """Return the owner's own file, if there is one."""
    named = arguments.policy_file or os.environ.get("IDLEGRID_NODE_POLICY")
    return Path(named).expanduser() if named else None


def network_given(arguments: argparse.Namespace) -> str:
    """Return the network that is given beside profile and file, or empty."""
    return str(arguments.network or os.environ.get("IDLEGRID_NODE_NETWORK") or "")


def task_types_given(arguments: argparse.Namespace) -> str:
    """Return the types of tasks that are named, or empty for all."""
    return str(arguments.task_types or os.environ.get("IDLEGRID_NODE_TASK_TYPES") or "")


def remember(arguments: argparse.Namespace, settings: Settings) -> None:
    """Keep how this start was meant; a folder that takes no file forgets it, and the node runs all the same."""
    file = policy_file(arguments)
    start = {
        "node_id": settings.node_id,
        "pid": os.getpid(),
        "version": __version__,
        "started_at": time.time(),
        "server": settings.server,
        "ca_file": settings.ca_file and str(Path(settings.ca_file).absolute()),
        "profile": profile(arguments),
        "policy_file": file and str(file.absolute()),
        "network": network_given(arguments),
        "name": arguments.name,
        "slots": settings.slots,
        "labels": ",".join(settings.labels),
        "preload": ",".join(settings.preload),
        "task_types": task_types_given(arguments),
        "packages": settings.packages and str(settings.packages),
        "trust_submitters": settings.trust_submitters,
        "at_start": {name: getattr(settings.policy, name) for name in AT_START},
    }
    with suppress(OSError):
        reading.write_whole(settings.folder / START, json.dumps(start))


def last_start(folder: Path) -> dict[str, Any]:
    """Return what `remember` kept; empty where no node has been started yet."""
    with suppress(OSError, ValueError):
        kept = json.loads((folder / START).read_text("utf-8"))
        if isinstance(kept, dict):
            return kept
    return {}


def as_last_started(arguments: argparse.Namespace) -> argparse.Namespace:
    """Return the arguments with what they leave out taken from the last start, not from this shell's environment."""
    kept = last_start(data_folder(arguments))
    filled = {name: getattr(arguments, name) or kept.get(name) for name in REMEMBERED}
    packages = arguments.packages or (Path(kept["packages"]) if kept.get("packages") else None)
    return argparse.Namespace(**{**vars(arguments), **filled, "packages": packages})


def named(arguments: argparse.Namespace, folder: Path) -> argparse.Namespace:
    """Return the arguments with a name for the node, so that none is made up and written down."""
    name = arguments.name or (None if (folder / "node_id").exists() else "not-named-yet")
    return argparse.Namespace(**{**vars(arguments), "name": name})


def data_folder(arguments: argparse.Namespace) -> Path:
    """Return the data folder's path; it need not exist."""
    return Path(arguments.data).expanduser().absolute()


def _key_of_environment(arguments: argparse.Namespace) -> str | None:
    """On a command line that brings a token, a key of the environment is one for submitting, and not meant."""
    return None if arguments.join else os.environ.get("IDLEGRID_API_KEY") or None
