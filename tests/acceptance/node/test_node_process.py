"""A real node process over real HTTP: leases, orders, the spool, its ends."""

import json
import signal
import subprocess
import sys

SLEEP = "import time\ntime.sleep(60)"
CROWD = (
    "import os, time\nfor _ in range(19):\n    if os.fork() == 0: break\nprint('crowd', flush=True)\nwhile True: pass"
)


def started(coordinator, attempt):
    coordinator.wait(lambda: coordinator.states_of(attempt), "a heartbeat that lists the attempt")
    return attempt


def test_the_first_heartbeat_introduces_the_node(coordinator, launch):
    launch("--profile", "always", "--slots", "3", "--name", "lab-07", "--labels", "gpu,big")
    beat = coordinator.wait_for_status("idle")
    assert (beat["node_id"], beat["slots"], beat["labels"]) == ("lab-07", 3, ["gpu", "big"])
    assert (beat["reason"], beat["profile"]) == ("always", "always")
    assert beat["sandbox"]["level"] >= 3
    assert beat["sandbox"]["backend"] == "bubblewrap"
    assert beat["resources"]["memory_mb"] > 100
    assert beat["attempts"] == []


def test_a_node_keeps_its_name_over_a_restart(coordinator, launch):
    first = launch()
    name = coordinator.wait_for_status("idle")["node_id"]
    assert first.terminate() == 0
    coordinator.heartbeats.clear()
    launch()
    assert coordinator.wait_for_status("idle")["node_id"] == name


def test_a_second_node_on_the_same_folder_is_refused(coordinator, launch):
    launch()
    coordinator.wait_for_status("idle")
    second = launch()
    assert second.wait() != 0
    assert "another node works in" in second.log.read_text()


def test_a_wrong_setting_is_named(coordinator, launch):
    node = launch("--profile", "desktop", policy="start_after = 3")
    assert node.wait() != 0
    assert "start_after is not known" in node.log.read_text()


def test_the_poll_asks_for_nothing_while_the_node_is_full(coordinator, launch):
    launch("--profile", "always", "--slots", "1")
    attempt = started(coordinator, coordinator.submit(SLEEP))
    coordinator.wait(lambda: coordinator.asked[-1] == ("poll", 0), "a poll with slots=0")
    coordinator.order("stop", attempt, "cancelled")
    assert coordinator.report_of(attempt)["outcome"] == "cancelled"
    coordinator.wait(lambda: coordinator.asked[-1] == ("poll", 1), "a poll with slots=1")


def test_a_flood_of_runs_is_worked_off_in_order(coordinator, launch):
    launch("--profile", "always", "--slots", "2")
    attempts = [coordinator.submit(f"print({n})") for n in range(20)]
    assert [coordinator.report_of(attempt)["result"] for attempt in attempts] == [str(n) for n in range(20)]
    assert len(coordinator.reports) == 20


def test_output_is_seen_while_the_run_goes_on(coordinator, launch):
    launch()
    attempt = coordinator.submit("print('first line')\n" + SLEEP)
    coordinator.wait(lambda: "first line\n" in coordinator.logged(attempt), "the first line in a heartbeat")
    assert coordinator.states_of(attempt)[-1] == "running"
    coordinator.order("stop", attempt, "cancelled")
    report = coordinator.report_of(attempt)
    assert (report["outcome"], report["result"]) == ("cancelled", "first line")


def test_an_attempt_whose_lease_is_gone_is_killed_without_a_report(coordinator, launch):
    node = launch(policy="warm_sandboxes = 0")
    attempt = started(coordinator, coordinator.submit(SLEEP))
    coordinator.order("stop", attempt, "lease_gone")
    coordinator.wait(lambda: not node.guests, "the sandbox to be gone")
    assert coordinator.run("print('next')")["result"] == "next"
    assert len(coordinator.reports) == 1


def test_a_draining_node_finishes_what_it_has_and_takes_no_more(coordinator, launch):
    launch("--profile", "always", "--slots", "2")
    running = started(coordinator, coordinator.submit("import time\ntime.sleep(1.5)\nprint('finished')"))
    coordinator.order("drain")
    coordinator.wait_for_status("draining")
    waiting = coordinator.submit("print('late')")
    assert coordinator.report_of(running)["result"] == "finished"
    assert coordinator.heartbeats[-1]["status"] == "draining"
    coordinator.order("resume")
    assert coordinator.report_of(waiting)["result"] == "late"


