"""The ways in which sandboxes of this kind are known to fail, each by name."""

import ast
import os
import stat
import subprocess
import time
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from idlegrid_node.errors import SandboxUnavailable
from idlegrid_node.sandbox.backend import Backend, Kind
from idlegrid_node.sandbox.bwrap import Interpreter
from idlegrid_node.sandbox.sandbox import Sandbox

from . import witness
from .conftest import skip_unless_possible
from .site import site as open_site
from .table import TABLE
from .verdicts import packed

SERVED_BY = {
    # the pitfall: the programs of the table (or tests of this folder) that would fail because of it
    "the starter's environment shows in /proc/1/environ": ["02_node_secrets"],
    "a sandbox started as root is root outside": ["19_kernel_settings", "31_privileges"],
    "the sandbox's own memory file systems take half the memory": ["11_full_disk", "10_memory_in_files"],
    "the code limits its parent by prlimit": ["17_other_processes"],
    "Landlock alone lets UDP and path sockets through": ["04_network", "05_desktop_sockets"],
    "a session of its own makes nice useless": ["16_many_sessions", "27_priority"],
    "the death signal follows the thread that started the sandbox": [],
    "the filter's descriptor is used up by one start": [],
    "a process limit outside counts the owner's processes": ["07_fork_bomb"],
    "a kill without a stop before it takes seconds": ["16_many_sessions"],
    "killing the group or the tree misses daemons and chains of forks": ["15_daemon", "16_many_sessions"],
    "a crash handler runs although no core may be dumped": ["35_crowd_of_files"],
    "/proc names the owner's keys and folders": ["21_keyring"],
    "no limit covers a sandbox that never becomes ready": [],
    "inside another sandbox or container the start fails": [],
    "closed output is taken for the end, or the end waits for output": ["14_silent", "15_daemon"],
}
CROWD = 80
"""More processes than a run may have."""


def test_every_pitfall_is_served_by_a_program_or_by_a_test_here():
    own = {name for name in globals() if name.startswith("test_pitfall_")}
    assert {program for programs in SERVED_BY.values() for program in programs} <= {program.id for program in TABLE}
    bare = [number for number, programs in enumerate(SERVED_BY.values(), 1) if not programs]
    assert [n for n in bare if not any(name.startswith(f"test_pitfall_{n:02}_") for name in own)] == []


def test_pitfall_06_the_sandbox_goes_last_even_in_a_session_of_its_own(site):
    attempt, mark = site.submit_code(packed("import time\nimport tries\ntime.sleep(30)"))
    site.grid.wait(lambda: witness.marked(mark), "the code runs")
    pid = next(process.pid for process in site.node.guests if witness.carries(process.pid, mark))
    path = Path(f"/proc/{pid}/autogroup")
    if path.exists() and session_of(pid) != session_of(site.node.pid):
        site.grid.wait(lambda: path.read_text().split()[-1] == "19", "its session's group goes last")
    assert os.getpriority(os.PRIO_PROCESS, pid) == 19
    assert os.sched_getscheduler(pid) == os.SCHED_IDLE
    assert psutil.Process(pid).ionice().ioclass == psutil.IOPRIO_CLASS_IDLE
    site.grid.order("stop", attempt, "cancelled")
    site.grid.report_of(attempt)


def session_of(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[3])


def test_pitfall_07_a_sandbox_outlives_the_thread_that_ran_the_one_before(site):
    """Threads of the node come and go with runs; a sandbox that waits must not go with them."""
    for _ in range(2):
        attempts = [site.submit_code("import time\ntime.sleep(0.05)\nprint('done')")[0] for _ in range(6)]
        assert [site.grid.report_of(attempt)["result"] for attempt in attempts] == ["done"] * 6


def test_pitfall_08_every_start_has_the_filter_not_only_the_first(site):
    # setsid is denied by nothing but the filter; the child is no group leader, so it would succeed
    code = (
        "import os\npid = os.fork()\nif not pid:\n    try: os.setsid()\n    except PermissionError: os._exit(7)\n"
        "    os._exit(0)\nprint(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))"
    )
    attempts = [site.submit_code(code)[0] for _ in range(8)]
    assert [site.grid.report_of(attempt)["result"] for attempt in attempts] == ["7"] * 8


