"""The command line's options that say what a node is: for the command itself, and for what writes a node's service."""

import argparse
from pathlib import Path
from typing import Any

from idlegrid_node import given
from idlegrid_node.policy import NETWORKS, PROFILES
from idlegrid_node.settings import DEFAULT_FOLDER


def declare(parser: argparse.ArgumentParser, *, again: bool = False) -> None:
    """Declare them; `again` is for a verb, after which they may stand, too: what is left out there stays as it was."""

    def option(name: str, default: Any = None, **more: Any) -> None:
        parser.add_argument(name, default=argparse.SUPPRESS if again else default, **more)

    option("--server", metavar="URL", help="the coordinator's address (IDLEGRID_URL)")
    option("--join", metavar="TOKEN", help="the token that brings this node a key of its own (IDLEGRID_JOIN)")
    option("--api-key", metavar="KEY", help="a key with the scope node, in its place (IDLEGRID_API_KEY)")
    option("--ca-file", metavar="FILE", help="certificates to believe of a coordinator at https:// (IDLEGRID_CA_FILE)")
    whose = f"who comes first here (default: {given.DEFAULT_PROFILE})"
    option("--profile", choices=sorted(PROFILES), help=whose)
    option("--policy-file", type=Path, metavar="FILE", help="the owner's own values, as TOML (IDLEGRID_NODE_POLICY)")
    option("--slots", type=_slots, metavar="N", help="runs at a time (default: one per core)")
    option("--data", default=DEFAULT_FOLDER, type=Path, metavar="DIR", help="data folder")
    option("--name", help="the node's id (default: host name and 8 digits, kept)")
    option("--labels", default="", metavar="A,B", help="what runs may require of this node")
    option("--packages", type=Path, metavar="DIR", help="a folder of modules that runs may import")
    option("--preload", default="", metavar="A,B", help="modules imported before a run needs them")
    types = "take only these: python, shell, http (IDLEGRID_NODE_TASK_TYPES)"
    option("--task-types", metavar="A,B", help=types)
    where = "where http tasks may go (IDLEGRID_NODE_NETWORK; default: none)"
    option("--network", choices=NETWORKS, help=where)
    option("--trust-submitters", default=False, action="store_true", help="run code without a sandbox if there is none")


def _slots(text: str) -> int:
    number = int(text)
    if not 1 <= number <= 1024:
        raise argparse.ArgumentTypeError("must be from 1 to 1024")
    return number