def test_work_that_comes_although_none_was_asked_for_is_given_back(coordinator, launch):
    launch("--profile", "always", "--slots", "1")
    coordinator.wait_for_status("idle")
    coordinator.order("drain")
    coordinator.wait_for_status("draining")
    coordinator.lease_always = True
    report = coordinator.run("print(1)")
    assert (report["outcome"], report["reason"]) == ("returned", "operator_drain")


def test_a_node_that_is_told_to_go_gives_its_work_back(coordinator, launch):
    node = launch()
    attempt = started(coordinator, coordinator.submit(SLEEP))
    guests = [process.pid for process in node.guests]
    assert guests
    assert node.terminate() == 0
    report = coordinator.report_of(attempt)
    assert (report["outcome"], report["reason"]) == ("returned", "shutdown")
    last = coordinator.heartbeats[-1]
    assert (last["status"], last["attempts"]) == ("offline", [])
    assert not any(map(_runs, guests))


def test_a_node_leaves_although_the_coordinator_is_gone(coordinator, launch):
    node = launch()
    started(coordinator, coordinator.submit(SLEEP))
    coordinator.failing = True
    assert node.terminate() == 0


def test_a_killed_node_leaves_no_process(coordinator, launch):
    node = launch()
    started(coordinator, coordinator.submit(CROWD))
    coordinator.wait(lambda: len(node.guests) >= 20, "20 busy processes")
    guests = [process.pid for process in node.guests]
    node.kill()
    coordinator.wait(lambda: not any(map(_runs, guests)), "all of them to be gone", 5.0)


def test_a_report_that_cannot_be_delivered_is_delivered_later(coordinator, launch):
    launch()
    attempt = started(coordinator, coordinator.submit("import time\ntime.sleep(1)\nprint('kept')"))
    coordinator.failing = True
    spool = coordinator.wait(lambda: _spooled(launch), "a spooled report")
    assert coordinator.reports == []
    assert json.loads(spool[0].read_text())["result"] == "kept"
    coordinator.failing = False
    assert coordinator.report_of(attempt)["result"] == "kept"
    coordinator.wait(lambda: not _spooled(launch), "the spool to be empty")


def test_a_spooled_report_survives_the_node(coordinator, launch):
    node = launch()
    attempt = started(coordinator, coordinator.submit("import time\ntime.sleep(1)\nprint('kept')"))
    coordinator.failing = True
    coordinator.wait(lambda: _spooled(launch), "a spooled report")
    node.kill()
    coordinator.failing = False
    coordinator.heartbeats.clear()
    launch()
    assert coordinator.report_of(attempt)["result"] == "kept"
    assert coordinator.states_of(attempt)[0] == "stopping"


def test_another_coordinator_never_gets_a_spooled_report(coordinator, launch):
    launch()
    started(coordinator, coordinator.submit("import time\ntime.sleep(1)\nprint('kept')"))
    coordinator.failing = True
    coordinator.wait(lambda: _spooled(launch), "a spooled report")
    coordinator.server_id = "an0ther1"
    coordinator.failing = False
    assert coordinator.run("print('for the new one')")["result"] == "for the new one"
    assert [report["result"] for report in coordinator.reports] == ["for the new one"]
    assert len(_spooled(launch)) == 1


def test_a_conflict_ends_a_spooled_report(coordinator, launch):
    launch()
    attempt = started(coordinator, coordinator.submit("import time\ntime.sleep(1)"))
    coordinator.conflicts.add(attempt["lease_id"])
    coordinator.failing = True
    coordinator.wait(lambda: _spooled(launch), "a spooled report")
    coordinator.failing = False
    coordinator.wait(lambda: not _spooled(launch), "the spool to be empty")


def test_a_node_needs_a_coordinators_address():
    answer = subprocess.run(
        [sys.executable, "-m", "idlegrid_node", "--server", ""], capture_output=True, text=True, check=False
    )
    assert answer.returncode == 1
    assert "--server URL" in answer.stderr


def test_ctrl_c_ends_a_node_cleanly(coordinator, launch):
    node = launch()
    coordinator.wait_for_status("idle")
    node.send(signal.SIGINT)
    assert node.wait() == 0


def _spooled(launch):
    return sorted(launch.folder.glob("node/data/spool/5eed0001/*.json"))


def _runs(pid):
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