def test_pitfall_09_a_busy_owner_does_not_use_up_the_processes_of_a_run(site):
    """The owner's own processes, of the same user, are more than a run may have."""
    uid = site.witness.guests[0] if site.witness.guests and site.user == "ordinary" else None
    crowd = [subprocess.Popen(["/bin/cat"], stdin=subprocess.PIPE, user=uid) for _ in range(CROWD)]
    try:
        code = "import subprocess\nprint([subprocess.run(['true']).returncode for _ in range(5)])"
        assert site.result(code)["result"] == "[0, 0, 0, 0, 0]"
    finally:
        for process in crowd:
            process.communicate()


def test_pitfall_13_mounts_do_not_name_the_owners_folders(site):
    code = "try: print(open('/proc/self/mountinfo').read())\nexcept OSError as error: print(error.errno)"
    found = site.result(code)["result"]
    assert str(site.witness.home.path) not in found
    assert str(site.folder) not in found


def test_pitfall_14_a_sandbox_that_never_becomes_ready_is_given_up_and_leaves_nothing(tmp_path):
    dead_end = tmp_path / "bwrap"
    dead_end.write_text(f"#!/bin/sh\nsleep 30; : {tmp_path}\n")
    dead_end.chmod(stat.S_IRWXU)
    backend = Backend(Kind.BUBBLEWRAP, Interpreter("/usr/bin/python3", ""), bwrap=str(dead_end))
    sandbox = Sandbox(backend, 64)
    with pytest.raises(SandboxUnavailable, match="within"):
        sandbox.wait_ready(0.2)
    sandbox.close()
    assert not sandbox.is_alive()


def test_pitfall_14_a_sandbox_whose_program_is_missing_says_so_at_once(tmp_path):
    backend = Backend(Kind.BUBBLEWRAP, Interpreter("/usr/bin/python3", ""), bwrap=str(tmp_path / "none"))
    with pytest.raises((OSError, SandboxUnavailable)):
        Sandbox(backend, 64).wait_ready(5.0)
    broken = replace(backend, bwrap="/bin/false")
    sandbox = Sandbox(broken, 64)
    with pytest.raises(SandboxUnavailable):
        sandbox.wait_ready(30.0)
    sandbox.close()


def test_pitfall_15_where_no_namespaces_can_be_had_the_node_says_so_and_does_with_less():
    """As in a container: the kernel refuses new namespaces. The level is lower, and the way up is given."""
    skip_unless_possible("ordinary", 2)
    with open_site("ordinary", 2, without_namespaces=True, most=4) as place:
        sandbox = place.grid.heartbeats[-1]["sandbox"]
        assert (sandbox["level"], sandbox["backend"]) == (2, "landlock")
        assert sandbox["reason"]
        assert sandbox["remedy"]


def test_pitfall_16_a_daemon_that_holds_the_output_open_does_not_delay_the_report(site):
    code = "import os, time\nif os.fork() == 0: time.sleep(60)\nprint('parent is done')"
    began = time.monotonic()
    report = site.result(code, timeout=50.0)
    assert (report["outcome"], report["result"]) == ("completed", "parent is done")
    assert time.monotonic() - began < 50


def test_the_node_tests_itself_and_says_how_it_went(site):
    sandbox = site.grid.heartbeats[-1]["sandbox"]
    assert sandbox["checks"] >= 20
    assert sandbox["passed"] == sandbox["checks"]
    assert sandbox["tested_at"] <= time.time()


def test_a_cancelled_program_takes_all_its_children_along(site):
    attempt, mark = site.submit_code(
        packed("import os\nimport tries\n[os.fork() for _ in range(3)]\nwhile True: pass"), timeout=30.0
    )
    site.grid.wait(lambda: len(witness.marked(mark)) == 8, "eight processes are busy")
    site.grid.order("stop", attempt, "cancelled")
    assert site.grid.report_of(attempt)["outcome"] == "cancelled"
    assert site.traces(mark) == []


def test_what_is_announced_as_environment_holds_nothing_of_the_nodes(site):
    names = ast.literal_eval(site.result("import os\nprint(sorted(os.environ))")["result"])
    theirs = set(os.environ) | {"IDLEGRID_API_KEY", "IDLEGRID_SECRET_OF_THE_OWNER"}
    ours = (
        "PATH",
        "PWD",
        "HOME",
        "TMPDIR",
        "LANG",
        "LD_LIBRARY_PATH",
        "IDLEGRID_PARAMETERS",
        "IDLEGRID_CHECKPOINT_DIR",
        "PYTHONDONTWRITEBYTECODE",
    )
    assert set(names) & theirs <= {*ours, "LC_CTYPE", "SHLVL", "_", "OMP_NUM_THREADS"}
