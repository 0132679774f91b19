"""The owner comes back: a key is pressed (a file is touched), and the guest stands still."""

import os
import re
import time
from datetime import datetime, timedelta

import psutil
import pytest

from idlegrid_node.sandbox.meter import NICEST

from ..owners import policy_text

BUSY_CROWD = (
    "import os\nfor _ in range(19):\n    if os.fork() == 0:\n        os.setpgid(0, 0)\n        break\n"
    "print('crowd', flush=True)\nwhile True: pass"
)
SLOW = "import time\nfor n in range(40):\n    print(n)\n    time.sleep(0.1)"
HOLDS = "import time\nkept = bytes([1]) * ({} << 20)\nprint('up', flush=True)\ntime.sleep(600)"


@pytest.fixture
def keyboard(tmp_path):
    """The machine's last input, long ago."""
    path = tmp_path / "last-input"
    path.touch()
    _age(path, 3600)
    return path


def policy(keyboard, **values):
    given = {
        "start_after_s": 2.0,
        "resume_after_s": 1.0,
        "busy_if_input_within_s": 0.8,
        "busy_above_pct": 100.0,
        "evict_below_free_memory_pct": 0.0,
        "watch_terminals": False,
        "stop_on_battery": False,
        "input_file": str(keyboard),
        **values,
    }
    return policy_text(**given)


def _age(path, seconds):
    then = time.time() - seconds
    os.utime(path, (then, then))


def _ticks(processes):
    total = 0
    for process in processes:
        with open(f"/proc/{process.pid}/stat") as file:
            words = file.read().rpartition(")")[2].split()
        total += int(words[11]) + int(words[12])
    return total


def traced_lines(node, attempt):
    return [line for line in node.log.read_text().splitlines() if attempt["trace_id"] in line]


def test_a_machine_in_use_takes_no_work(coordinator, launch, keyboard):
    keyboard.touch()
    launch(
        "--profile",
        "desktop",
        policy=policy(keyboard, busy_if_input_within_s=30.0, resume_after_s=30.0, start_after_s=60.0),
    )
    beat = coordinator.wait_for_status("busy")
    assert beat["reason"] == "input"
    coordinator.wait(lambda: coordinator.asked == [("poll", 0)], "a poll that asks for nothing")


def test_a_machine_left_alone_cools_and_then_takes_work(coordinator, launch, keyboard):
    attempt = coordinator.submit("print('at last')")
    keyboard.touch()
    node = launch("--profile", "desktop", policy=policy(keyboard, poll_watching_s=0.5, start_after_s=4.0))

    def typing():
        keyboard.touch()
        return coordinator.heartbeats and coordinator.heartbeats[-1]["status"] == "busy"

    coordinator.wait(typing, "a heartbeat: busy")
    assert coordinator.report_of(attempt)["result"] == "at last"
    states = re.findall(r'"state": "(\w+)"', node.log.read_text())
    assert states[states.index("busy") :] == ["busy", "cooling", "idle"]


def test_a_machine_that_its_owner_has_closed_takes_no_work(coordinator, launch, keyboard):
    now = datetime.now().astimezone()
    hours = {"closed_from": f"{now - timedelta(minutes=5):%H:%M}", "closed_until": f"{now + timedelta(hours=1):%H:%M}"}
    launch("--profile", "desktop", policy=policy(keyboard, closed_days="Mon-Sun", **hours))
    assert coordinator.wait_for_status("busy")["reason"] == "hours"
    coordinator.wait(lambda: coordinator.asked == [("poll", 0)], "a poll that asks for nothing")


def test_unknown_idleness_counts_as_busy(coordinator, launch, keyboard):
    keyboard.unlink()
    launch("--profile", "desktop", policy=policy(keyboard))
    assert coordinator.wait_for_status("unknown")["reason"] in {"probe_unknown", "starting"}
    coordinator.wait(lambda: coordinator.heartbeats[-1]["reason"] == "probe_unknown", "the reason")
    assert coordinator.asked in ([], [("poll", 0)])


