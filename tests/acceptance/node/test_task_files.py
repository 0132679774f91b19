"""The files that a task brings: fetched before the start, once, and only those that the lease named."""

import os

import pytest

from .machines import ALWAYS, Keyboard, machine

FILES = {"main.py": b"print('main')", "data/a.csv": b"1,2\n", "b ü.txt": "größe".encode()}


def test_files_are_fetched_once_for_all_runs_that_have_them(grid):
    code = "print(open('data/a.csv').read(), open('b ü.txt').read())"
    assert grid.run(code, files=FILES)["result"] == "1,2\n größe"
    assert sorted(grid.fetched) == sorted(FILES)
    grid.fetched.clear()
    assert grid.run("", command="main.py", files={**FILES, "new": b""})["result"] == "main"
    assert grid.fetched == ["new"]


def test_large_files_come_whole(grid):
    content = os.urandom(10 * 2**20)
    code = "import hashlib\nprint(hashlib.sha256(open('large', 'rb').read()).hexdigest())"
    attempt = grid.submit(code, files={"large": content})
    assert grid.report_of(attempt)["result"] == attempt["files"][0]["sha256"]


@pytest.mark.parametrize(
    "served",
    [{}, {"x": b"newer"}, {"x": b"longer than it was said to be"}],
    ids=["gone", "another", "longer"],
)
def test_an_attempt_whose_files_are_others_by_now_is_returned(grid, served):
    report = grid.run("print(1)", files={"x": b"older"}, served=served)
    assert (report["outcome"], report["reason"], report["sandbox"]) == ("returned", "files_changed", 0)
    assert "x" in report["error"] or "no such file" in report["error"]
    assert grid.run("print('next')")["result"] == "next"


@pytest.mark.parametrize("name", ["../x", "/tmp/x", "a//b", ".."])
def test_a_name_that_leads_out_is_refused(grid, name):
    assert grid.run("print(1)", files={name: b"x"})["reason"] == "files_changed"


def test_a_waiting_sandbox_takes_a_run_with_files(tmp_path):
    with machine(tmp_path) as there:
        before = {sandbox.pid for sandbox in there.wait_for_sandboxes(2)}
        attempt = there.grid.submit("print('up', flush=True)\nimport time; time.sleep(60)", files=FILES)
        there.began(attempt)
        assert {sandbox.pid for sandbox in there.busy()} <= before
        there.grid.order("stop", attempt, "cancelled")
        assert there.grid.report_of(attempt)["outcome"] == "cancelled"


def test_a_coordinator_that_is_away_for_a_moment_is_asked_again(tmp_path):
    with machine(tmp_path, *ALWAYS, "--slots", "1") as there:
        there.grid.away_for_files = 1
        assert there.grid.run("print(open('x').read())", files={"x": b"there"})["result"] == "there"
        assert there.grid.fetched == ["x", "x"]
        kept = tmp_path / "data" / "task_files"
        assert [path.read_bytes() for path in kept.iterdir()] == [b"there"]
        for path in kept.iterdir():
            path.write_bytes(b"spoilt")
        assert there.grid.run("print(open('x').read())", files={"x": b"there"})["result"] == "there"


def test_one_that_stays_away_gets_the_attempt_back_unless_it_is_stopped_before(tmp_path):
    with machine(tmp_path, *ALWAYS, "--slots", "2") as there:
        there.grid.away_for_files = 1000
        first, second = (there.grid.submit("print(1)", files={name: name.encode()}) for name in ("a", "b"))
        there.grid.wait(lambda: "b" in there.grid.fetched, "the second one's file to be asked for")
        there.grid.order("stop", second, "cancelled")
        assert there.grid.report_of(second)["outcome"] == "cancelled"
        assert there.grid.report_of(first)["reason"] == "files_unavailable"


def test_the_owner_who_comes_back_meets_files_that_stand_still(tmp_path):
    keyboard = Keyboard(tmp_path)
    with machine(tmp_path, "--profile", "desktop", policy=keyboard.policy(max_frozen_s=1.0)) as there:
        attempt = there.grid.submit(
            "", task_type="shell", command="echo up; while :; do cat big >/dev/null; done", files={"big": b"x" * 2**20}
        )
        there.began(attempt)

        def typing():
            keyboard.press()
            return there.grid.reports

        there.grid.wait(typing, "the report")
        assert there.grid.report_of(attempt)["outcome"] == "evicted"
        assert "frozen" in there.grid.states_of(attempt)
