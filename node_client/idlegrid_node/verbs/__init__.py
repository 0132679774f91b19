"""What the owner may ask of a node and tell it: a module a verb, each with `HELP`, `configure` and `run`.

All take `--data` before or after themselves, and leave out what the node's last start said (`given.as_last_started`).
"""

import argparse

from idlegrid_node.verbs import doctor, log, pause, policy, resume, service, status
from idlegrid_node.verbs.words import take_folder

VERBS = {
    "status": status,
    "pause": pause,
    "resume": resume,
    "policy": policy,
    "doctor": doctor,
    "log": log,
    "service": service,
}


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the verbs; without one the command is the node itself."""
    choice = parser.add_subparsers(dest="verb", metavar="VERB", title="for the owner of this machine")
    for name, verb in VERBS.items():
        own = choice.add_parser(name, help=verb.HELP, description=verb.HELP)
        take_folder(own)
        verb.configure(own)


def run(arguments: argparse.Namespace) -> int:
    """Carry out the verb; returns the exit status. Raises `IdlegridError` with a sentence."""
    return int(VERBS[arguments.verb].run(arguments))
