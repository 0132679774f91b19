"""A second machine joins over the lines that `idlegrid up` prints, pasted as they are.

The second machine is a network namespace: it reaches this one over a pair of virtual Ethernet devices, and nobody
else. What it would install from the ordinary package index it gets from a copy of that index on this machine; our
own packages come from the coordinator.
"""

import contextlib
import functools
import importlib.metadata
import importlib.util
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import types
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
IN_CI = os.environ.get("CI", "").lower() == "true"
INSTALL_SECONDS = 150.0
"""Making an environment and installing into it takes ten seconds on a machine that has nothing else to do."""

NOBODY_AT_THE_DESK = (
    "start_after_s = 0\nclear_for_s = 0\nbusy_above_pct = 100\nclear_below_pct = 100\n"
    'stop_on_battery = false\ninput = "not_applicable"\n'
)
"""The owner's policy on the second machine: it is in fact this one, and busy with tests."""


def done(*argv, **keywords):
    """Run a program to its end and return what it printed; it must succeed."""
    ended = subprocess.run(
        argv,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=INSTALL_SECONDS,
        **keywords,
    )
    assert ended.returncode == 0, f"{argv}: {ended.stdout}"
    return ended.stdout


def elsewhere(machine, *argv):
    return ["ip", "netns", "exec", machine.name, *argv]


@pytest.fixture(scope="module")
def machine():
    """The second machine: its `name`, and the `address` at which it reaches this one."""
    if sys.platform != "linux" or os.geteuid() != 0:
        pytest.skip("only root on Linux can make a second machine of a network namespace")
    if shutil.which("ip") is None:
        (pytest.fail if IN_CI else pytest.skip)("no `ip` on PATH (Debian: apt install iproute2)")
    number = os.getpid() % 2**14
    network = f"10.231.{number >> 6}"
    here, there = (number & 63) * 4 + 1, (number & 63) * 4 + 2
    name, near, far = f"idlegrid-{os.getpid()}", f"ig{os.getpid()}a", f"ig{os.getpid()}b"
    made = subprocess.run(["ip", "netns", "add", name], capture_output=True, text=True, check=False)
    if made.returncode != 0:
        (pytest.fail if IN_CI else pytest.skip)(f"no network namespace can be made here: {made.stderr.strip()}")
    try:
        done("ip", "link", "add", near, "type", "veth", "peer", "name", far, "netns", name)
        done("ip", "address", "add", f"{network}.{here}/30", "dev", near)
        done("ip", "link", "set", near, "up")
        done("ip", "-n", name, "address", "add", f"{network}.{there}/30", "dev", far)
        done("ip", "-n", name, "link", "set", far, "up")
        done("ip", "-n", name, "link", "set", "lo", "up")
        yield types.SimpleNamespace(name=name, address=f"{network}.{here}")
    finally:
        # The pair goes with either end; both, because processes that are still ending hold the namespace.
        subprocess.run(["ip", "link", "delete", near], check=False, capture_output=True)
        subprocess.run(["ip", "netns", "delete", name], check=False, capture_output=True)


@pytest.fixture(scope="module")
def our_wheels(tmp_path_factory):
    """What the coordinator serves: the wheels that scripts/start.py would build, from the sources as they are."""
    folder = tmp_path_factory.mktemp("dist")
    if importlib.util.find_spec("hatchling") is None:
        pytest.skip("hatchling, which builds the wheels for spare machines, is not installed")
    options = ["--no-deps", "--no-build-isolation", "--quiet", "--wheel-dir", str(folder)]
    done(sys.executable, "-m", "pip", "wheel", *options, str(ROOT / "client"), str(ROOT / "node_client"))
    return folder


@pytest.fixture(scope="module")
def ordinary_index(machine, tmp_path_factory):
    """A copy of the ordinary package index, as far as a node needs it, at an address the second machine reaches."""
    downloaded, index = tmp_path_factory.mktemp("downloaded"), tmp_path_factory.mktemp("index")
    wanted = [
        requirement
        for project in ("idlegrid", "idlegrid-node")
        for requirement in importlib.metadata.requires(project) or []
        if not requirement.startswith("idlegrid")
    ]
    done(sys.executable, "-m", "pip", "download", "--quiet", "--dest", str(downloaded), *wanted)
    for wheel in downloaded.iterdir():
        project = index / "simple" / re.sub(r"[-_.]+", "-", wheel.name.split("-")[0]).lower()
        project.mkdir(parents=True, exist_ok=True)
        wheel.rename(project / wheel.name)
    with ThreadingHTTPServer((machine.address, 0), functools.partial(QuietHandler, directory=str(index))) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        yield f"http://{machine.address}:{server.server_port}/simple/"
        server.shutdown()
        thread.join()


