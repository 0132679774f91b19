"""`idlegrid console`: the web console as its own process, in the foreground.

Importing this module does not import Streamlit: the `idlegrid` command must stay quick.
"""

import argparse
import os
import socket
import sys
from ipaddress import ip_address
from pathlib import Path

from idlegrid.cli import Command
from idlegrid.client import DEFAULT_URL
from idlegrid.errors import IdlegridError

HERE = Path(__file__).parent

DEFAULT_PORT = 8501
"""Streamlit's own, which people expect."""

FLAGS = (
    "--server.headless=true",
    "--server.showEmailPrompt=false",
    "--server.fileWatcherType=none",
    "--server.runOnSave=false",
    "--server.enableStaticServing=false",
    "--browser.gatherUsageStats=false",
    "--client.toolbarMode=minimal",
    "--client.showErrorDetails=none",
    "--client.showErrorLinks=false",
    "--runner.magicEnabled=false",
    "--logger.level=warning",
)
"""No telemetry, no file watching, no internals to visitors: errors are in the console's own log."""


def configure(parser: argparse.ArgumentParser) -> None:
    """The arguments of `idlegrid console`."""
    parser.add_argument("--server", metavar="URL", help=f"the coordinator (IDLEGRID_URL, else {DEFAULT_URL})")
    parser.add_argument("--key", help="an API key (better in IDLEGRID_API_KEY: others see a command line)")
    parser.add_argument("--host", default="127.0.0.1", help="the address to listen at (127.0.0.1)")
    parser.add_argument("--port", type=int, default=DEFAULT_PORT, help=f"the port to listen at ({DEFAULT_PORT})")
    parser.add_argument("--tls-cert", type=Path, metavar="FILE", help="a certificate (PEM), to serve at https://")
    parser.add_argument("--tls-key", type=Path, metavar="FILE", help="the certificate's key (PEM)")


def run(arguments: argparse.Namespace) -> int:
    """Become the console: this process turns into Streamlit's and ends with it.

    Returns 2 when the port is taken, which it names, and for a certificate without its key.
    """
    cert, key = arguments.tls_cert, arguments.tls_key
    if problem := _half(cert, key) or _unusable(arguments.host, arguments.port):
        print(f"idlegrid: {problem}", file=sys.stderr)
        return 2
    environment = _environment(arguments.server, arguments.key, arguments.host)
    words = command_line(arguments.host, arguments.port, cert, key)
    print(f"console: {'https' if cert else 'http'}://{_url_host(arguments.host)}:{arguments.port}", flush=True)
    try:
        os.execve(words[0], words, environment)  # noqa: S606 - no shell is wanted
    except OSError as error:
        raise IdlegridError(f"{words[0]} cannot be started: {error}") from error


def command_line(host: str, port: int, cert: Path | None = None, key: Path | None = None) -> list[str]:
    """The process that the console is; with a certificate and its key it serves https."""
    own = [f"--server.address={host}", f"--server.port={port}", f"--theme.base={HERE / 'theme.toml'}"]
    if cert is not None:
        own += [f"--server.sslCertFile={cert}", f"--server.sslKeyFile={key}"]
    if is_loopback(host):
        # A page elsewhere could give its own name this machine's address (DNS rebinding) and drive the console.
        own += [f"--server.allowedHosts={name}" for name in sorted({"localhost", "127.0.0.1", "::1", host})]
    return [sys.executable, "-m", "streamlit", "run", str(HERE / "app.py"), *FLAGS, *own]


def _environment(server: str | None, key: str | None, host: str) -> dict[str, str]:
    """The console's environment. One that others can reach does not lend its key: each visitor enters their own."""
    made = dict(os.environ)
    made["IDLEGRID_URL"] = server or made.get("IDLEGRID_URL") or DEFAULT_URL
    if key:
        made["IDLEGRID_API_KEY"] = key
    if not is_loopback(host) and made.pop("IDLEGRID_API_KEY", ""):
        print("console: others can reach it, so it asks each visitor for a key", file=sys.stderr, flush=True)
    return made


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach a server at `host`."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _half(cert: Path | None, key: Path | None) -> str | None:
    """Why TLS cannot be spoken, in a sentence; None when it can, or is not asked for."""
    return None if (cert is None) == (key is None) else "--tls-cert and --tls-key need each other"


def _unusable(host: str, port: int) -> str | None:
    """Why nothing can listen there, in a sentence; None when something can."""
    try:
        family, kind, protocol, _, place = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(place)
    except (OSError, OverflowError) as error:
        reason = getattr(error, "strerror", None) or error
        return f"the console cannot listen at {host} port {port}: {reason}"
    return None


def _url_host(host: str) -> str:
    return f"[{host}]" if ":" in host else host


CONSOLE = Command("serve the web console", configure, run)
"""The entry of the group `idlegrid.commands`."""
