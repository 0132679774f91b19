"""Each limit ends a run by its own name, at every level; and what a report says was used is what was used."""

import time

import pytest

from .machines import ALWAYS, PATIENCE, Bubblewrap, Keyboard, Machine, at_level, machine, need_level, other_machine

SLEEP = "import time\nprint('up', flush=True)\ntime.sleep(60)"
SPIN = "print('up', flush=True)\nwhile True: pass"
ONE_GREEDY = "kept = []\nwhile True: kept.append(b'x' * 2**22)"
FOUR_GREEDY = (
    "import os, time\nfor _ in range(4):\n    if os.fork() == 0:\n        kept = b'x' * (40 * 2**20)\n"
    "        time.sleep(60)\nos.wait()"
)
FORKS = "import os, time\nfor _ in range(300):\n    if os.fork() == 0: time.sleep(60); os._exit(0)\ntime.sleep(60)"
STUBBORN_FORKS = (
    "import os, time\nwhile True:\n    try:\n        if os.fork() == 0: time.sleep(60)\n    except OSError: pass"
)
THREADS = "import threading, time\nfor _ in range(300): threading.Thread(target=time.sleep, args=(60,)).start()"
PRINT = "while True: print('x' * 1000)"
FILL = "import time\nfor n in range(400): open(f'{n}', 'wb').write(bytes(2**20))\ntime.sleep(60)"
ONE_FILE = "file = open('big', 'wb')\nfor _ in range(400): file.write(bytes(2**20))"
DEEP = (
    "import os, time\nfor _ in range(1200):\n    os.mkdir('d')\n    os.chdir('d')\n"
    "for n in range(400):\n    open(f'{n}', 'wb').write(bytes(2**20))\ntime.sleep(60)"
)
UNSEEN = (
    "import os, time\nopened = []\n"
    "for n in range(8):\n    opened.append(open(f'{n}', 'wb'))\n    os.unlink(f'{n}')\n"
    "for n in range(400):\n    opened[n % 8].write(bytes(2**20))\ntime.sleep(60)"
)
SPARSE = "open('sparse', 'wb').truncate(2**40)"

USED = (
    "import os, threading, time\n"
    "for _ in range(3):\n    if os.fork() == 0: time.sleep(60); os._exit(0)\n"
    "kept = b'x' * (80 * 2**20)\n"
    "for _ in range(4): threading.Thread(target=time.sleep, args=(60,), daemon=True).start()\n"
    "print('up', flush=True)\n"
    "while time.process_time() < 0.3: pass\n"
    "time.sleep(60)"
)
USED_TASKS = 1 + 4 + 3

FAILED = [
    ("memory_limit", ONE_GREEDY, 96),
    ("memory_limit", FOUR_GREEDY, 128),
    ("process_limit", FORKS, 512),
    ("process_limit", STUBBORN_FORKS, 512),
    ("process_limit", THREADS, 512),
    ("output_limit", PRINT, 512),
    ("disk_limit", FILL, 512),
    ("disk_limit", ONE_FILE, 512),
    ("disk_limit", SPARSE, 512),
    ("user_error", "1 / 0", 512),
    ("user_error", "raise SystemExit(3)", 512),
]
CASES = (
    "one process",
    "four processes",
    "forks",
    "stubborn forks",
    "threads",
    "output",
    "many files",
    "one file",
    "sparse file",
    "exception",
    "exit status",
)


@pytest.fixture(scope="module", params=[4, 3], ids=lambda level: f"level{level}")
def node(request, tmp_path_factory):
    """A node of this level, with two slots, for all tests."""
    settings = at_level(request.param)
    with machine(tmp_path_factory.mktemp("node"), *ALWAYS, "--slots", "2", settings=settings) as there:
        need_level(there, request.param)
        yield there


@pytest.fixture(scope="module")
def watched(tmp_path_factory):
    """A node without file systems of its own for its runs: level 2."""
    with machine(tmp_path_factory.mktemp("watched"), *ALWAYS, settings=at_level(2)) as there:
        need_level(there, 2)
        yield there


