"""Sandboxes that wait: there while they cost nobody anything, each used once, and never in the way."""

import json
from importlib.util import find_spec
from pathlib import Path

import psutil
import pytest

from .machines import ALWAYS, Keyboard, Machine, inside, machine

WARM = 2
SLEEP = "import time\nprint('up', flush=True)\ntime.sleep({})\nprint('done')"
LEAVE = (
    "import builtins, os, sys\nbuiltins.left = sys.left = 'left'\nos.environ['LEFT'] = 'left'\n"
    "for folder in ('.', '/tmp', '/dev/shm'): open(folder + '/left', 'w').close()\n"
    "if os.fork() == 0:\n    import time\n    time.sleep(60)\n"
)
LOOK = (
    "import builtins, json, os, sys\n"
    "print(json.dumps([hasattr(builtins, 'left'), hasattr(sys, 'left'), 'LEFT' in os.environ,\n"
    "    *(os.path.exists(folder + '/left') for folder in ('.', '/tmp', '/dev/shm')),\n"
    "    len([pid for pid in os.listdir('/proc') if pid.isdigit()]) > 2]))"
)
DRAW = "import os, random, uuid\nprint(random.random(), os.urandom(8).hex(), uuid.uuid4(), hash('x'), id(object()))"


@pytest.fixture(scope="module")
def node(tmp_path_factory):
    """A node of four slots whose owner is away, for all tests."""
    with machine(tmp_path_factory.mktemp("node"), *ALWAYS, "--slots", "4") as there:
        yield there


def waiting(there: Machine) -> set[int]:
    """Wait until as many sandboxes wait as should, while nothing runs; returns their pids."""
    return {process.pid for process in there.wait_for_sandboxes(WARM)}


def complete(there: Machine) -> list[psutil.Process]:
    """Return those that wait as soon as each of them has all its processes."""
    found = there.sandboxes()
    return found if len(found) == WARM and all(len(inside(sandbox)) > 1 for sandbox in found) else []


def gone(there: Machine, killed: list[psutil.Process]) -> None:
    """Wait for their end: a signal on its way has not killed yet."""
    there.grid.wait(lambda: not set(killed) & set(there.sandboxes()), "the end of what was killed")


def test_two_wait_while_nobody_needs_the_machine(node):
    waiting(node)
    assert node.run("print(1)")["result"] == "1"


def test_each_is_used_once_and_replaced(node):
    before = waiting(node)

    def all_used() -> bool:
        assert node.run("print(1)")["result"] == "1"
        return before.isdisjoint(waiting(node))

    node.grid.wait(all_used, f"runs to use {before}")


def test_a_run_takes_one_that_waits(node):
    def took_one() -> bool:
        before = waiting(node)
        attempt = node.grid.submit(SLEEP.format(60))
        node.began(attempt)
        busy = node.wait_for_one_busy()
        node.grid.order("stop", attempt, "cancelled")
        assert node.grid.report_of(attempt)["outcome"] == "cancelled"
        return busy.pid in before  # those that were just being started take nobody's job

    node.grid.wait(took_one, "a run in a sandbox that was there before it")


def test_two_runs_in_a_row_share_nothing(node):
    waiting(node)
    assert node.run(LEAVE)["outcome"] == "completed"
    for _ in range(2 * WARM):
        assert not any(json.loads(node.run(LOOK)["result"]))


def test_no_two_draw_the_same_random_numbers(node):
    waiting(node)
    attempts = [node.grid.submit(DRAW) for _ in range(6)]
    rows = [node.grid.report_of(attempt)["result"].split() for attempt in attempts]
    for column in zip(*(row[:4] for row in rows), strict=True):
        assert len(set(column)) == len(rows)


def test_one_that_is_killed_while_it_waits_is_replaced_and_no_run_notices(node):
    for count in (1, 2):
        waiting(node)
        killed = node.sandboxes()[:count]
        for process in killed:
            process.kill()
        gone(node, killed)
        assert [node.run("print('fine')")["outcome"] for _ in range(3)] == ["completed"] * 3
        assert waiting(node).isdisjoint(process.pid for process in killed)


def test_one_whose_inside_is_killed_while_it_waits_is_replaced_too(node):
    waiting(node)
    before = node.grid.wait(lambda: complete(node), "sandboxes with a supervisor and its child")
    for sandbox in before:
        inside(sandbox)[-1].kill()
    gone(node, before)
    assert [node.run("print('fine')")["outcome"] for _ in range(3)] == ["completed"] * 3
    waiting(node)


