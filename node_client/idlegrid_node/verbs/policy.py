"""`idlegrid node policy show|check`: the policy that holds, and where each of its values comes from."""

import argparse
import json
import tomllib
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from idlegrid_node import given
from idlegrid_node.policy import Policy, load
from idlegrid_node.verbs.words import say, take_folder

HELP = "show the policy that holds and where each value comes from, or check a file"


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the verb's arguments."""
    choice = parser.add_subparsers(dest="policy_verb", metavar="show|check", required=True)
    show = choice.add_parser("show", help="the effective policy, as TOML")
    check = choice.add_parser("check", help="say what is wrong with a file; exit status 1 when something is")
    check.add_argument("file", nargs="?", type=Path, metavar="FILE", help="default: the one that the node uses")
    for parser in (show, check):
        take_folder(parser)


def run(arguments: argparse.Namespace) -> int:
    """Show or check it. Raises `SettingsError` naming what is wrong."""
    known = given.as_last_started(arguments)
    return _check(known) if arguments.policy_verb == "check" else _show(known)


def as_toml(policy: Policy, origins: dict[str, str]) -> Iterator[str]:
    """Yield the policy's lines, each with where its value comes from: the profile unless `origins` says else. Pure."""
    for name, value in asdict(policy).items():
        yield f"{name} = {_toml(value)}  # {origins.get(name, f'profile {policy.profile}')}"


def _show(arguments: argparse.Namespace) -> int:
    policy = given.policy(arguments)
    say("\n".join(as_toml(policy, _origins(arguments))))
    return 0


def _check(arguments: argparse.Namespace) -> int:
    file = arguments.file or given.policy_file(arguments)
    profile = load(given.profile(arguments), file).profile
    say(
        f"{file}: good, on the profile {profile}" if file else f"no file is named: the profile {profile} holds as it is"
    )
    return 0


def _origins(arguments: argparse.Namespace) -> dict[str, str]:
    """Return the origin of each value that is not the profile's; the file has been read before, and was good."""
    file = given.policy_file(arguments)
    origins = dict.fromkeys(tomllib.loads(file.read_text("utf-8")), f"file {file.absolute()}") if file else {}
    return {**origins, "network": "--network"} if given.network_given(arguments) else origins


def _toml(value: Any) -> str:
    """Return a value as TOML; a JSON string is a TOML string, but for DEL."""
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(map(_toml, value))}]"
    if isinstance(value, (bool, str)):
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    return str(value)
