"""The owner comes back at a real X server, and by a terminal: what computes stands still, and goes on later."""

import json
import os
import pty
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from ...displays import virtual_display, x_server
from ..standin import NodeProcess, StandIn

POLICY = """
start_after_s = 2.0
resume_after_s = 1.0
busy_if_input_within_s = 0.8
busy_above_pct = 100.0
evict_below_free_memory_pct = 0.0
stop_on_battery = false
warm_sandboxes = 0
watch_terminals = {terminals}
"""
WORK = "import time\nwhile True: time.sleep(0.05)"


@pytest.fixture
def display() -> Iterator[str]:
    with virtual_display() as name:
        yield name


def story(coordinator: StandIn, node: NodeProcess, come_back: Callable[[], object]) -> None:
    """A run computes; the owner comes back, and it is frozen; the owner goes, and it goes on."""
    attempt = coordinator.submit(WORK, timeout=150)
    coordinator.wait(lambda: coordinator.states_of(attempt)[-1:] == ["running"], "a heartbeat: running")

    def coming_back() -> bool:
        come_back()
        return coordinator.states_of(attempt)[-1] == "frozen"

    coordinator.wait(coming_back, "a heartbeat: frozen")
    assert coordinator.heartbeats[-1]["reason"] == "input"
    coordinator.wait(lambda: coordinator.states_of(attempt)[-1] == "running", "a heartbeat: running again")
    coordinator.order("stop", attempt, "cancelled")
    assert coordinator.report_of(attempt)["outcome"] == "cancelled"
    assert node.terminate() == 0


def test_a_key_at_an_x_server_freezes_what_runs(coordinator, tmp_path: Path, display):
    policy = POLICY.format(terminals="false")
    node = NodeProcess(coordinator.url, tmp_path, "--profile", "desktop", policy=policy, settings={"DISPLAY": display})
    try:
        keys = ["xdotool", "key", "a"]
        story(coordinator, node, lambda: subprocess.run(keys, check=True, env={**os.environ, "DISPLAY": display}))
    finally:
        if node.running:
            node.kill()


def test_a_node_whose_x_server_hangs_is_unknown_until_it_answers_again(coordinator, tmp_path: Path):
    policy = POLICY.format(terminals="false") + "poll_watching_s = 0.5\n"
    with x_server() as display:
        settings = {"DISPLAY": display.name}
        node = NodeProcess(coordinator.url, tmp_path, "--profile", "desktop", policy=policy, settings=settings)
        try:
            coordinator.wait_for_status("idle")
            display.hang()
            assert coordinator.wait_for_status("unknown")["reason"] == "probe_unknown"
            assert said(tmp_path, "status")["signal"] == "input_idle_s"
            assert "does not answer" in said(tmp_path, "status")["why"]
            checks = {check["name"]: check for check in said(tmp_path, "doctor")["checks"]}
            assert checks["probe X11"]["answer"] == "cannot tell"
            assert "start the node without DISPLAY" in checks["probe X11"]["remedy"]
            assert checks["owner"]["ok"] is False
            display.go_on()
            coordinator.wait_for_status("idle")
            assert '"signal": "input_idle_s", "age_s": 0.0, "why": "X11' in node.log.read_text()
            assert node.terminate() == 0
        finally:
            if node.running:
                node.kill()


def said(folder: Path, verb: str) -> dict[str, Any]:
    """What a running node tells its owner."""
    command = [sys.executable, "-m", "idlegrid_node", verb, "--json", "--data", str(folder / "data")]
    told: dict[str, Any] = json.loads(subprocess.run(command, stdout=subprocess.PIPE, check=False).stdout)
    return told


def test_typing_on_a_terminal_freezes_what_runs(coordinator, tmp_path: Path):
    ours, theirs = pty.openpty()
    node = NodeProcess(coordinator.url, tmp_path, "--profile", "desktop", policy=POLICY.format(terminals="true"))
    try:
        # what reading a terminal does, without the 8 s to which the kernel rounds
        story(coordinator, node, lambda: os.utime(os.ttyname(theirs)))
    finally:
        os.close(ours)
        os.close(theirs)
        if node.running:
            node.kill()
