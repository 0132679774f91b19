"""Reach the coordinator, another local service, and the world."""

import socket

from tries import GIVEN, attempt

PATIENCE = 0.5


def tcp(address, family=socket.AF_INET):
    with socket.socket(family, socket.SOCK_STREAM) as connection:
        connection.settimeout(PATIENCE)
        connection.connect(address)
        return f"connected to {address}"


def udp(address):
    """The refusal of the first packet comes back with the second."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as connection:
        connection.settimeout(PATIENCE)
        connection.connect(address)
        connection.send(b"evil")
        connection.send(b"evil")
    return


def listening():
    with socket.socket() as listener:
        listener.bind(("0.0.0.0", GIVEN["tcp"][0]))
        listener.listen()
    return


attempt("the coordinator", tcp, ("127.0.0.1", GIVEN["coordinator"]))
for number, port in enumerate(GIVEN["tcp"]):
    attempt(f"tcp {number}", tcp, ("127.0.0.1", port))
    attempt(f"tcp {number} by IPv6", tcp, ("::1", port), socket.AF_INET6)
    attempt(f"tcp {number} by its mapped address", tcp, ("::ffff:127.0.0.1", port), socket.AF_INET6)
attempt("udp", udp, ("127.0.0.1", GIVEN["udp"]))
attempt("udp to the world", udp, ("192.0.2.1", 53))
attempt("tcp to the world", tcp, ("192.0.2.1", 80))
attempt("a name", socket.getaddrinfo, "example.org", 80)
attempt("interfaces", lambda: [name for _, name in socket.if_nameindex() if name != "lo"])
attempt("listen on the owner's port", listening)
