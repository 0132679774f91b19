"""`idlegrid console`: the web console as its own process, in the foreground.

Importing this module does not import Streamlit: the `idlegrid` command must stay quick.
"""

import argparse
import os
import socket
import stat
import sys
import tomllib
from importlib.util import find_spec
from ipaddress import ip_address
from pathlib import Path

from idlegrid.cli import Command
from idlegrid.client import DEFAULT_URL
from idlegrid.errors import IdlegridError

HERE = Path(__file__).parent

DEFAULT_PORT = 8501
"""Streamlit's own, which people expect."""

OTHERS_READ = stat.S_IROTH
"""The bit of a file's mode that lets everybody on the machine read it."""

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
    parser.add_argument("--secrets", type=Path, metavar="FILE", help="sign-in with OpenID: see dashboard/README.md")
    parser.add_argument("--tls-cert", type=Path, metavar="FILE", help="a certificate (PEM), to serve at https://")
    parser.add_argument("--tls-key", type=Path, metavar="FILE", help="the certificate's key (PEM)")


def run(arguments: argparse.Namespace) -> int:
    """Become the console: this process turns into Streamlit's and ends with it.

    Returns 2 when the port is taken, which it names, for a certificate without its key, and for a secrets file that
    cannot be used.
    """
    cert, key = arguments.tls_cert, arguments.tls_key
    if problem := _half(cert, key) or _unusable(arguments.host, arguments.port) or _secrets_wrong(arguments.secrets):
        print(f"idlegrid: {problem}", file=sys.stderr)
        return 2
    environment = _environment(arguments.server, arguments.key, arguments.host)
    words = command_line(arguments.host, arguments.port, cert, key, arguments.secrets)
    print(f"console: {'https' if cert else 'http'}://{_url_host(arguments.host)}:{arguments.port}", flush=True)
    try:
        os.execve(words[0], words, environment)  # noqa: S606 - no shell is wanted
    except OSError as error:
        raise IdlegridError(f"{words[0]} cannot be started: {error}") from error


def command_line(
    host: str, port: int, cert: Path | None = None, key: Path | None = None, secrets: Path | None = None
) -> list[str]:
    """The process that the console is; with a certificate and its key it serves https. Without `secrets` Streamlit
    looks where it always does: in `.streamlit/secrets.toml` of the home and of the current folder.
    """
    own = [f"--server.address={host}", f"--server.port={port}", f"--theme.base={HERE / 'theme.toml'}"]
    if cert is not None:
        own += [f"--server.sslCertFile={cert}", f"--server.sslKeyFile={key}"]
    if secrets is not None:
        own.append(f"--secrets.files={secrets.absolute()}")
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


def _secrets_wrong(file: Path | None) -> str | None:
    """Why the secrets file cannot be used, in a sentence; None when it can. Others must not be able to read it."""
    if file is None:
        return None
    try:
        known = tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        return f"{file}: {error}"
    if "auth" in known and find_spec("authlib") is None:
        return f"{file} sets up sign-in with OpenID, which needs: pip install 'idlegrid-console[oidc]'"
    if file.stat().st_mode & OTHERS_READ:
        return f"{file} holds keys, and others can read it: chmod o-r {file}"
    return None


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