@pytest.mark.parametrize(("reason", "code", "memory"), FAILED, ids=CASES)
def test_a_limit_ends_a_run_by_its_name(node, reason, code, memory):
    report = node.run(code, memory=memory)
    assert (report["outcome"], report["reason"]) == ("failed", reason), report["error"]
    assert report["sandbox"] == node.standing["level"]
    assert report["error"]
    used = report["usage"]
    assert 0 < used["max_memory_mb"] <= memory
    assert used["processes"] >= 1
    assert used["cpu_seconds"] >= 0


@pytest.mark.parametrize(
    "code", [FILL, ONE_FILE, SPARSE, DEEP, UNSEEN], ids=["many", "one", "sparse", "deep", "unseen"]
)
def test_disk_that_is_only_watched_is_bounded_wherever_it_is_taken(watched, code):
    report = watched.run(code)
    assert (report["outcome"], report["reason"]) == ("failed", "disk_limit"), report["error"]
    assert report["sandbox"] == 2


def test_a_child_that_the_kernel_killed_for_memory_is_not_passed_over(node):
    code = "import os\nif os.fork() == 0:\n    kept = b'x' * (200 * 2**20)\n    os._exit(0)\nos.wait()\nprint('fine')"
    assert node.run(code, memory=96)["reason"] == "memory_limit"


def test_time_ends_a_run(node):
    report = node.run(SLEEP, timeout=1.0)
    assert (report["outcome"], report["reason"]) == ("timed_out", "timeout")
    assert report["error"] == "timeout: ran longer than 1 s"
    assert report["usage"]["wall_seconds"] >= 1.0


def test_cpu_time_ends_a_run_or_is_never_given(node):
    if node.standing["level"] == 4:  # the kernel gives it no more than its share
        report = node.run(SPIN, timeout=2.0, resources={"cpu": 0.1, "memory": 512})
        assert (report["outcome"], report["reason"]) == ("timed_out", "timeout")
        assert report["usage"]["cpu_seconds"] < report["usage"]["wall_seconds"]
    else:
        report = node.run(SPIN, timeout=100.0, resources={"cpu": 0.01, "memory": 512})
        assert (report["outcome"], report["reason"]) == ("failed", "cpu_limit")
        assert report["error"] == "CPU limit: used more than 2 s of CPU time (0.01 cores for 100 s)"
        assert report["usage"]["cpu_seconds"] > 2.0


def test_cpu_time_of_children_counts(node):
    if node.standing["level"] == 4:
        pytest.skip("at level 4 the kernel shares out the CPU")
    code = "import os\nfor _ in range(3): os.fork()\nwhile True: pass"
    report = node.run(code, timeout=100.0, resources={"cpu": 0.01, "memory": 512})
    assert (report["outcome"], report["reason"]) == ("failed", "cpu_limit")


def test_a_sandbox_that_dies_under_a_run_is_not_the_runs_fault(node):
    attempt = node.grid.submit(SLEEP)
    node.began(attempt)
    busy = node.wait_for_one_busy()
    busy.kill()
    report = node.grid.report_of(attempt)
    assert (report["outcome"], report["reason"]) == ("crashed", "sandbox_failed")
    assert report["sandbox"] == node.standing["level"]
    assert node.run("print('fit')")["result"] == "fit"


def test_a_limit_that_was_met_leaves_the_node_as_it_was(node):
    attempts = [node.grid.submit(code, PATIENCE, 96) for code in (ONE_GREEDY, STUBBORN_FORKS, "print('beside')")]
    outcomes = [node.grid.report_of(attempt)["outcome"] for attempt in attempts]
    assert outcomes == ["failed", "failed", "completed"]


def test_the_report_says_what_was_used(node):
    attempt = node.grid.submit(USED, timeout=120.0)

    def used():
        held = [
            held["usage"]
            for beat in node.grid.heartbeats
            for held in beat["attempts"]
            if held["lease_id"] == attempt["lease_id"] and "usage" in held
        ]
        return held and held[-1]["processes"] >= USED_TASKS and held[-1]["cpu_seconds"] >= 0.25

    node.grid.wait(used, "a heartbeat that tells all that it uses")
    node.grid.order("stop", attempt, "cancelled")
    usage = node.grid.report_of(attempt)["usage"]
    assert usage["processes"] == USED_TASKS
    assert 80 <= usage["max_memory_mb"] <= 200
    assert 0.25 <= usage["cpu_seconds"] <= usage["wall_seconds"] + 1


