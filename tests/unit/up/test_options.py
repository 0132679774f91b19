"""The command line of `idlegrid up`."""

import argparse
import socket

import pytest

from idlegrid_server.up import options
from idlegrid_server.up.errors import PortTaken


def parse(*words):
    parser = argparse.ArgumentParser()
    options.configure(parser)
    return options.parsed(parser.parse_args(words))


def test_the_defaults_are_one_node_with_a_console_on_loopback(monkeypatch):
    monkeypatch.delenv("IDLEGRID_AUTH", raising=False)
    given = parse()
    assert (given.host, given.port, given.console_port, given.nodes) == ("127.0.0.1", 8000, 8501, 1)
    assert not given.shared


def test_a_host_that_others_reach_needs_keys():
    assert parse("--host", "0.0.0.0").shared


def test_keys_can_be_demanded_on_loopback_too(monkeypatch):
    monkeypatch.setenv("IDLEGRID_AUTH", "required")
    assert parse().shared


def test_no_console_means_no_console_port():
    assert parse("--no-console").console_port is None


@pytest.mark.parametrize("words", [["--port", "65536"], ["--port", "-1"], ["--port", "http"], ["--nodes", "-1"]])
def test_numbers_out_of_range_are_refused(words, capsys):
    with pytest.raises(SystemExit) as refused:
        parse(*words)
    assert refused.value.code == 2
    assert words[0] in capsys.readouterr().err


def test_one_port_for_both_is_refused():
    with socket.create_server(("127.0.0.1", 0)) as holder:
        free = str(holder.getsockname()[1])
    with pytest.raises(PortTaken, match="both"):
        options.claim_ports(parse("--port", free, "--console-port", free))


def test_zero_becomes_two_different_free_ports():
    given = options.claim_ports(parse("--port", "0", "--console-port", "0"))
    assert given.port
    assert given.console_port
    assert given.url == f"http://127.0.0.1:{given.port}"
