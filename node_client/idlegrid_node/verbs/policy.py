"""`idlegrid node policy show|check`: the policy that holds, and where each of its values comes from."""

import argparse
import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from idlegrid_node import given, pushed
from idlegrid_node.layers import Operators, Owners, settled
from idlegrid_node.policy import Policy, load
from idlegrid_node.verbs.words import say, take_folder

HELP = "show the policy that holds and where each value comes from, or check a file"
BUT = ", against the operator"
LATER = ", from the node's next start on"


@dataclass(frozen=True)
class Origins:
    """Who said what. `file` names the owner's, `network` is the command line's, `at_start` what the node began with."""

    owners: Owners
    operators: Operators
    file: str = ""
    network: str = ""
    at_start: Mapping[str, Any] = field(default_factory=dict)


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


def origins(layers: Origins, policy: Policy) -> dict[str, str]:
    """Return where each value comes from that is not simply the profile's. Pure."""
    said, wanted = layers.owners, layers.operators.values
    found = dict.fromkeys(wanted, "operator")
    found |= {name: layers.file + (BUT if name in wanted else "") for name in said.values}
    if layers.network:
        found["network"] = "--network"
    for name in layers.at_start:
        if getattr(policy, name) != layers.at_start[name]:
            found[name] = found.get(name, f"profile {policy.profile}") + LATER
    return found


def _show(arguments: argparse.Namespace) -> int:
    folder, file = given.data_folder(arguments), given.policy_file(arguments)
    owners = given.owners(arguments)
    policy, operators = settled(owners, pushed.read(folder))
    at_start = given.last_start(folder).get("at_start", {})
    named = f"file {file.absolute()}" if file else ""
    where = origins(Origins(owners, operators, named, given.network_given(arguments), at_start), policy)
    say("\n".join(as_toml(policy, where)))
    if operators.refused:
        say(f"# of what the operator pushed, this is not taken: {operators.refused}")
    return 0


def _check(arguments: argparse.Namespace) -> int:
    file = arguments.file or given.policy_file(arguments)
    profile = load(given.profile(arguments), file).profile
    say(
        f"{file}: good, on the profile {profile}" if file else f"no file is named: the profile {profile} holds as it is"
    )
    return 0


def _toml(value: Any) -> str:
    """Return a value as TOML; a JSON string is a TOML string, but for DEL."""
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(map(_toml, value))}]"
    if isinstance(value, (bool, str)):
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    return str(value)
