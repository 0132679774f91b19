"""Which addresses belong to the Internet at large: what a webhook may connect to unless the operator says otherwise."""

import ipaddress
from collections.abc import Iterator
from typing import Final

GLOBAL_UNICAST: Final = ipaddress.ip_network("2000::/3")
"""All of IPv6 that is handed out to anybody (IANA)."""
NAT64: Final = ipaddress.ip_network("64:ff9b::/96")
"""IPv4 addresses inside IPv6 ones (RFC 6052)."""


def is_public(text: str) -> bool:
    """Whether an address is public, and so is every address that it wraps. Raises ValueError when it is none."""
    address = ipaddress.ip_address(text.partition("%")[0])
    if isinstance(address, ipaddress.IPv4Address):
        return _at_large(address)
    if address in NAT64:
        return _at_large(ipaddress.IPv4Address(int(address) & 0xFFFFFFFF))
    if address.ipv4_mapped is not None:
        return _at_large(address.ipv4_mapped)
    return address in GLOBAL_UNICAST and _at_large(address) and all(map(_at_large, _wrapped(address)))


def _at_large(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    return address.is_global and not address.is_multicast


def _wrapped(address: ipaddress.IPv6Address) -> Iterator[ipaddress.IPv4Address]:
    if address.sixtofour is not None:
        yield address.sixtofour
    yield from address.teredo or ()