def test_a_key_freezes_all_processes_and_a_pause_thaws_them(coordinator, launch, keyboard):
    node = launch("--profile", "desktop", policy=policy(keyboard, warm_sandboxes=0))
    attempt = coordinator.submit(BUSY_CROWD, timeout=60, trace_id="req_0123456789abcdef")
    coordinator.wait(lambda: len(node.guests) >= 20, "20 busy processes")
    coordinator.wait(lambda: coordinator.states_of(attempt)[-1:] == ["running"], "a heartbeat: running")

    def typing():
        keyboard.touch()
        return coordinator.states_of(attempt)[-1] == "frozen"

    coordinator.wait(typing, "a heartbeat: frozen")
    assert coordinator.heartbeats[-1]["reason"] == "input"
    guests = stand_for_a_while(coordinator, node, keyboard)
    before = _ticks(guests)
    coordinator.wait(lambda: coordinator.states_of(attempt)[-1] == "running", "a heartbeat: running again")
    coordinator.wait(lambda: _ticks(guests) > before, "work going on")
    coordinator.order("stop", attempt, "cancelled")
    assert coordinator.report_of(attempt)["outcome"] == "cancelled"
    steps = re.findall(r'"event": "(\w+)"', "\n".join(traced_lines(node, attempt)))
    assert (steps[:3], steps[-1]) == (["run_started", "run_frozen", "run_thawed"], "run_ended")


def test_a_supervisor_that_does_not_get_its_turn_costs_neither_the_owner_nor_the_run_anything(
    coordinator, launch, keyboard
):
    node = launch("--profile", "desktop", policy=policy(keyboard, warm_sandboxes=0))
    attempt = coordinator.submit(BUSY_CROWD, timeout=60)
    coordinator.wait(lambda: len(code_of(node)) == 20, "20 busy processes")
    coordinator.wait(lambda: coordinator.states_of(attempt)[-1:] == ["running"], "a heartbeat: running")
    supervisor = code_of(node)[0].parent()
    supervisor.suspend()

    def typing():
        keyboard.touch()
        return coordinator.states_of(attempt)[-1] == "frozen"

    coordinator.wait(typing, "a heartbeat: frozen")
    guests = stand_for_a_while(coordinator, node, keyboard)
    before = _ticks(guests)
    supervisor.resume()
    coordinator.wait(lambda: coordinator.states_of(attempt)[-1] == "running", "a heartbeat: running again")
    coordinator.wait(lambda: _ticks(guests) > before, "work going on")
    coordinator.order("stop", attempt, "cancelled")
    assert coordinator.report_of(attempt)["outcome"] == "cancelled"


def code_of(node):
    """The processes of submitted code: those that are as nice as can be."""
    return [process for process in node.guests if process.nice() == NICEST]


def stand_for_a_while(coordinator, node, keyboard):
    """Type until every process of the code stands, and a while longer in which none does anything; returns them."""
    guests = code_of(node)

    def typing():
        keyboard.touch()
        return all(process.status() == psutil.STATUS_STOPPED for process in guests)

    coordinator.wait(typing, "every process stands")
    before, deadline = _ticks(guests), time.monotonic() + 0.7
    coordinator.wait(lambda: typing() and time.monotonic() > deadline, "a while of typing")
    assert _ticks(guests) == before
    return guests


def test_the_clock_of_a_frozen_run_stands_still(coordinator, launch, keyboard):
    launch("--profile", "desktop", policy=policy(keyboard, resume_after_s=3.0, start_after_s=3.0))
    attempt = coordinator.submit(SLOW, timeout=6)
    coordinator.wait(lambda: "5" in coordinator.logged(attempt), "some output")
    keyboard.touch()
    coordinator.wait(lambda: coordinator.states_of(attempt)[-1] == "frozen", "a heartbeat: frozen")
    report = coordinator.report_of(attempt)
    assert (report["outcome"], report["result"].splitlines()[-1]) == ("completed", "39")
    assert report["usage"]["wall_seconds"] < report["finished_at"] - report["started_at"] - 1.5


