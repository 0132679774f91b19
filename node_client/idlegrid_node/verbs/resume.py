"""`idlegrid node resume`: the owner's pause is over."""

import argparse

from idlegrid_node import given
from idlegrid_node.verbs.pause import tell
from idlegrid_node.verbs.words import say

HELP = "end the pause"


def configure(parser: argparse.ArgumentParser) -> None:
    """It has no arguments of its own."""


def run(arguments: argparse.Namespace) -> int:
    """End the pause; none is no mistake."""
    told = tell(given.data_folder(arguments), None)
    say("not paused")
    say(told)
    return 0
