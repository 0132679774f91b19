"""`idlegrid node`: the command line, and a node from its start to its end."""

import argparse
import os
import signal
from typing import TYPE_CHECKING

from idlegrid.cli import Command
from idlegrid_node import given, verbs
from idlegrid_node.arguments import declare
from idlegrid_node.folder import DataFolder
from idlegrid_node.settings import Settings

if TYPE_CHECKING:
    from idlegrid_node.sandbox.selftest import Means


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    declare(parser)
    verbs.configure(parser)


def run(arguments: argparse.Namespace) -> int:
    """Run a node until SIGTERM or SIGINT, or what a verb of its owner's asks; returns the exit status."""
    return _node(arguments) if arguments.verb is None else verbs.run(arguments)


def _node(arguments: argparse.Namespace) -> int:
    # Before any import that starts a thread: the staged view is for threads that come later.
    from idlegrid_node.sandbox import interpreters

    with DataFolder(arguments.data) as folder:
        settings = given.settings(arguments, folder.path)
        given.remember(arguments, settings)
        _live(settings, given.means(settings, staged=interpreters.stage(settings.packages)))
    return 0


NODE = Command(help="Offer this machine to the grid while its owner is away.", configure=configure, run=run)


def _live(settings: Settings, means: "Means") -> None:
    from idlegrid.session import Session
    from idlegrid_node import logs
    from idlegrid_node.agent import Agent
    from idlegrid_node.enrolment import Enrolment
    from idlegrid_node.link import Link
    from idlegrid_node.sandbox import selftest

    logs.configure()
    told_to_stop = _stop_pipe()
    session = Session(settings.server, ca_file=settings.ca_file)
    enrolment = Enrolment(session, settings.node_id, settings.folder, settings.join, settings.api_key)
    link = Link(session, settings.node_id, enrolment.keyed)
    agent = Agent(settings, link, lambda: selftest.choose(means))
    agent.start()
    os.read(told_to_stop, 1)
    agent.leave()


def _stop_pipe() -> int:
    """Return a descriptor that becomes readable when the node is told to stop.

    Not an Event: its `set` in a handler deadlocks when the signal comes while `wait` holds its lock.
    """
    told_to_stop, tell = os.pipe()
    os.set_blocking(tell, False)
    signal.set_wakeup_fd(tell)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: None)
    return told_to_stop