class QuietHandler(SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


@pytest.fixture(scope="module")
def up(machine, our_wheels, shared):
    """The grid on this machine, without a node, at an address that the second machine reaches."""
    return shared("--nodes", "0", "--host", machine.address, IDLEGRID_DIST_DIR=str(our_wheels))


def printed(up, heading):
    """The lines below a heading, as they are printed."""
    text = up.said(rf"(?s)^{re.escape(heading)}[^\n]*:\n(.*?)\n\n")[1]
    return [line.strip() for line in text.splitlines()]


@pytest.fixture(scope="module")
def spare(up, machine, ordinary_index, tmp_path_factory, eventually):
    """The second machine with the printed lines pasted into its shell; the home of who pasted them."""
    home = tmp_path_factory.mktemp("home")
    (home / "policy.toml").write_text(NOBODY_AT_THE_DESK)
    strange = re.compile("IDLEGRID_|PIP_|VIRTUAL_ENV|PYTHON|.*_proxy$", re.IGNORECASE)
    environment = {name: value for name, value in os.environ.items() if not strange.match(name)} | {
        "HOME": str(home),
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "PIP_CONFIG_FILE": os.devnull,
        "PIP_INDEX_URL": ordinary_index,
        "PIP_TRUSTED_HOST": machine.address,
        "IDLEGRID_NODE_POLICY": str(home / "policy.toml"),
    }
    lines, log = "\n".join(printed(up, "On a spare machine")), home / "shell.log"
    with log.open("wb") as output:
        shell = subprocess.Popen(
            elsewhere(machine, "bash", "-c", lines),
            env=environment,
            stdout=output,
            stderr=output,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
        )

    def look():
        assert shell.poll() is None, f"the pasted lines have ended:\n{log.read_text()[-3000:]}"
        return up.caller(key_of(up)).nodes()

    try:
        eventually(look, "the second machine has joined", INSTALL_SECONDS)
        yield types.SimpleNamespace(home=home, environment=environment)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(shell.pid, signal.SIGTERM)
        shell.wait(30)


def key_of(up):
    return up.said(r'api_key="([^"]+)"')[1]


@pytest.mark.timeout(400)
def test_the_second_machine_has_joined_and_runs_what_is_submitted(up, spare):
    caller = up.caller(key_of(up))
    assert [(node["profile"], node["status"]) for node in caller.nodes()] == [("desktop", "active")]
    run = caller.submit("import socket; print(6 * 7)")
    assert caller.ended(run)["result"] == "42"
    assert caller.whole(run)["worker_id"] == caller.nodes()[0]["id"]


def test_its_packages_came_from_the_coordinator(spare):
    pip = spare.home / ".idlegrid" / "venv" / "bin" / "pip"
    shown = done(str(pip), "list", "--format", "freeze", env=spare.environment)
    assert {"idlegrid", "idlegrid-node"} <= {line.split("==")[0] for line in shown.splitlines()}
    assert "idlegrid-server" not in shown


def test_the_lines_for_a_notebook_work_on_the_second_machine(up, spare, machine):
    _, *notebook = printed(up, "In a notebook elsewhere")
    python = spare.home / ".idlegrid" / "venv" / "bin" / "python"
    *before, last = notebook
    program = "\n".join([*before, f"print({last})"])
    assert done(*elsewhere(machine, str(python), "-c", program), env=spare.environment).strip() == "42"


@pytest.mark.parametrize("key", ["", "ig_" + "x" * 43], ids=["no key", "a wrong key"])
def test_without_a_key_nothing_is_taken_and_nothing_is_told(key, up):
    stranger = up.caller(key)
    for path, body in (
        ("/submit", {"code": "print(1)"}),
        ("/api/workers", None),
        ("/internal/heartbeat", {"node_id": "x"}),
    ):
        status, answer = stranger.ask(path, body)
        assert status == 401, (path, answer)
        assert "print" not in str(answer)


def test_the_join_token_lets_nobody_submit(up, spare):
    token = up.said(r"--join (\S+)")[1]
    assert up.caller(token).ask("/submit", {"code": "print(1)"})[0] == 403
