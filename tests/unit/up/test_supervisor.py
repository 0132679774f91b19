"""The supervisor over real processes that stand in for the parts of a grid."""

import os
import signal
from pathlib import Path

STAY = "import os, time; print(os.getpid()); time.sleep(600)"
DEAF = "import os, signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print(os.getpid()); time.sleep(600)"


def test_a_child_that_is_killed_is_started_again_and_said_so(script_grid, until, alive):
    grid = script_grid({"name": "steady", "code": STAY})
    first = int(grid.log("steady")[0])
    os.kill(first, signal.SIGKILL)
    assert "starting it again in 1 s" in grid.said("steady was ended by SIGKILL")
    second = int(grid.log("steady", at_least=2)[1])
    assert alive(second)
    assert second != first


def test_the_line_about_a_dead_child_quotes_its_last_words(script_grid):
    grid = script_grid({"name": "sad", "code": "import sys; print('no disk'); sys.exit(3)"})
    assert "no disk" in grid.said("sad ended with status 3")


def test_a_program_that_is_not_there_is_reported_like_a_child_that_died(script_grid):
    grid = script_grid({"name": "ghost", "argv": ["/nowhere/ghost"]})
    assert "cannot be started" in grid.said("ghost ended with status 127")


def test_a_child_waits_for_its_condition(script_grid):
    grid = script_grid(
        {"name": "early", "code": STAY, "needs": ["up"]}, {"name": "never", "code": STAY, "needs": ["other"]}
    )
    grid.log("early")
    grid.signal(signal.SIGTERM)
    assert grid.wait() == 0
    assert (grid.logs / "never.log").read_text() == ""


def test_children_end_in_order_and_redis_last(script_grid, tmp_path):
    order = tmp_path / "order"
    code = (
        "import signal, sys, time\n"
        "def end(*_):\n"
        f"    open({str(order)!r}, 'a').write('NAME\\n'); sys.exit(0)\n"
        "signal.signal(signal.SIGTERM, end)\n"
        "print('up', flush=True)\n"
        "time.sleep(600)"
    )
    stages = ["REDIS", "COORDINATOR", "WORKERS", "NODES"]
    grid = script_grid(*({"name": s, "stage": s, "code": code.replace("NAME", s)} for s in stages))
    for stage in stages:
        grid.log(stage)
    grid.signal(signal.SIGINT)
    assert grid.wait() == 0
    assert order.read_text().split() == ["NODES", "WORKERS", "COORDINATOR", "REDIS"]


def test_a_second_request_kills_what_does_not_end(script_grid, alive):
    grid = script_grid({"name": "deaf", "code": DEAF})
    pid = int(grid.log("deaf")[0])
    grid.signal(signal.SIGINT)
    grid.said("Stopping")
    assert alive(pid)
    grid.signal(signal.SIGINT)
    grid.said("deaf does not end by itself, killing it")
    assert grid.wait() == 0
    assert not alive(pid)


def test_children_die_with_a_supervisor_that_is_killed(script_grid, until, alive):
    grid = script_grid({"name": "orphan", "code": DEAF})
    pid = int(grid.log("orphan")[0])
    grid.signal(signal.SIGKILL)
    until(lambda: not alive(pid), "the child of the killed supervisor is gone")


def test_what_a_child_leaves_behind_in_a_session_of_its_own_is_ended(script_grid, until, alive):
    leave = (
        "import os, sys, time\n"
        "if os.fork() == 0:\n"
        "    os.setsid(); print(os.getpid(), flush=True); time.sleep(600)\n"
        "time.sleep(600)"
    )
    grid = script_grid({"name": "parent", "code": leave})
    left = int(grid.log("parent")[0])
    grid.signal(signal.SIGTERM)
    assert grid.wait() == 0
    assert not alive(left)


def test_a_dead_childs_own_children_do_not_go_on_beside_its_successor(script_grid, until, alive):
    code = "import os, time\nif os.fork() == 0: time.sleep(600)\nprint(os.getpid(), flush=True)\ntime.sleep(600)"
    grid = script_grid({"name": "leader", "code": code})
    leader = int(grid.log("leader")[0])
    member = int(Path(f"/proc/{leader}/task/{leader}/children").read_text().split()[0])
    os.kill(leader, signal.SIGKILL)
    until(lambda: not alive(member), "the member of its group is gone")


def test_a_child_that_prints_without_end_keeps_nobody_waiting(script_grid, until):
    loud = "import os\nwhile True: os.write(1, b'x' * 65535 + b'\\n')"
    grid = script_grid({"name": "loud", "code": loud}, {"name": "steady", "code": STAY})
    until((grid.logs / "loud.log.1").exists, "the loud one's log has been rotated")
    os.kill(int(grid.log("steady")[0]), signal.SIGKILL)
    grid.log("steady", at_least=2)
    grid.signal(signal.SIGTERM)
    assert grid.wait() == 0
    assert sum(p.stat().st_size for p in grid.logs.glob("loud.log*")) <= 2 * 8 * 2**20


def test_an_essential_child_with_wrong_settings_ends_it_all_with_its_last_words(script_grid, alive):
    grid = script_grid(
        {"name": "steady", "code": STAY},
        {"name": "vital", "code": "import sys; print('IDLEGRID_X: bad'); sys.exit(2)", "essential": True},
    )
    assert "IDLEGRID_X: bad" in grid.said("error: vital ended with status 2")
    assert grid.wait() == 1
