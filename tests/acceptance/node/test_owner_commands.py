"""What the owner asks of a real node and tells it, by the command line."""

import contextlib
import hashlib
import json
import os
import shlex
import subprocess
import sys

import pytest

from idlegrid.cli import main

from ..grids import Program, clean_environment, eventually, free_port, slot_uids

ENDLESS = "import time\nfor n in range(100000):\n    print(n, flush=True)\n    time.sleep(0.02)"
FAR = "far" * 40
"""A folder so deep that its socket has no address of its own: unix(7) allows 108 bytes."""


@pytest.fixture
def owner(launch, capsys):
    """The command line, beside the node of this name: the exit status and what was printed."""

    def ask(*words, name="node"):
        capsys.readouterr()
        status = main(["node", "--data", str(launch.folder / name / "data"), *words])
        return status, capsys.readouterr().out

    def read(*words, **more):
        return json.loads(ask(*words, "--json", **more)[1])

    ask.read = read
    return ask


def apart(folder, *words):
    """The command in a process of its own: one that runs as root gives itself a view of the files."""
    command = [sys.executable, "-m", "idlegrid", "node", "--data", str(folder), *words]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)


def test_a_pause_freezes_what_runs_and_all_of_it_is_told_and_logged(coordinator, launch, owner):
    launch("--profile", "always")
    attempt = coordinator.submit(ENDLESS, timeout=60, submitter="ann\x1b[2J", trace_id="req_0123456789abcdef")
    coordinator.wait(lambda: "3" in coordinator.logged(attempt), "some output")
    told = owner.read("status")
    assert (told["state"], told["reason"], told["coordinator"]["reachable"]) == ("running", "always", True)
    assert [(held["run"], held["state"]) for held in told["runs"]] == [(attempt["run"], "running")]
    assert attempt["run"] in owner("status")[1]
    assert owner("pause", "1h")[0] == 0
    coordinator.wait(lambda: coordinator.states_of(attempt)[-1] == "frozen", "a heartbeat: frozen")
    assert coordinator.heartbeats[-1]["reason"] == "owner_paused"
    told = owner.read("status")
    assert told["pause"]["until"] - told["pause"]["since"] == pytest.approx(3600, abs=5)
    assert owner("resume")[0] == 0
    coordinator.wait(lambda: coordinator.states_of(attempt)[-1] == "running", "a heartbeat: running again")
    assert "running" in owner("log")[1]
    coordinator.order("stop", attempt, "cancelled")
    coordinator.report_of(attempt)
    [line] = owner.read("log")
    assert (line["outcome"], line["submitter"], line["trace_id"]) == ("cancelled", "ann\x1b[2J", attempt["trace_id"])
    assert line["sha256"] == hashlib.sha256(ENDLESS.encode()).hexdigest()
    assert r"ann\x1b[2J" in owner("log")[1]
    assert owner.read("status")["today"]["attempts"] == 1


def test_a_pause_outlives_a_killed_node_and_ends_with_its_time(coordinator, launch, owner):
    node = launch("--profile", "always", name=FAR)
    coordinator.wait_for_status("idle")
    assert owner("pause", name=FAR)[0] == 0
    coordinator.wait_for_status("paused")
    node.kill()
    assert owner("status", name=FAR)[0] == 3
    assert owner.read("status", name=FAR)["pause"]["until"] is None
    coordinator.heartbeats.clear()
    launch("--profile", "always", name=FAR)
    assert coordinator.wait_for_status("paused")["reason"] == "owner_paused"
    assert "obeys" in owner("pause", "1s", name=FAR)[1]
    coordinator.wait_for_status("idle")
    assert owner.read("status", name=FAR)["pause"] is None


def test_a_pause_without_a_node_is_kept_for_its_next_start(coordinator, launch, owner):
    node = launch("--profile", "always")
    coordinator.wait_for_status("idle")
    assert node.terminate() == 0
    assert "kept for its next start" in owner("pause", "1h")[1]
    launch("--profile", "always")
    coordinator.wait_for_status("paused")
    assert owner("resume")[0] == 0
    coordinator.wait_for_status("idle")