def test_a_run_outlives_the_threads_of_all_others(node):
    """What bubblewrap dies with is the thread that started it: of a waiting one that must not be a run's."""
    waiting(node)
    long = [node.grid.submit(SLEEP.format(2.5)) for _ in range(WARM + 1)]
    for attempt in long:
        node.began(attempt)
    assert [node.run(f"print({number})")["result"] for number in range(4)] == list("0123")
    assert [node.grid.report_of(attempt)["result"] for attempt in long] == ["up\ndone"] * len(long)


def test_a_run_that_needs_more_disk_than_usual_gets_it_although_others_wait(node):
    waiting(node)
    report = node.run("import os\nroom = os.statvfs('.')\nprint(room.f_blocks * room.f_frsize // 2**20)", memory=2000)
    assert report["result"] == "1000"


def test_those_that_wait_go_when_the_owner_comes_and_come_back_when_he_has_gone(tmp_path):
    keyboard = Keyboard(tmp_path)
    policy = keyboard.policy(busy_if_input_within_s=1.0, start_after_s=1.5)
    with machine(tmp_path / "node", "--profile", "desktop", "--slots", "1", policy=policy) as there:
        waiting(there)
        for _ in range(2):

            def typing() -> bool:
                keyboard.press()
                return not there.sandboxes()

            there.grid.wait(typing, "nothing that waits")
            assert there.grid.wait_for_status("busy")["reason"] == "input"
            keyboard.rest()
            waiting(there)
        assert there.run("print('fine')")["result"] == "fine"


def test_none_wait_where_none_are_wanted(tmp_path):
    with machine(tmp_path, policy="warm_sandboxes = 0") as there:
        there.grid.wait_for_status("idle")
        assert there.run("print('fine')")["result"] == "fine"
        there.wait_for_sandboxes(0)


class TestPreload:
    """Modules that are imported before there is a job."""

    @pytest.fixture
    def packages(self, tmp_path) -> Path:
        folder = tmp_path / "packages"
        folder.mkdir()
        (folder / "counted.py").write_text("import os\nimported_by = os.getpid()\nseen = dict(os.environ)\nruns = 0\n")
        return folder

    def test_a_module_is_there_before_the_code_asks_for_it(self, packages, tmp_path):
        words = (*ALWAYS, "--packages", str(packages), "--preload", "counted,decimal")
        with machine(tmp_path / "node", *words) as there:
            waiting(there)
            code = (
                "import sys\nprint('counted' in sys.modules, 'decimal' in sys.modules)\nimport counted\n"
                "counted.runs += 1\nprint(counted.runs, 'IDLEGRID_PARAMETERS' in counted.seen)"
            )
            assert [there.run(code)["result"] for _ in range(WARM + 1)] == ["True True\n1 False"] * (WARM + 1)

    def test_what_is_not_there_is_refused_by_name_and_the_node_works(self, packages, tmp_path):
        words = (*ALWAYS, "--packages", str(packages), "--preload", "decimal,no_such_module")
        with machine(tmp_path / "node", *words) as there:
            assert there.standing["level"] >= 3
            (warning,) = [line for line in logged(there) if line["event"] == "not_furnished"]
            assert "no_such_module" in warning["reason"]
            assert there.run("import counted\nprint('fine')")["result"] == "fine"
            waiting(there)

    def test_what_ends_the_interpreter_is_refused_and_the_node_works(self, packages, tmp_path):
        (packages / "deadly.py").write_text("import os\nos._exit(3)")
        words = (*ALWAYS, "--packages", str(packages), "--preload", "deadly")
        with machine(tmp_path / "node", *words) as there:
            assert [line for line in logged(there) if line["event"] == "not_furnished"]
            assert there.run("print('fine')")["result"] == "fine"

    def test_random_numbers_of_a_preloaded_library_differ(self, tmp_path):
        found = find_spec("numpy")
        if found is None or found.origin is None:
            pytest.skip("numpy is not installed")
        words = (*ALWAYS, "--packages", str(Path(found.origin).parents[1]), "--preload", "numpy,numpy.random,random")
        with machine(tmp_path, *words) as there:
            waiting(there)
            code = "import sys\nprint('numpy.random' in sys.modules)\nimport numpy\nprint(numpy.random.random(4))"
            results = [there.run(code)["result"] for _ in range(WARM + 1)]
            assert all(result.startswith("True\n") for result in results)
            assert len(set(results)) == len(results)


def logged(there: Machine) -> list[dict[str, str]]:
    """The lines of the node's log."""
    return [json.loads(line) for line in there.node.log.read_text().splitlines() if line.startswith("{")]