def test_a_short_run_had_at_least_one_process(node):
    usage = node.run("print(1)")["usage"]
    assert usage["processes"] >= 1
    assert usage["max_memory_mb"] > 1
    assert usage["cpu_seconds"] > 0


def test_a_machine_that_runs_short_of_memory_loses_its_guest_and_not_its_owner(tmp_path):
    with machine(tmp_path, policy="memory_floor_mb = 1e9") as there:
        report = there.run(SLEEP)
        assert (report["outcome"], report["reason"]) == ("crashed", "host_memory_floor")
        assert report["error"] == "host memory floor: the machine itself ran short of memory"
        assert report["sandbox"] == there.standing["level"]


@pytest.mark.parametrize("warm", [0, 2])
def test_a_node_that_loses_its_sandbox_says_so_and_takes_work_when_it_is_back(tmp_path, warm):
    bubblewrap = Bubblewrap(tmp_path / "site")
    launcher = other_machine(landlock=False)
    policy = f"warm_sandboxes = {warm}"
    with machine(tmp_path / "node", policy=policy, launcher=launcher, settings=bubblewrap.settings) as there:
        level = there.standing["level"]
        assert level >= 3
        there.wait_for_sandboxes(warm)
        bubblewrap.vanish()
        report = there.run("print('in what is left')")
        if not warm or report["outcome"] != "completed":  # one that waited may have taken it
            assert (report["outcome"], report["reason"], report["sandbox"]) == ("returned", "sandbox_failed", 0)
        beat = there.grid.wait_for_status("unknown")
        assert (beat["reason"], beat["sandbox"]["level"]) == ("no_sandbox", 0)
        assert beat["sandbox"]["reason"]
        there.grid.wait(lambda: there.grid.asked[-1] == ("poll", 0), "a poll that asks for nothing")
        waiting = there.grid.submit("print('back')")
        bubblewrap.come_back()
        report = there.grid.report_of(waiting)
        assert (report["result"], report["sandbox"]) == ("back", level)
        assert there.grid.wait_for_status("idle")["sandbox"]["level"] == level


def test_both_clocks_of_a_frozen_run_stand_still(tmp_path):
    keyboard = Keyboard(tmp_path)
    words, standing = ("--profile", "desktop", "--slots", "1"), 2.0
    with machine(tmp_path / "node", *words, policy=keyboard.policy(), settings=at_level(3)) as there:
        attempt = there.grid.submit(SPIN, timeout=100.0, resources={"cpu": 0.02, "memory": 512})
        there.began(attempt)
        held = frozen(there, keyboard, attempt, standing)
        assert len({usage["wall_seconds"] for usage in held}) == 1
        assert len({usage["cpu_seconds"] for usage in held}) == 1
        report = there.grid.report_of(attempt)
        assert (report["outcome"], report["reason"]) == ("failed", "cpu_limit")
        assert report["usage"]["wall_seconds"] < report["finished_at"] - report["started_at"] - standing


def frozen(there: Machine, keyboard: Keyboard, attempt: dict, seconds: float) -> list[dict]:
    """Press keys until the run has stood for some seconds; returns its usage in each heartbeat of that time."""
    beats = there.grid.heartbeats
    since: list[float] = []

    def typing() -> list[dict]:
        keyboard.press()
        held = [held for beat in list(beats) for held in beat["attempts"] if held["lease_id"] == attempt["lease_id"]]
        found = [usage["usage"] for usage in held if usage["state"] == "frozen"]
        since.extend([time.monotonic()] if found and not since else [])
        return found if len(found) > 1 and time.monotonic() - since[0] > seconds else []

    found = there.grid.wait(typing, f"{seconds} s of standing")
    keyboard.rest()
    return found
