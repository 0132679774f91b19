"""The owner comes back at a real X server, and by a terminal: what computes stands still, and goes on later."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ...displays import virtual_display, x_server
from ..standin import NodeProcess

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
