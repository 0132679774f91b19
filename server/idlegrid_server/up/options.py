"""What the command line of `idlegrid up` says, and what follows from it."""

import argparse
import os
from dataclasses import dataclass, replace
from pathlib import Path

from idlegrid_server.up import addresses
from idlegrid_server.up.errors import PortTaken

DEFAULT_PORT = 8000
DEFAULT_CONSOLE_PORT = 8501
"""Streamlit's own default."""


@dataclass(frozen=True)
class Options:
    """A grid to bring up; `console_port` is None for no console."""

    host: str
    port: int
    console_port: int | None
    nodes: int
    data: Path
    verbose: bool = False

    @property
    def shared(self) -> bool:
        """Whether other machines can reach the coordinator, so that keys are needed."""
        return not addresses.is_loopback(self.host) or os.environ.get("IDLEGRID_AUTH") == "required"

    @property
    def url(self) -> str:
        """The coordinator as this machine reaches it."""
        return f"http://{addresses.authority(addresses.local(self.host), self.port)}"


def default_data() -> Path:
    """Where a grid keeps its data unless told: one place per user, so that every `up` finds the same grid."""
    return Path(os.environ.get("IDLEGRID_DATA") or "~/.idlegrid/grid").expanduser()


def port(text: str) -> int:
    """A port number of the command line, for argparse."""
    if not text.isdecimal() or int(text) > 65535:
        raise argparse.ArgumentTypeError(f"{text!r} is no port: it must be 0 (any that is free) to 65535")
    return int(text)


def count(text: str) -> int:
    """A number of the command line that is not negative, for argparse."""
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r} is no count: it must be 0 or more")
    return int(text)


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `idlegrid up`."""
    add_listen_arguments(parser)
    parser.add_argument("--console-port", type=port, default=DEFAULT_CONSOLE_PORT, help="default: %(default)s")
    parser.add_argument("--no-console", action="store_true", help="start no web console")
    parser.add_argument("--nodes", type=count, default=1, help="nodes on this machine (default: %(default)s)")
    parser.add_argument("--verbose", action="store_true", help="show what every part prints, too")


def add_listen_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments that `up` and `serve` share."""
    parser.add_argument(
        "--host",
        default=os.environ.get("IDLEGRID_HOST", "127.0.0.1"),
        help="where to listen (default: %(default)s: this machine only); 0.0.0.0 for spare machines",
    )
    parser.add_argument(
        "--port", type=port, default=os.environ.get("IDLEGRID_PORT", str(DEFAULT_PORT)), help="default: %(default)s"
    )
    parser.add_argument("--data", type=Path, default=default_data(), help="data folder (default: %(default)s)")


def parsed(arguments: argparse.Namespace) -> Options:
    """The options that the parsed command line means."""
    return Options(
        host=arguments.host,
        port=arguments.port,
        console_port=None if arguments.no_console else arguments.console_port,
        nodes=arguments.nodes,
        data=arguments.data,
        verbose=arguments.verbose,
    )


def claim_ports(options: Options) -> Options:
    """The options with ports that can be listened on, 0 replaced by free ones. Raises `PortTaken`."""
    own = addresses.claim(options.host, options.port, "--port")
    if options.console_port is None:
        return replace(options, port=own)
    if options.console_port == own:
        raise PortTaken(f"--port and --console-port are both {own}; the coordinator and the console need one each")
    console = addresses.claim(options.host, options.console_port, "--console-port")
    return replace(options, port=own, console_port=console)
