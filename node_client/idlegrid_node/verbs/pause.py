"""`idlegrid node pause [1h]`: at once, over restarts, until its time or until `resume`."""

import argparse
import time
from pathlib import Path

from idlegrid_node import control, given
from idlegrid_node.errors import NodeError
from idlegrid_node.pause import Pause, duration, keep
from idlegrid_node.verbs.words import moment, say

HELP = "let what runs stand still and take no more work, for a while or until `resume`"


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the verb's arguments."""
    parser.add_argument("duration", nargs="?", metavar="DURATION", help="30m, 1h, 2h30m (default: until `resume`)")


def run(arguments: argparse.Namespace) -> int:
    """Pause. Raises `SettingsError` for a duration that is none."""
    now, folder = time.time(), given.data_folder(arguments)
    until = now + duration(arguments.duration) if arguments.duration else None
    told = tell(folder, Pause(now, until))
    say(f"paused until {moment(until)}" if until else "paused until `idlegrid node resume`")
    say(told)
    return 0


def tell(folder: Path, pause: Pause | None) -> str:
    """Pause, or with None resume, the node in a folder or its next start; returns what to add to that, or empty."""
    question = {"verb": "pause", "until": pause.until} if pause else {"verb": "resume"}
    answer = control.ask(folder, **question)
    if answer is None:
        try:
            keep(folder, pause)
        except FileNotFoundError as error:
            raise NodeError(f"no node has ever run in {folder}: give its folder by --data DIR") from error
        except OSError as error:
            raise NodeError(f"nothing can be kept in {folder}: {error.strerror}") from error
        # One may have been started since, and have read the folder before.
        answer = control.ask(folder, **question)
    if answer is None:
        return "the node does not run: this is kept for its next start"
    return str(answer["warning"]) or "the running node obeys"
