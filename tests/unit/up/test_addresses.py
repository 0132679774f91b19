"""Who can reach a host, whether a port can be had, and what others call this machine."""

import socket

import pytest

from idlegrid_server.up import addresses
from idlegrid_server.up.errors import PortTaken


@pytest.mark.parametrize("host", ["127.0.0.1", "127.9.9.9", "::1", "localhost"])
def test_loopback_is_recognised(host):
    assert addresses.is_loopback(host)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.7", "grid.example"])
def test_everything_else_is_not_loopback(host):
    assert not addresses.is_loopback(host)


def test_a_wildcard_is_reached_here_over_loopback():
    assert addresses.local("0.0.0.0") == "127.0.0.1"
    assert addresses.local("::") == "::1"


def test_a_wildcard_is_never_told_to_others():
    assert addresses.public("0.0.0.0") not in {"0.0.0.0", "127.0.0.1", ""}
    assert addresses.public("grid.example") == "grid.example"


def test_an_ipv6_address_stands_in_brackets():
    assert addresses.authority("::1", 8000) == "[::1]:8000"
    assert addresses.authority("127.0.0.1", 8000) == "127.0.0.1:8000"


def test_a_free_port_is_found_for_zero_and_then_can_be_claimed():
    port = addresses.claim("127.0.0.1", 0, "--port")
    assert port > 0
    assert addresses.claim("127.0.0.1", port, "--port") == port


@pytest.mark.parametrize("wanted", ["127.0.0.1", "0.0.0.0"])
def test_a_taken_port_is_named_with_the_option_that_changes_it(wanted):
    with socket.create_server(("127.0.0.1", 0)) as holder:
        port = holder.getsockname()[1]
        with pytest.raises(PortTaken, match=rf"{wanted}:{port}: address already in use.*--console-port"):
            addresses.claim(wanted, port, "--console-port")


def test_an_address_of_another_machine_cannot_be_listened_on():
    with pytest.raises(PortTaken, match=r"192\.0\.2\.7"):
        addresses.claim("192.0.2.7", 0, "--port")


def test_a_host_that_means_nothing_is_named():
    with pytest.raises(PortTaken, match=r"--host no-such-host\.invalid"):
        addresses.claim("no-such-host.invalid", 0, "--port")