def test_the_doctor_tells_a_machine_that_can_work_from_one_that_cannot(coordinator, launch, owner):
    node = launch("--profile", "desktop", policy='input = "not_applicable"\nwatch_terminals = false\n')
    coordinator.wait(lambda: coordinator.heartbeats, "the first heartbeat")
    coordinator.wait(lambda: owner.read("doctor")["ok"], "a node that could work")
    names = {check["name"] for check in owner.read("doctor")["checks"]}
    assert {"probe cpu", "probe memory", "owner", "sandbox", "coordinator", "disk", "versions"} <= names
    assert node.terminate() == 0
    folder = launch.folder / "node" / "data"
    alone = apart(folder, "doctor", "--json")
    assert (alone.returncode, json.loads(alone.stdout)["running"]) == (0, False), alone.stdout + alone.stderr
    away = apart(folder, "--server", f"http://127.0.0.1:{free_port()}", "doctor")
    assert away.returncode == 1
    assert "FAIL  coordinator" in away.stdout


@pytest.fixture
def install(tmp_path):
    """`idlegrid node service install` as on a machine without systemd: how it ended, and the unit it wrote, or None."""
    away = clean_environment() | {"HOME": str(tmp_path), "XDG_CONFIG_HOME": str(tmp_path / "config"), "PATH": "/none"}

    def call(*words):
        command = [sys.executable, "-m", "idlegrid", "node", "--data", str(tmp_path / "data"), "service", "install"]
        done = subprocess.run(
            [*command, "--user", *words], env=away, capture_output=True, text=True, check=False, timeout=120
        )
        unit = tmp_path / "config" / "systemd" / "user" / "idlegrid-node.service"
        return done, unit.read_text() if unit.exists() else None

    return call


@pytest.fixture
def started(folder):
    """Start what a unit says; it is ended with the test."""
    unheard = dict.fromkeys(("DBUS_SYSTEM_BUS_ADDRESS", "DBUS_SESSION_BUS_ADDRESS"), "unix:path=/none")
    environment = unheard | {"DISPLAY": "", "IDLEGRID_NODE_SLOT_UID": str(next(slot_uids))}
    with contextlib.ExitStack() as stack:

        def start(unit):
            [line] = [line for line in unit.splitlines() if line.startswith("ExecStart=")]
            node = Program("service", folder, shlex.split(line.removeprefix("ExecStart=")), environment)
            stack.callback(node.close)
            node.start()

        yield start


def test_an_installed_node_follows_its_operator_as_far_as_its_owner_lets_it(whole, install, started, tmp_path, capsys):
    grid = whole("--nodes", "0", hasty=True, IDLEGRID_AUTH="required")
    operator = grid.caller(json.loads((grid.data / "keys.json").read_text())["admin_key"])
    assert main(["keys", "join", "--data", str(grid.data)]) == 0
    token = capsys.readouterr().out.split()[-1]
    (tmp_path / "mine.toml").write_text("start_after_s = 400\n")
    words = ("--server", operator.url, "--name", "lab-1", "--policy-file", str(tmp_path / "mine.toml"))
    refused, unit = install(*words, "--join", f"{token}x")
    assert (refused.returncode, unit) == (1, None)
    assert "does not take the join token" in refused.stderr
    written, unit = install(*words, "--join", token)
    assert written.returncode == 3, written.stderr
    assert token not in unit + written.stdout
    assert os.stat(tmp_path / "data" / "keys.json").st_mode & 0o777 == 0o600

    def shown():
        main(["node", "policy", "show", "--data", str(tmp_path / "data")])
        return capsys.readouterr().out

    def push(values):
        status, answer = operator.ask("/api/workers/lab-1", {"policy": values}, method="PUT")
        assert status == 200, answer

    def told():
        return operator.get("/api/workers/lab-1")["data"]["policy"]

    started(unit)
    eventually(lambda: operator.ask("/api/workers/lab-1")[0] == 200 and told()["values"], "the node's own policy")
    push({"start_after_s": 900, "max_frozen_s": 60})
    eventually(lambda: "max_frozen_s = 60.0  # operator" in shown(), "the operator's value in the owner's policy")
    assert f"start_after_s = 400.0  # file {tmp_path}/mine.toml, against the operator" in shown()
    eventually(lambda: told()["values"]["max_frozen_s"] == 60 and "start_after_s" in told()["refused"], "both are told")
    push({"input": "not_applicable", "max_frozen_s": 30})
    eventually(lambda: "input is for the owner of the machine to say" in told()["refused"], "a refusal")
    assert (told()["values"]["input"], told()["values"]["max_frozen_s"]) == ("required", 60)
    push(None)
    eventually(lambda: "max_frozen_s = 600.0  # profile desktop" in shown(), "all of it is taken back")
