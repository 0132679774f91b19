"""What the command line of `idlegrid up` says, and what follows from it."""

import argparse
import os
from dataclasses import dataclass, replace
from pathlib import Path

from idlegrid_server.tls import Certificate, CertificateUnusable, check_pair, examined
from idlegrid_server.up import addresses
from idlegrid_server.up.errors import NoTls, PortTaken

DEFAULT_PORT = 8000
DEFAULT_CONSOLE_PORT = 8501
"""Streamlit's own default."""


@dataclass(frozen=True)
class Options:
    """A grid to bring up; `console_port` is None for no console, `certificate` for plain HTTP."""

    host: str
    port: int
    console_port: int | None
    nodes: int
    data: Path
    verbose: bool = False
    certificate: Certificate | None = None

    @property
    def shared(self) -> bool:
        """Whether other machines can reach the coordinator, so that keys are needed."""
        return not addresses.is_loopback(self.host) or os.environ.get("IDLEGRID_AUTH") == "required"

    @property
    def url(self) -> str:
        """The coordinator as this machine reaches it."""
        return f"{self.scheme}://{addresses.authority(addresses.local(self.host), self.port)}"

    @property
    def scheme(self) -> str:
        """What the coordinator and the console speak."""
        return "http" if self.certificate is None else "https"

    @property
    def public_host(self) -> str:
        """How others call this machine: by a name that the certificate is for, where there is one."""
        usual = addresses.public(self.host)
        if self.certificate is None or self.certificate.names_it(usual):
            return usual
        return next((name for name in self.certificate.names if _is_for_others(name)), usual)

    @property
    def tls_name(self) -> str:
        """The name to look for in the certificate, for callers who use `url`; empty when it is for that address."""
        if self.certificate is None or self.certificate.names_it(addresses.local(self.host)):
            return ""
        return self.certificate.names[0].replace("*", "grid")


def _is_for_others(name: str) -> bool:
    return not addresses.is_loopback(name) and not name.startswith("*")


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
    for option, variable, what in (
        ("--tls-cert", "IDLEGRID_TLS_CERT", "certificate, with what leads to its authority, as PEM: speak https"),
        ("--tls-key", "IDLEGRID_TLS_KEY", "the certificate's key, as PEM"),
    ):
        parser.add_argument(option, type=Path, metavar="FILE", default=os.environ.get(variable) or None, help=what)


def parsed(arguments: argparse.Namespace) -> Options:
    """The options that the parsed command line means. Raises `NoTls` for a certificate that is no good."""
    return Options(
        host=arguments.host,
        port=arguments.port,
        console_port=None if arguments.no_console else arguments.console_port,
        nodes=arguments.nodes,
        data=arguments.data,
        verbose=arguments.verbose,
        certificate=_certificate(arguments.tls_cert, arguments.tls_key),
    )


def _certificate(cert: Path | None, key: Path | None) -> Certificate | None:
    try:
        check_pair(cert, key)
        return examined(cert.resolve(), key.resolve()) if cert and key else None
    except CertificateUnusable as error:
        raise NoTls(str(error)) from error


def claim_ports(options: Options) -> Options:
    """The options with ports that can be listened on, 0 replaced by free ones. Raises `PortTaken`."""
    own = addresses.claim(options.host, options.port, "--port")
    if options.console_port is None:
        return replace(options, port=own)
    if options.console_port == own:
        raise PortTaken(f"--port and --console-port are both {own}; the coordinator and the console need one each")
    console = addresses.claim(options.host, options.console_port, "--console-port")
    return replace(options, port=own, console_port=console)
