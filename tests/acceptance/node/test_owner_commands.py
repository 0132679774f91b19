"""What the owner asks of a real node and tells it, by the command line."""

import hashlib
import json
import subprocess
import sys

import pytest

from idlegrid.cli import main

from ..grids import free_port

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
