"""Hosts and ports: may we listen there, who else can reach it, and how do others call this machine."""

import ipaddress
import socket
from contextlib import closing

from idlegrid_server.up.errors import PortTaken


def is_loopback(host: str) -> bool:
    """Whether only programs on this machine can reach a listener on `host`."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def is_wildcard(host: str) -> bool:
    """Whether `host` means every address of this machine."""
    try:
        return ipaddress.ip_address(host).is_unspecified
    except ValueError:
        return False


def local(host: str) -> str:
    """The numeric address at which this machine itself reaches a listener on `host`.

    Raises `PortTaken` when the name means nothing here.
    """
    if is_wildcard(host):
        return "127.0.0.1" if ipaddress.ip_address(host).version == 4 else "::1"
    return _resolve(host)[1]


def public(host: str) -> str:
    """How other machines call a listener on `host`: itself, or for a wildcard this machine's own address."""
    if not is_wildcard(host):
        return host
    return _outgoing_address() or socket.gethostname()


def authority(host: str, port: int) -> str:
    """`host:port` as it stands in a URL."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def claim(host: str, port: int, option: str) -> int:
    """Make sure that `port` can be listened on and return it; 0 picks one that is free.

    Raises `PortTaken`, naming the port and the `option` that changes it.
    """
    family, address = _resolve(host)
    try:
        with closing(_listener(family, address, port)) as listener:
            return int(listener.getsockname()[1])
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        place = authority(host, port)
        raise PortTaken(f"cannot listen on {place}: {reason}; choose another with {option}") from error


def _listener(family: int, address: str, port: int) -> socket.socket:
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        # Without it a port stays unusable for a minute after its last owner had connections.
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((address, port))
        # Two may bind with SO_REUSEADDR, only one may listen.
        listener.listen(1)
    except OSError:
        listener.close()
        raise
    return listener


def _resolve(host: str) -> tuple[int, str]:
    try:
        family, *_, address = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)[0]
    except OSError as error:
        raise PortTaken(f"--host {host}: {error.strerror or error}") from error
    return family, str(address[0])


def _outgoing_address() -> str | None:
    # Connecting a UDP socket sends nothing; it only asks the routing table. The address is one set aside
    # for documentation (RFC 5737), so that nobody is meant by it.
    with closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as probe:
        try:
            probe.connect(("192.0.2.1", 9))
        except OSError:
            return None
        address = str(probe.getsockname()[0])
    return None if is_loopback(address) or is_wildcard(address) else address
