"""Reach the owner's desktop: D-Bus, X11, containers."""

import os
import socket

from tries import GIVEN, attempt, read


def connect(address, kind=socket.SOCK_STREAM):
    with socket.socket(socket.AF_UNIX, kind) as connection:
        connection.settimeout(0.5)
        connection.connect(address)
        return f"connected to {address!r}"


def send():
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as connection:
        return connection.sendto(b"evil", "\0" + GIVEN["abstract_datagram"])


attempt("abstract socket", connect, "\0" + GIVEN["abstract"])
attempt("abstract datagram socket", send)
attempt("display socket", connect, GIVEN["display"])
attempt("display socket by a way round", connect, f"/proc/self/root{GIVEN['display']}")
attempt("container socket", connect, "/var/run/docker.sock")
attempt("system bus", connect, "/run/dbus/system_bus_socket")
attempt("user's runtime folder", os.listdir, "/run/user")
attempt("names of sockets", lambda: GIVEN["abstract"].encode() in read("/proc/net/unix", 2**20))
