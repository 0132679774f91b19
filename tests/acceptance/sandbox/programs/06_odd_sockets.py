"""Families of sockets that a network namespace does not hold, or that have had holes."""

import socket

from tries import attempt

FAMILIES = {
    "vsock": 40,
    "packet": 17,
    "alg": 38,
    "bluetooth": 31,
    "key": 15,
    "tipc": 30,
    "rds": 21,
    "xdp": 44,
    "can": 29,
}


def opened(family, kind, protocol=0):
    socket.socket(family, kind, protocol).close()
    return "opened"


def opened_any(family):
    for kind in (socket.SOCK_STREAM, socket.SOCK_RAW, socket.SOCK_DGRAM):
        try:
            return opened(family, kind)
        except OSError as error:
            last = error
    raise last


for name, number in FAMILIES.items():
    attempt(name, opened_any, number)
attempt("vsock seqpacket", opened, 40, socket.SOCK_SEQPACKET)
attempt("alg seqpacket", opened, 38, socket.SOCK_SEQPACKET)
attempt("raw IP", opened, socket.AF_INET, socket.SOCK_RAW, 1)
attempt("raw IPv6", opened, socket.AF_INET6, socket.SOCK_RAW, 58)
