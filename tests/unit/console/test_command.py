import argparse
import os
import signal
import socket
import subprocess
import sys
import time
from urllib.error import URLError
from urllib.request import urlopen

import pytest

from idlegrid_console import command


def parsed(*words):
    parser = argparse.ArgumentParser()
    command.configure(parser)
    return parser.parse_args(words)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def test_the_console_listens_on_this_machine_alone_unless_told_otherwise():
    assert (parsed().host, parsed().port) == ("127.0.0.1", 8501)


def test_it_sends_no_telemetry_and_watches_no_files():
    words = command.command_line("127.0.0.1", 8501)
    assert "--browser.gatherUsageStats=false" in words
    assert "--server.fileWatcherType=none" in words


def test_the_local_console_answers_to_local_names_only():
    assert "--server.allowedHosts=localhost" in command.command_line("127.0.0.1", 1)
    assert not any("allowedHosts" in word for word in command.command_line("0.0.0.0", 1))


def test_no_key_is_on_the_command_line(monkeypatch):
    monkeypatch.setenv("IDLEGRID_API_KEY", "secret")
    assert not any("secret" in word for word in command.command_line("127.0.0.1", 1))


def test_a_console_that_others_can_reach_does_not_lend_its_key(monkeypatch, capsys):
    monkeypatch.setenv("IDLEGRID_API_KEY", "secret")
    assert command._environment(None, None, "127.0.0.1")["IDLEGRID_API_KEY"] == "secret"
    assert "IDLEGRID_API_KEY" not in command._environment(None, "other", "0.0.0.0")
    assert "asks each visitor" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("host", "local"), [("127.0.0.1", True), ("::1", True), ("localhost", True), ("0.0.0.0", False), ("lab", False)]
)
def test_it_knows_which_addresses_are_local(host, local):
    assert command.is_loopback(host) is local


def test_a_taken_port_is_named_and_ends_it_with_status_2(capsys):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert command.run(parsed("--port", str(port))) == 2
    assert f"port {port}: Address already in use" in capsys.readouterr().err


def test_importing_the_command_does_not_import_streamlit():
    script = "import sys, idlegrid_console.command; print('streamlit' in sys.modules, 'pandas' in sys.modules)"
    shown = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60)
    assert shown.stdout.split() == ["False", "False"]


def test_it_serves_and_ends_at_sigterm():
    port = free_port()
    words = [sys.executable, "-m", "idlegrid", "console", "--port", str(port), "--server", "http://127.0.0.1:9"]
    with subprocess.Popen(words, stdout=subprocess.DEVNULL, env=os.environ | {"IDLEGRID_API_KEY": ""}) as console:
        try:
            until(lambda: answers(f"http://127.0.0.1:{port}/_stcore/health"), "the console answers")
            console.send_signal(signal.SIGTERM)
            assert console.wait(10) in {0, -signal.SIGTERM}
        finally:
            console.kill()


def answers(url):
    try:
        with urlopen(url, timeout=2) as answer:
            return answer.status == 200
    except (URLError, OSError):
        return False


def until(holds, description, seconds=60):
    ends = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < ends, f"waited in vain until {description}"
        time.sleep(0.05)