def test_an_owner_who_stays_gets_the_machine_back(coordinator, launch, keyboard):
    node = launch("--profile", "desktop", policy=policy(keyboard, max_frozen_s=1.0))
    attempt = coordinator.submit(SLOW)
    coordinator.wait(lambda: coordinator.states_of(attempt), "the attempt in a heartbeat")

    def typing():
        keyboard.touch()
        return coordinator.reports

    coordinator.wait(typing, "the report")
    report = coordinator.report_of(attempt)
    assert (report["outcome"], report["reason"]) == ("evicted", "max_frozen")
    coordinator.wait(lambda: not node.guests, "no process of a sandbox is left")
    coordinator.wait_for_status("busy")


def test_a_guest_that_holds_memory_is_evicted_in_time_and_the_coordinator_hears_how_long_it_took(
    coordinator, launch, keyboard
):
    prompt = {"memory_back_s": 4.0, "memory_short_back_s": 3.0, "evict_grace_s": 0.5, "max_frozen_s": 600.0}
    node = launch("--profile", "desktop", policy=policy(keyboard, frozen_memory_mb=100.0, warm_sandboxes=0, **prompt))
    attempt = coordinator.submit(HOLDS.format(150))
    coordinator.wait(lambda: "up" in coordinator.logged(attempt), "the memory is taken")

    def typing():
        keyboard.touch()
        return coordinator.reports

    coordinator.wait(typing, "the report")
    report = coordinator.report_of(attempt)
    assert (report["outcome"], report["reason"]) == ("evicted", "memory_held")
    told = reclaim_told_by(coordinator)
    assert (told["reason"], told["signal"], told["outcome"]) == ("input", "input_idle_s", "evicted")
    assert told["memory_mb"] >= 150
    assert 0 <= told["frozen_s"] < told["memory_s"]
    coordinator.wait(lambda: not node.guests, "no process of a sandbox is left")
    coordinator.wait(lambda: not coordinator.heartbeats[-1].get("reclaims"), "a heartbeat that does not tell it again")
    assert coordinator.heartbeats[0]["utc_offset"] == time.localtime().tm_gmtoff
    assert "utc_offset" not in coordinator.heartbeats[-1]


def test_a_guest_that_holds_little_stays_frozen_under_the_same_policy_and_goes_on(coordinator, launch, keyboard):
    prompt = {"memory_back_s": 3.0, "memory_short_back_s": 2.0, "evict_grace_s": 0.0, "resume_after_s": 3.0}
    node = launch("--profile", "desktop", policy=policy(keyboard, frozen_memory_mb=100.0, start_after_s=4.0, **prompt))
    attempt = coordinator.submit(HOLDS.format(1))
    coordinator.wait(lambda: "up" in coordinator.logged(attempt), "it runs")
    deadline = time.monotonic() + prompt["memory_back_s"]

    def typing():
        keyboard.touch()
        return time.monotonic() > deadline and coordinator.states_of(attempt)[-1] == "frozen"

    coordinator.wait(typing, "it is still frozen")
    told = reclaim_told_by(coordinator)
    assert (told["outcome"], told["memory_mb"] < 100) == ("thawed", True)
    coordinator.wait(lambda: coordinator.states_of(attempt)[-1] == "running", "a heartbeat: running again")
    assert len(re.findall(r'"event": "reclaimed"', node.log.read_text())) == 1
    coordinator.order("stop", attempt, "cancelled")
    assert coordinator.report_of(attempt)["outcome"] == "cancelled"


def reclaim_told_by(coordinator):
    coordinator.wait(lambda: any(beat.get("reclaims") for beat in coordinator.heartbeats), "a reclaim is told")
    (told,) = next(beat["reclaims"] for beat in coordinator.heartbeats if beat.get("reclaims"))
    return told
