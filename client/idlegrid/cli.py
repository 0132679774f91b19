"""The `idlegrid` command: finds its subcommands in whatever idlegrid packages are installed.

A package announces a subcommand as an entry point of the group `idlegrid.commands` whose value is a
`Command`. Only the one that is called is imported, so that `idlegrid node` does not pay for the console.
Exit status: the subcommand's; 1 for an `IdlegridError` (one line on stderr), 2 for wrong usage,
130 for Ctrl-C.
"""

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points, version

from idlegrid.display import visible
from idlegrid.errors import IdlegridError

GROUP = "idlegrid.commands"
"""The entry-point group of subcommands."""


@dataclass(frozen=True)
class Command:
    """A subcommand: one line of help, its arguments, and what it does (returning the exit status)."""

    help: str
    configure: Callable[[argparse.ArgumentParser], None]
    run: Callable[[argparse.Namespace], int]


def main(argv: Sequence[str] | None = None) -> int:
    """Run the subcommand that `argv` (default: the process's) names; returns the exit status."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    known = {point.name: point for point in entry_points(group=GROUP)}
    name = arguments[0] if arguments else ""
    if name in known:
        return _guarded(lambda: _run(known[name], arguments[1:]))
    if name in {"--help", "-h", "help"}:
        return _guarded(lambda: _help(known))
    if name in {"--version", "-V"}:
        print(f"idlegrid {version('idlegrid')}")
        return 0
    print(_usage_error(name, known), file=sys.stderr)
    return 2


def _run(point: EntryPoint, arguments: Sequence[str]) -> int:
    command = _load(point)
    parser = argparse.ArgumentParser(prog=f"idlegrid {point.name}", description=command.help)
    command.configure(parser)
    try:
        parsed = parser.parse_args(arguments)
    except SystemExit as stop:  # argparse has printed its message; 0 after --help, 2 after wrong usage
        return stop.code if isinstance(stop.code, int) else 2
    return command.run(parsed)


def _load(point: EntryPoint) -> Command:
    try:
        command = point.load()
    except (ImportError, AttributeError) as error:
        raise IdlegridError(f"`idlegrid {point.name}` cannot be loaded: {error}") from error
    if not isinstance(command, Command):
        raise IdlegridError(f"`idlegrid {point.name}` is broken: {point.value} is no Command")
    return command


def _guarded(action: Callable[[], int]) -> int:
    try:
        return action()
    except IdlegridError as error:
        print(f"idlegrid: {' '.join(visible(error).split())}", file=sys.stderr)
        return 1
    except BrokenPipeError:
        # The reader (`| head`) has enough. Python would complain once more when it flushes at its exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except KeyboardInterrupt:
        return 130


def _help(known: dict[str, EntryPoint]) -> int:
    width = max(map(len, known), default=0)
    print("usage: idlegrid COMMAND [options]\n\ncommands:")
    for name, point in sorted(known.items()):
        print(f"  {name:<{width}}  {_help_line(point)}")
    print("\n`idlegrid COMMAND --help` explains one.")
    return 0


def _help_line(point: EntryPoint) -> str:
    try:
        return _load(point).help
    except IdlegridError as error:
        return f"({error})"


def _usage_error(name: str, known: dict[str, EntryPoint]) -> str:
    names = ", ".join(sorted(known))
    fault = f"there is no command {name!r}" if name else "which command?"
    return f"idlegrid: {fault} (one of: {names}; `idlegrid --help` explains them)"
